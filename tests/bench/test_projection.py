"""What a run would take at other rates: traces whose truth is known."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentrt.bench.projection import Rates, project, speedup_of
from agentrt.bench.replay import Replay
from agentrt.bench.setups import setups
from agentrt.cli.main import app
from agentrt.errors import UserError
from agentrt.timing import Phase, Span, SpanKind, Trace, TraceWriter
from agentrt.timing.trace import TraceHeader


def span(id_: str, kind: SpanKind, name: str, start: float, end: float) -> Span:
    return Span(id=id_, parent=None, kind=kind, name=name, node=name, start_s=start, end_s=end)


def node(name: str, start: float, end: float) -> Span:
    return Span(
        id=f"n{name}", parent="r", kind="node", name=name, node=name, start_s=start, end_s=end
    )


def llm(name: str, start: float, prefill: float, decode: float, tokens: int) -> Span:
    first, end = start + prefill, start + prefill + decode
    found = span(f"l{name}", "llm", name, start, end)
    phases = (
        Phase(category="prefill", start_s=start, end_s=first),
        Phase(category="decode", start_s=first, end_s=end),
    )
    attributes = {
        "prompt_tokens": 100, "cached_tokens": 0, "output_tokens": tokens,
        "ttft_s": prefill, "queue_s": 0.0, "decode_s": decode,
    }  # fmt: skip
    return found.model_copy(update={"phases": phases, "attributes": attributes})


def tool(name: str, start: float, end: float) -> Span:
    return Span(
        id=f"t{name}",
        parent=f"n{name}",
        kind="tool",
        name=name,
        node=name,
        start_s=start,
        end_s=end,
    )


@pytest.fixture
def trace() -> Trace:
    """plan (LLM, 5 s), then side by side: draft (LLM, 4 s) and lookup (a tool, 3 s)."""
    spans = [
        llm("plan", 0.0, 1.0, 4.0, 41), node("plan", 0.0, 5.0),
        tool("lookup", 5.0, 8.0), node("lookup", 5.0, 8.0),
        llm("draft", 5.0, 1.0, 3.0, 31), node("draft", 5.0, 9.0),
        Span(id="r", parent=None, kind="run", name="w", node=None, start_s=0.0, end_s=9.0),
    ]  # fmt: skip
    return Trace(header=TraceHeader(workflow="w", started_at="2026-01-01T00:00:00"), spans=spans)


def test_items_that_follow_each_other_through_a_gate_all_save(trace: Trace) -> None:
    # Two lanes: 0 to 4 and 4 to 8, beside it 0 to 3 and 3 to 7. Each is 1 s and decode.
    spans = [
        llm("a", 0.0, 1.0, 3.0, 31), node("a", 0.0, 4.0),
        llm("b", 0.0, 1.0, 2.0, 21), node("b", 0.0, 3.0),
        llm("c", 3.0, 1.0, 3.0, 31), node("c", 3.0, 7.0),
        llm("d", 4.0, 1.0, 3.0, 31), node("d", 4.0, 8.0),
        Span(id="r", parent=None, kind="run", name="w", node=None, start_s=0.0, end_s=8.5),
    ]  # fmt: skip
    at_once = project([Trace(header=trace.header, spans=spans)], Rates(decode=1e9))
    # a and d take 1 s each, and half a second follows; without what a saved d would end at 5.
    assert at_once.projected_s == pytest.approx(1.0 + 1.0 + 0.5)


def test_calls_of_the_same_length_change_nothing(trace: Trace) -> None:
    assert Replay.of(trace.spans).wall(lambda call: call.duration_s) == pytest.approx(9.0)
    assert project([trace], Rates()).speedup == pytest.approx(1.0)


def test_a_faster_decode_is_held_up_by_the_tool_beside_it(trace: Trace) -> None:
    # 10 tok/s measured. At 40: plan 1 + 1, draft 1 + 0.75; the tool still takes 3.
    found = project([trace], Rates(decode=40))
    assert found.projected_s == pytest.approx(2.0 + 3.0)
    assert found.speedup == pytest.approx(9 / 5)


def test_the_ceiling_is_decode_at_no_cost(trace: Trace) -> None:
    found = project([trace], Rates(decode=40))
    assert found.ceiling_s == pytest.approx(1.0 + 3.0)
    assert project([trace], Rates(decode=1e9)).projected_s == pytest.approx(found.ceiling_s)


def test_prefill_has_a_rate_of_its_own(trace: Trace) -> None:
    assert project([trace], Rates(prefill=200)).projected_s == pytest.approx(9.0 - 0.5 - 0.5)


def test_slower_decode_is_projected_as_well(trace: Trace) -> None:
    assert project([trace], Rates(decode=5)).projected_s == pytest.approx(1 + 8 + 1 + 6)


def test_shares_add_up_before_and_after(trace: Trace) -> None:
    found = project([trace], Rates(decode=20))
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert found.shares["decode"] == pytest.approx(7 / 9)
    assert found.projected_shares["decode"] < found.shares["decode"]


def test_break_even_says_what_dominates_next(trace: Trace) -> None:
    # 70 tokens after the first ones and 2 s of prefill on the path: equal at 35 tok/s.
    assert [(p.category, round(p.decode)) for p in project([trace], Rates()).break_even] == [
        ("prefill", 35)
    ]


def test_several_runs_give_a_spread(trace: Trace) -> None:
    longer = [s.model_copy(update={"end_s": 10.0}) if s.kind == "run" else s for s in trace.spans]
    slow = trace.model_copy(update={"spans": longer})
    found = project([trace, slow], Rates(decode=40))
    assert (found.low_s, found.high_s, found.runs) == (pytest.approx(5.0), pytest.approx(6.0), 2)


def test_speedup_from_acceptance() -> None:
    assert speedup_of(1.0, 0.0) == 1.0
    assert speedup_of(3.54, 0.18) == pytest.approx(3.0)


def test_published_rates_have_their_source() -> None:
    found = setups()
    ratio = found["rtx5090-gemma4-dflash"].decode / found["rtx5090-gemma4-baseline"].decode
    assert ratio == pytest.approx(2.56, abs=0.03), "the headline's own ratio"
    assert all(setup.source and setup.decode > 0 for setup in found.values())


@pytest.fixture
def file(trace: Trace, tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    with TraceWriter(path, trace.header) as writer:
        for span in trace.spans:
            writer("close", span)
    return path


def test_on_the_command_line(file: Path) -> None:
    told = CliRunner().invoke(app, ["project", str(file), "--decode", "40"])
    assert told.exit_code == 0, told.output
    assert "1.80x" in told.output
    assert "beyond 35 tok/s, prefill takes more than decode" in told.output
    as_json = CliRunner().invoke(app, ["project", str(file), "--acceptance", "2.36", "--json"])
    assert json.loads(as_json.output)["rates"]["decode_speedup"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--decode", "5", "--acceptance", "2"], "take one"),
        (["--setup", "rtx5090-gemma4-dflsh"], "did you mean 'rtx5090-gemma4-dflash'"),
    ],
)
def test_wrong_requests_are_refused(file: Path, words: list[str], told: str) -> None:
    refused = CliRunner().invoke(app, ["project", str(file), *words])
    assert refused.exit_code == 2
    assert told in refused.output


def test_traces_of_different_workflows_are_refused(trace: Trace) -> None:
    other = trace.model_copy(update={"header": trace.header.model_copy(update={"workflow": "x"})})
    with pytest.raises(UserError, match="one workflow"):
        project([trace, other], Rates())
