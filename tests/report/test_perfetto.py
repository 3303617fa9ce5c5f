"""Traces for Perfetto: slices of one lane nest, or the viewer draws nonsense."""

import json

from agentrt.report.perfetto import perfetto
from agentrt.runtime import Runtime
from agentrt.testing import Reply

WORKFLOW = {
    "name": "fan",
    "nodes": {
        **{f"n{n}": {"kind": "llm", "prompt": "x"} for n in range(4)},
        "last": {"kind": "llm", "prompt": "{{ n0 }} {{ n1 }} {{ n2 }} {{ n3 }}"},
    },
    "outputs": {"answer": "{{ last }}"},
}


def test_lanes_hold_slices_that_nest(fake_server) -> None:
    server = fake_server([Reply("hello there you", ttft_s=0.05, itl_s=0.02)])
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        trace = runtime.run(WORKFLOW).trace
    events = json.loads(perfetto(trace))["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    spans = [event for event in slices if event["cat"] != "phase"]
    assert len(spans) == len(trace.spans)
    assert {event["name"] for event in slices if event["cat"] == "phase"} >= {"prefill", "decode"}
    for lane in {event["tid"] for event in slices}:
        open_until: list[float] = []
        for event in (event for event in slices if event["tid"] == lane):
            start, end = event["ts"], event["ts"] + event["dur"]
            # Timestamps are microseconds; rounding may reach a thousandth of one.
            while open_until and open_until[-1] <= start + 0.001:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + 0.001, event
            open_until.append(end)
    nodes = [event for event in spans if event["cat"] == "node"]
    side_by_side = [event for event in nodes if event["name"] != "last"]
    assert len({event["tid"] for event in side_by_side}) == 4
