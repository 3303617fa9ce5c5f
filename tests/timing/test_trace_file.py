"""The trace file: whole or not there, and clear about what is wrong with it."""

from pathlib import Path

import pytest

from agentrt.errors import TraceError
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.timing import Span, read_trace

WORKFLOW = {
    "name": "one",
    "nodes": {"say": {"kind": "llm", "prompt": "x"}},
    "outputs": {"answer": "{{ say }}"},
}


def test_a_run_writes_a_trace_that_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "trace.jsonl"
    with Runtime(chat=ScriptedModel(["hi"])) as runtime:
        result = runtime.run(WORKFLOW, trace_file=file)
    trace = read_trace(file)
    assert trace == result.trace
    assert {span.kind for span in trace.spans} >= {"run", "node", "llm", "orchestration"}
    assert trace.run.status == "ok"
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.iterdir()] == ["trace.jsonl"]


def test_hooks_see_each_span_open_and_close() -> None:
    seen: list[tuple[str, Span]] = []
    with Runtime(chat=ScriptedModel(["hi"]), hooks=[lambda *call: seen.append(call)]) as runtime:
        runtime.run(WORKFLOW)
    moments = [moment for moment, span in seen if span.name == "say" and span.kind == "node"]
    assert moments == ["open", "close"]
    assert seen[0][1].kind == "run"
    assert seen[-1][1].kind == "run"


def test_a_failed_run_leaves_a_trace_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    with Runtime(chat=ScriptedModel([""])) as runtime, pytest.raises(Exception, match="nothing"):
        runtime.run(WORKFLOW, trace_file=file)
    assert read_trace(file).run.status == "error"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "trace.jsonl:1: not an agentrt trace"),
        ("hello\n", "trace.jsonl:1"),
        ('{"trace": "other"}\n', "not an agentrt trace"),
        ('{"trace": "agentrt.trace", "version": 99, "workflow": "w", "started_at": ""}\n',
         "version 99 is newer than 1"),
        ('{"trace": "agentrt.trace", "version": 1, "workflow": "w", "started_at": ""}\n{"id"\n',
         "trace.jsonl:2"),
    ],
)  # fmt: skip
def test_a_broken_trace_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text(text)
    with pytest.raises(TraceError) as caught:
        read_trace(file)
    assert message in str(caught.value)
