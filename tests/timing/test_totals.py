"""Stalls, and two clocks side by side."""

import pytest

from agentrt.runtime import Runtime
from agentrt.testing import Reply
from agentrt.timing import Span, llm_totals, stalls

WORKFLOW = {
    "name": "w",
    "nodes": {"say": {"kind": "llm", "prompt": "x"}},
    "outputs": {"answer": "{{ say }}"},
}


def call(gap_s: float, tpot_s: float) -> Span:
    told = {"longest_gap_s": gap_s, "tpot_s": tpot_s}
    return Span(id="a-1", parent=None, kind="llm", name="n", node="n", start_s=0, attributes=told)


@pytest.mark.parametrize(
    ("gap_s", "tpot_s", "stalled"),
    [(5.0, 0.1, True), (0.4, 0.01, False), (5.0, 1.0, False), (0.0, 0.0, False)],
)
def test_a_stall_is_long_and_longer_than_the_calls_own_pace(gap_s, tpot_s, stalled) -> None:
    assert bool(stalls([call(gap_s, tpot_s)])) == stalled


def test_the_longest_gap_is_that_of_the_stream(fake_server) -> None:
    server = fake_server([Reply("hello there", itl_s=0.05)])
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        result = runtime.run(WORKFLOW)
    [span] = [span for span in result.trace.spans if span.kind == "llm"]
    assert 0.04 < span.attributes["longest_gap_s"] < 0.5
    assert result.llm.clocks is None


def test_the_clocks_stand_side_by_side() -> None:
    told = {
        "ttft_s": 0.6, "server_queue_s": 0.1, "server_prefill_s": 0.4, "decode_s": 1.1,
        "server_decode_s": 1.0,
    }  # fmt: skip
    span = Span(id="a-1", parent=None, kind="llm", name="n", node="n", start_s=0, attributes=told)
    clocks = llm_totals([span, span]).clocks
    assert clocks.calls_s == pytest.approx(3.4)
    assert clocks.server_calls_s == pytest.approx(3.0)
    assert clocks.disagreement == pytest.approx(0.4 / 3.0)
