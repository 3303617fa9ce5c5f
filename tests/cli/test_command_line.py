"""The command line, as a person or a script meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import agentrt
from agentrt.testing import Reply

WORKFLOW = """
name: hello
inputs: {who: {type: string, default: world}, n: {type: integer, default: 1}}
nodes:
  say: {kind: llm, prompt: "Greet {{ inputs.who }} {{ inputs.n + 1 }} times"}
outputs: {answer: "{{ say }}"}
"""


def agentrt_cli(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentrt", *words],
        capture_output=True, text=True, check=False, cwd=cwd, timeout=120,
        env={**os.environ, "COLUMNS": "120", "AGENTRT_STATE": str(cwd / "state"), **environment},
    )  # fmt: skip


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    (tmp_path / "hello.yaml").write_text(WORKFLOW)
    return tmp_path


def test_run_against_any_openai_compatible_server(hello: Path, fake_server) -> None:
    server = fake_server([Reply("Hello there")])
    words = ["run", "hello.yaml", "-i", "who=Ada", "-i", "n=2", "--base-url", server.base_url]
    key = {"OPENAI_API_KEY": server.api_key}
    done = agentrt_cli(*words, "--model", "m", "--trace", "t.jsonl", cwd=hello, **key)
    assert done.returncode == 0, done.stderr
    assert server.requests[0]["messages"][0]["content"] == "Greet Ada 3 times"
    assert "Hello there" in done.stdout
    assert "acceptance length unknown" in done.stdout
    assert "unattributed" in done.stdout
    shown = agentrt_cli("trace", "show", "t.jsonl", cwd=hello)
    assert shown.returncode == 0
    assert "acceptance length unknown" in shown.stdout


def test_a_run_can_be_watched_and_handed_to_perfetto(hello: Path, fake_server) -> None:
    server = fake_server([Reply("Hello there")])
    words = ["run", "hello.yaml", "--base-url", server.base_url, "--model", "m", "--watch"]
    more = ["--perfetto", "out/run.json", "--trace", "t.jsonl", "--record-text"]
    done = agentrt_cli(*words, *more, cwd=hello, OPENAI_API_KEY=server.api_key)
    assert done.returncode == 0, done.stderr
    assert "✓ say" in done.stderr
    assert json.loads((hello / "out" / "run.json").read_text())["traceEvents"]
    assert "Greet world 2 times" in (hello / "t.jsonl").read_text()
    again = agentrt_cli("trace", "export", "t.jsonl", "--perfetto", "again.json", cwd=hello)
    assert again.returncode == 0, again.stderr
    assert (hello / "again.json").read_text() == (hello / "out" / "run.json").read_text()


def test_texts_stay_out_of_a_trace_unless_asked_for(hello: Path, fake_server) -> None:
    server = fake_server([Reply("Hello there")])
    words = ["run", "hello.yaml", "--base-url", server.base_url, "--model", "m"]
    done = agentrt_cli(*words, "--trace", "t.jsonl", cwd=hello, OPENAI_API_KEY=server.api_key)
    assert done.returncode == 0, done.stderr
    text = (hello / "t.jsonl").read_text()
    assert "Greet" not in text
    assert "Hello there" not in text


def test_a_collector_that_is_not_there_is_told_of_after_the_answer(
    hello: Path, fake_server
) -> None:
    server = fake_server([Reply("Hello there")])
    words = ["run", "hello.yaml", "--base-url", server.base_url, "--model", "m"]
    otlp = ["--otlp", "http://127.0.0.1:9", "--trace", "t.jsonl"]
    done = agentrt_cli(*words, *otlp, cwd=hello, OPENAI_API_KEY=server.api_key)
    assert done.returncode == 2
    assert "did not take the spans" in done.stderr
    assert "Hello there" in done.stdout
    assert (hello / "t.jsonl").exists()


def test_json_is_all_that_is_printed(hello: Path, fake_server) -> None:
    server = fake_server([Reply("Hello there", acceptance_length=2.5)])
    done = agentrt_cli(
        "run", "hello.yaml", "--json", "--base-url", server.base_url, "--model", "m",
        cwd=hello, OPENAI_API_KEY=server.api_key,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["outputs"] == {"answer": "Hello there"}
    assert told["llm"]["acceptance_length"] == 2.5
    parts = sum(told["seconds"].values()) + told["unattributed_s"]
    assert parts == pytest.approx(told["wall_s"])
    assert Path(hello / told["trace_file"]).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "hello.yaml", "-i", "whom=x"], "no input 'whom' (did you mean 'who'?)"),
        (["run", "hello.yaml", "-i", "n=many"], "input 'n' must be a integer, not 'many'"),
        (["run", "hello.yaml", "-i", "who"], "--input takes NAME=VALUE, not 'who'"),
        (["run", "helo.yaml"], "did you mean 'hello.yaml'?"),
        (["run", "hello.yaml", "--base-url", "http://127.0.0.1:1/v1"], "go together"),
        (["run", "hello.yaml", "--profile", "cpu-smolm2"], "did you mean 'cpu-smollm2'?"),
        (["run", "hello.yaml", "--inputs", "missing.yaml"], "missing.yaml: cannot be read"),
        (["compare", "hello.yaml", "-p", "cpu-smollm2-baseline"], "does not speculate"),
    ],
)
def test_a_wrong_request_exits_with_2_and_one_line(hello: Path, words, message) -> None:
    done = agentrt_cli(*words, cwd=hello)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_run_exits_with_1(hello: Path, fake_server) -> None:
    server = fake_server([Reply(status=500, message="out of luck")])
    done = agentrt_cli(
        "run", "hello.yaml", "--base-url", server.base_url, "--model", "m",
        cwd=hello, OPENAI_API_KEY=server.api_key,
    )  # fmt: skip
    assert done.returncode == 1
    assert "out of luck" in done.stderr
    assert "in node 'say'" in done.stderr


def test_print_command_doctor_schema_status_and_stop(hello: Path) -> None:
    printed = agentrt_cli("serve", "-p", "rtx5090-gemma4-dflash", "--print-command", cwd=hello)
    assert "z-lab/gemma-4-26B-A4B-it-DFlash" in printed.stdout
    doctor = json.loads(agentrt_cli("doctor", "--json", cwd=hello).stdout)
    reasons = {p["name"]: p["reason"] for p in doctor["profiles"]}
    assert reasons["cpu-smollm2"] is None
    schema = json.loads(agentrt_cli("schema", cwd=hello).stdout)
    assert "nodes" in schema["required"]
    assert json.loads(agentrt_cli("status", "--json", cwd=hello).stdout) == []
    assert "no server runs" in agentrt_cli("stop", cwd=hello).stdout


def test_importing_and_help_stay_light() -> None:
    code = (
        "import sys, agentrt, agentrt.cli.main\n"
        "heavy = {'torch', 'vllm', 'langgraph', 'chromadb', 'transformers', 'langchain_core',\n"
        "         'sentence_transformers', 'openai'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_few_sorted_and_there() -> None:
    assert list(agentrt.__all__) == sorted(agentrt.__all__)
    assert len(agentrt.__all__) <= 15
    for name in agentrt.__all__:
        assert getattr(agentrt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = agentrt.nonsense
