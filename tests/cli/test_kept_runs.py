"""Runs at the command line: listed, shown, resumed, replayed, cancelled."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentrt.testing import Reply

WORKFLOW = """
name: letter
inputs: {to: {default: Ada}}
nodes:
  draft: {kind: llm, prompt: "Write to {{ inputs.to }}"}
  sure: {kind: human, ask: approve, message: "Send this?", value: "{{ draft }}"}
  send: {kind: llm, prompt: "{{ sure }}: {{ draft }}"}
outputs: {sent: "{{ send }}"}
"""


@pytest.fixture
def agentrt(tmp_path: Path, fake_server):
    """Run the command on a scripted server, in a folder with a workflow."""
    server = fake_server(lambda body: Reply(f"re {body['messages'][-1]['content']}"))
    (tmp_path / "letter.yaml").write_text(WORKFLOW)
    environment = {
        **os.environ,
        "COLUMNS": "120",
        "AGENTRT_STATE": str(tmp_path / "state"),
        "OPENAI_API_KEY": server.api_key,
    }

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agentrt", *words],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120,
            env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    call.on = ("--base-url", server.base_url, "--model", "m")
    call.server, call.folder, call.environment = server, tmp_path, environment
    return call


def test_a_run_without_a_terminal_waits_and_is_resumed_with_the_answer(agentrt) -> None:
    waiting = agentrt("run", "letter.yaml", *agentrt.on, "--json")
    assert waiting.returncode == 3
    told = json.loads(waiting.stdout)
    assert told["questions"][0]["value"] == "re Write to Ada"
    run_id = told["run_id"]
    assert f"agentrt resume {run_id} -a 'sure=…'" in waiting.stderr

    listed = json.loads(agentrt("runs", "--json").stdout)
    assert [(run["id"], run["state"]) for run in listed] == [(run_id, "waiting")]
    assert "Send this?" in agentrt("runs", "show", run_id[:5], "--json").stdout

    wrong = agentrt("resume", run_id, "--answer", "perhaps")
    assert (wrong.returncode, "answered with yes or no" in wrong.stderr) == (2, True)
    done = agentrt("resume", run_id, "--answer", "yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"] == {"sent": "re True: re Write to Ada"}
    assert len(agentrt.server.requests) == 2

    again = agentrt("replay", run_id, "--from", "draft", "-i", "to=Bob", "--json")
    assert again.returncode == 3, again.stderr
    assert json.loads(again.stdout)["questions"][0]["value"] == "re Write to Bob"
    cancelled = agentrt("cancel", json.loads(again.stdout)["run_id"])
    assert cancelled.stdout.strip() == "cancelled"
    assert agentrt("resume", run_id).returncode == 2


def test_a_run_on_mapped_roles_starts_no_server_and_is_resumed_on_them(agentrt) -> None:
    roles = WORKFLOW.replace("nodes:", "models: {writer: {}}\nnodes:")
    roles = roles.replace("kind: llm,", "kind: llm, model: writer,")
    (agentrt.folder / "letter.yaml").write_text(roles)
    _, url, _, model = agentrt.on
    waiting = agentrt("run", "letter.yaml", "--model-role", f"writer={url}#{model}", "--json")
    assert waiting.returncode == 3, waiting.stderr
    assert "starting vLLM" not in waiting.stderr
    done = agentrt("resume", json.loads(waiting.stdout)["run_id"], "--answer", "yes", "--json")
    assert done.returncode == 0, done.stderr
    assert "starting vLLM" not in done.stderr
    assert json.loads(done.stdout)["outputs"] == {"sent": "re True: re Write to Ada"}
    key = agentrt.server.api_key.encode()
    assert not [
        file for file in agentrt.folder.rglob("*") if file.is_file() and key in file.read_bytes()
    ]


def test_no_store_keeps_nothing(agentrt) -> None:
    refused = agentrt("run", "letter.yaml", *agentrt.on, "--no-store")
    assert refused.returncode == 1
    assert "asks a person, and nobody answers" in refused.stderr
    assert agentrt("runs").stdout.strip() == "no runs are kept"


def test_a_killed_run_is_interrupted_and_goes_on(agentrt) -> None:
    slow = {"draft": Reply("word " * 400, itl_s=0.05)}
    agentrt.server._replies = lambda body: slow.pop("draft", Reply("quick"))
    words = [sys.executable, "-m", "agentrt", "run", "letter.yaml", *agentrt.on]
    running = subprocess.Popen(
        words, cwd=agentrt.folder, env=agentrt.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not agentrt.server.requests:
        assert running.poll() is None
        time.sleep(0.02)
    asked = json.loads(agentrt("runs", "--json").stdout)[0]
    assert (asked["state"], asked["pid"]) == ("running", running.pid)
    assert "being carried on by process" in agentrt("resume", asked["id"]).stderr
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert json.loads(agentrt("runs", "--json").stdout)[0]["state"] == "interrupted"
    assert agentrt("resume", asked["id"]).returncode == 3


def test_a_run_in_another_process_is_cancelled_within_a_second(agentrt) -> None:
    agentrt.server._replies = lambda body: Reply("word " * 400, itl_s=0.05)
    words = [sys.executable, "-m", "agentrt", "run", "letter.yaml", *agentrt.on, "--json"]
    running = subprocess.Popen(
        words, cwd=agentrt.folder, env=agentrt.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not agentrt.server.requests:
        assert running.poll() is None
        time.sleep(0.02)
    run_id = json.loads(agentrt("runs", "--json").stdout)[0]["id"]
    assert "was asked to end it" in agentrt("cancel", run_id).stdout
    told, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert json.loads(told)["error"] == "RunCancelled"
    assert agentrt.server.cancelled == 1
    assert json.loads(agentrt("runs", "--json").stdout)[0]["state"] == "cancelled"
