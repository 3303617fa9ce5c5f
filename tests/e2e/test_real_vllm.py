"""The main job on a real vLLM server."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from agentrt.result import Result
from agentrt.runtime import Runtime
from agentrt.serving.metrics import read_counters
from agentrt.timing import read_trace

pytestmark = pytest.mark.e2e
WORKFLOWS = Path(__file__).parents[2] / "workflows"
RESEARCH = WORKFLOWS / "research.yaml"
# What a summary of each document of the small corpus speaks of.
_ABOUT = (("bee", "honey"), ("tide", "moon"), ("lava", "volcano"))
SHIPPED = sorted(path.stem for path in WORKFLOWS.glob("*.yaml"))


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def test_research_gives_a_cited_answer_and_accounts_for_its_time(server, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    url, key = server.base_url, server.api_key
    with Runtime(base_url=url, model=server.model, api_key=key) as runtime:
        result = runtime.run(RESEARCH, trace_file=file)
    assert len(result.outputs["answer"]) > 40
    assert result.outputs["citations"]["ok"]
    assert result.citations
    assert len(result.outputs["queries"]) == 2
    assert result.breakdown.unattributed_share < 0.02
    calls = [span for span in read_trace(file).spans if span.kind == "llm"]
    assert {"plan", "notes", "draft", "sources"} <= {span.name for span in calls}
    for call in calls:
        assert call.attributes["prompt_tokens"] > 0
        assert call.attributes["output_tokens"] > 0
        assert call.attributes["queue_s"] is not None
    assert result.llm.acceptance_length is not None


@pytest.fixture
def ran(server, tmp_path: Path) -> Callable[..., Result]:
    """Run a shipped workflow in a repository with a change, a person approving what it asks."""
    shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    code = tmp_path / "price.py"
    code.write_text("def price(jars):\n    return jars * 4\n")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Prices"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    code.write_text("def price(jars):\n    return jars / 0\n")
    url, key = server.base_url, server.api_key

    def run(name: str, **inputs: object) -> Result:
        asked = {"base_url": url, "model": server.model, "api_key": key}
        with Runtime(**asked, on_question=lambda question: True) as runtime:
            return runtime.run(tmp_path / "workflows" / f"{name}.yaml", inputs)

    return run


@pytest.mark.parametrize("name", [*SHIPPED, "starter/starter"])
def test_the_parts_of_each_shipped_workflow_add_up(ran, server, no_collection, name: str) -> None:
    before = read_counters(server)
    result = ran(name)
    after = read_counters(server)
    assert before is not None
    assert after is not None
    breakdown = result.breakdown
    assert sum(breakdown.seconds.values()) == pytest.approx(breakdown.wall_s, rel=0.02)
    # The server's clock runs from the request's arrival to the last token made.
    ours = sum(
        call.attributes["ttft_s"] + call.attributes["decode_s"]
        for call in result.trace.spans
        if call.kind == "llm"
    )
    assert ours == pytest.approx(after.requests_s - before.requests_s, rel=0.1)


def test_a_chat_goes_on_where_its_thread_was(ran, small_corpus: Path) -> None:
    corpus = str(small_corpus)
    first = ran("chat-with-docs", corpus=corpus, question="Where do bees store their honey?")
    assert "honey" in first.outputs["answer"].lower()
    second = ran("chat-with-docs", corpus=corpus, question="Who stores it there?")
    assert second.outputs["turns_before"] == 1
    # "it" and "there" find nothing: the passage was found by what was asked before.
    assert any("bees.md" in source for source in second.outputs["sources"])


def test_each_document_of_a_folder_is_summarised(ran, small_corpus: Path) -> None:
    outputs = ran("summarize-folder", folder=str(small_corpus)).outputs
    assert outputs["documents"] == ["bees.md", "page.html", "volcano.txt"]
    for words, summary in zip(_ABOUT, outputs["summaries"], strict=True):
        assert any(word in summary.lower() for word in words)


def test_the_findings_of_a_review_point_at_what_changed(ran) -> None:
    outputs = ran("code-review").outputs
    assert (outputs["changed"], outputs["reviewed"]) == (1, 1)
    for finding in outputs["findings"]:
        assert finding["file"] == "price.py"
        assert 1 <= finding["line"] <= 2
        assert finding["severity"] in ("bug", "risk", "style")


def test_the_servers_counters_agree_with_the_answers_of_a_run(server) -> None:
    before = read_counters(server)
    with Runtime(base_url=server.base_url, model=server.model, api_key=server.api_key) as runtime:
        result = runtime.run(WORKFLOWS / "extract.yaml")
    after = read_counters(server)
    assert before is not None
    assert after is not None
    assert after.output_tokens - before.output_tokens == result.llm.output_tokens
    assert after.acceptance_length(before) == pytest.approx(result.llm.acceptance_length, rel=0.1)


def test_without_the_key_v1_answers_401(server) -> None:
    assert httpx.get(f"{server.base_url}/models").status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert httpx.get(f"{server.base_url}/models", headers=wrong).status_code == 401


def test_the_whole_process_tree_listens_on_loopback_only(server) -> None:
    listening = [
        connection.laddr
        for process in family(server.pid)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


def test_kill_9_of_a_run_leaves_no_process_and_no_half_written_trace(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agentrt", "run", str(RESEARCH), "--trace", "t.jsonl"]
    run = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env={**os.environ, "AGENTRT_STATE": str(tmp_path / "state")},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    # The run, its supervisor, vLLM's front end and its engine.
    while len(family(run.pid)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    members = family(run.pid)
    assert len(members) >= 4
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(members[1:], timeout=30)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    assert not (tmp_path / "t.jsonl").exists()


def test_ctrl_c_ends_a_server_in_the_foreground_with_all_its_processes(tmp_path: Path) -> None:
    serving = subprocess.Popen(
        [sys.executable, "-m", "agentrt", "serve"], stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, env={**os.environ, "AGENTRT_STATE": str(tmp_path / "state")},
        # Whoever runs the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(family(serving.pid)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    members = family(serving.pid)
    assert len(members) >= 4
    serving.send_signal(signal.SIGINT)
    try:
        assert serving.wait(timeout=30) == 130
    finally:
        serving.kill()
    _, alive = psutil.wait_procs(members[1:], timeout=30)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
