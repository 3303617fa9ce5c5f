"""What a run may spend, and what happens when it is spent."""

import time

import pytest

from agentrt.errors import BudgetError, SpecError
from agentrt.llm import Completion
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel


def workflow(nodes: int = 3, **budget):
    said = {
        f"n{n}": {"kind": "llm", "prompt": f"{{{{ n{n - 1} }}}}" if n else "x"}
        for n in range(nodes)
    }
    return {
        "name": "w",
        "budget": budget,
        "nodes": said,
        "outputs": {"o": f"{{{{ n{nodes - 1} }}}}"},
    }


def run(spec, model):
    with Runtime(chat=model) as runtime:
        return runtime.run(spec)


def test_calls_within_the_budget_are_made_and_the_next_is_not() -> None:
    model = ScriptedModel(["a", "b", "c"])
    assert run(workflow(llm_calls=3), model).outputs == {"o": "c"}
    model = ScriptedModel(["a", "b", "c"])
    with pytest.raises(BudgetError, match="llm_calls 2"):
        run(workflow(llm_calls=2), model)
    assert len(model.calls) == 2


def test_a_call_may_write_what_is_left_of_the_tokens() -> None:
    asked = []

    class Counting(ScriptedModel):
        async def complete(self, request, *, on_token=None):
            asked.append(request.sampling.max_tokens)
            return await super().complete(request, on_token=on_token)

    model = Counting(
        [Completion(text="a", output_tokens=30), Completion(text="b", output_tokens=20)]
    )
    with pytest.raises(BudgetError, match="output_tokens 50"):
        run(workflow(output_tokens=50), model)
    assert asked == [50, 20]


def test_tool_calls_are_counted_whoever_makes_them() -> None:
    spec = {
        "name": "w",
        "budget": {"tool_calls": 1},
        "nodes": {
            "a": {"kind": "tool", "tool": "calculator", "arguments": {"expression": "1 + 1"}},
            "b": {"kind": "agent", "prompt": "{{ a }}", "tools": ["calculator"]},
        },
        "outputs": {"o": "{{ b }}"},
    }
    call = {"tool": "calculator", "arguments": {"expression": "2 + 2"}}
    with pytest.raises(BudgetError, match="tool_calls 1"):
        run(spec, ScriptedModel([call, {"finish": "4"}]))


def test_seconds_break_a_stream_off_on_the_server_too(fake_server) -> None:
    server = fake_server([Reply("a b c d e f g h i j k l", itl_s=0.4)])
    started = time.monotonic()
    with (
        Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime,
        pytest.raises(BudgetError, match=r"seconds 0\.6"),
    ):
        runtime.run(workflow(1, seconds=0.6))
    deadline = time.monotonic() + 5
    while not server.cancelled and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.cancelled == 1
    assert time.monotonic() - started < 10


def test_no_fallback_and_no_retry_gets_round_the_budget() -> None:
    spec = workflow(1, llm_calls=0)
    spec["nodes"]["n0"] |= {"fallback": "never", "retry": {"times": 3, "wait_s": 0}}
    with pytest.raises(BudgetError):
        run(spec, ScriptedModel([]))


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown field 'llm_call'"):
        run(workflow(llm_call=1), ScriptedModel([]))
