"""What a node does when it fails: again, not too long, and what stands in for it."""

import asyncio
import time

import pytest

from agentrt.errors import DeadlineError, LLMError, SpecError
from agentrt.graph import NodeRetried
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel
from agentrt.toolbox import tool


def workflow(**more):
    return {
        "name": "w",
        "inputs": {"who": {"default": "Ada"}},
        "nodes": {"say": {"kind": "llm", "prompt": "x", **more}},
        "outputs": {"answer": "{{ say }}"},
    }


def run(spec, model, **options):
    events = []
    with Runtime(chat=model, **options) as runtime:
        return runtime.run(spec, on_event=events.append), events


def node_span(result):
    return next(span for span in result.trace.spans if span.kind == "node")


def test_a_failed_call_is_tried_again_and_told_of() -> None:
    spec = workflow(retry={"times": 2, "wait_s": 0})
    result, events = run(spec, ScriptedModel(["", "", "third"]))
    assert result.outputs == {"answer": "third"}
    assert [e.attempt for e in events if isinstance(e, NodeRetried)] == [1, 2]
    assert node_span(result).attributes["attempts"] == 3
    assert sum(span.kind == "llm" for span in result.trace.spans) == 3


def test_the_last_failure_is_the_runs() -> None:
    model = ScriptedModel(["", "", ""])
    with pytest.raises(LLMError, match="nothing"):
        run(workflow(retry={"times": 2, "wait_s": 0}), model)
    assert len(model.calls) == 3


def test_only_what_is_named_is_tried_again() -> None:
    model = ScriptedModel(["", "never"])
    with pytest.raises(LLMError):
        run(workflow(retry={"times": 2, "on": ["tool"]}), model)
    assert len(model.calls) == 1


def test_the_waits_double() -> None:
    started = time.perf_counter()
    run(workflow(retry={"times": 2, "wait_s": 0.1}), ScriptedModel(["", "", "third"]))
    assert 0.3 <= time.perf_counter() - started < 3


def test_a_fallback_stands_in_and_the_trace_says_why() -> None:
    result, _ = run(workflow(fallback="{{ inputs.who }} is out"), ScriptedModel([""]))
    assert result.outputs == {"answer": "Ada is out"}
    assert node_span(result).status == "ok"
    assert "nothing" in node_span(result).attributes["fell_back"]


def test_a_fallback_may_be_any_value_null_too() -> None:
    for value in ({"n": [1, "{{ inputs.who }}"]}, None):
        result, _ = run(workflow(fallback=value), ScriptedModel([""]))
        assert result.values["say"] == (value and {"n": [1, "Ada"]})


def test_an_attempt_that_takes_too_long_is_broken_off_on_the_server_too(fake_server) -> None:
    server = fake_server([Reply("a b c d e f g h", itl_s=0.3)])
    with (
        Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime,
        pytest.raises(DeadlineError, match=r"node 'say' took longer than its 0\.5 s"),
    ):
        runtime.run(workflow(timeout_s=0.5))
    deadline = time.monotonic() + 5
    while not server.cancelled and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.cancelled == 1


def test_a_slow_attempt_can_be_tried_again() -> None:
    calls = []

    @tool
    async def slow_once() -> str:
        """Slow the first time."""
        calls.append(1)
        await asyncio.sleep(5 if len(calls) == 1 else 0)
        return "done"

    spec = {
        "name": "w",
        "nodes": {
            "look": {
                "kind": "tool",
                "tool": "slow_once",
                "timeout_s": 0.2,
                "retry": {"times": 1, "wait_s": 0, "on": ["timeout"]},
            }
        },
        "outputs": {"answer": "{{ look }}"},
    }
    result, _ = run(spec, ScriptedModel([]), tools=[slow_once])
    assert result.outputs == {"answer": "done"}
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"retry": {"times": 0}}, "greater than or equal to 1"),
        ({"retry": {"tims": 1}}, "unknown field 'tims'"),
        ({"timeout_s": 0}, "greater than 0"),
        ({"fallback": "{{ nobody }}"}, "nobody"),
        ({"fallback": "{{ say }}"}, "say"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(more, message) -> None:
    with (
        pytest.raises(SpecError, match=message),
        Runtime(chat=ScriptedModel([])) as runtime,
    ):
        runtime.run(workflow(**more))
