"""A node that runs once for each item of a list."""

import asyncio
import time

import pytest

from agentrt.errors import BudgetError, LLMError, RunError, SpecError
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel
from agentrt.toolbox import tool


def workflow(for_each="{{ inputs.words }}", **more):
    return {
        "name": "w",
        "inputs": {"words": {"type": "list", "default": ["a", "b", "c"]}},
        "nodes": {
            "each": {
                "kind": "llm",
                "for_each": for_each,
                "prompt": "{{ index }}: {{ item }}",
                **more,
            },
            "all": {"kind": "llm", "prompt": "{{ each | join(' ') }}"},
        },
        "outputs": {"answer": "{{ all }}", "parts": "{{ each }}"},
    }


def echo(name, messages):
    return messages[-1]["content"].upper()


def run(spec, model, inputs=None, **options):
    with Runtime(chat=model, **options) as runtime:
        return runtime.run(spec, inputs)


def test_the_value_is_the_list_of_values_in_the_order_of_the_items() -> None:
    @tool
    async def slow_first(n: int) -> int:
        """The first item is the last to end."""
        await asyncio.sleep(0.1 if n == 0 else 0)
        return n

    spec = {
        "name": "w",
        "nodes": {
            "each": {
                "kind": "tool",
                "tool": "slow_first",
                "for_each": "{{ range(12) | list }}",
                "arguments": {"n": "{{ item }}"},
            }
        },
        "outputs": {"parts": "{{ each }}"},
    }
    assert run(spec, ScriptedModel([]), tools=[slow_first]).outputs["parts"] == list(range(12))


def test_nodes_after_it_see_the_whole_list() -> None:
    result = run(workflow(), ScriptedModel(echo))
    assert result.outputs == {"answer": "0: A 1: B 2: C", "parts": ["0: A", "1: B", "2: C"]}


def test_an_empty_list_gives_an_empty_list() -> None:
    result = run(workflow(), ScriptedModel(lambda *_: "done"), {"words": []})
    assert result.outputs == {"answer": "done", "parts": []}


def test_no_more_items_than_allowed_are_under_way() -> None:
    under_way, most = 0, 0

    @tool
    async def count() -> str:
        """Count who is here."""
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return "x"

    spec = {
        "name": "w",
        "nodes": {
            "each": {
                "kind": "tool",
                "tool": "count",
                "for_each": "{{ range(9) | list }}",
                "at_once": 3,
            }
        },
        "outputs": {"n": "{{ each | length }}"},
    }
    assert run(spec, ScriptedModel([]), tools=[count]).outputs == {"n": 9}
    assert most == 3


def test_an_item_has_its_own_retries_and_fallback() -> None:
    tries = {"b": 0}

    def script(name, messages):
        word = messages[-1]["content"][-1]
        if word == "b":
            tries["b"] += 1
        return "" if word == "b" or (word == "c" and tries["b"] < 0) else word

    spec = workflow(retry={"times": 1, "wait_s": 0}, fallback="no {{ item }}")
    del spec["nodes"]["all"], spec["outputs"]["answer"]
    result = run(spec, ScriptedModel(script))
    assert result.outputs["parts"] == ["a", "no b", "c"]
    assert tries["b"] == 2


def test_the_first_failure_ends_the_run_and_names_its_item() -> None:
    with pytest.raises(LLMError) as failed:
        run(workflow(), ScriptedModel(lambda _, m: "" if "b" in m[-1]["content"] else "x"))
    assert "in node 'each[1]'" in failed.value.__notes__


def test_items_spend_the_runs_budget() -> None:
    with pytest.raises(BudgetError, match="llm_calls 2"):
        run({**workflow(at_once=1), "budget": {"llm_calls": 2}}, ScriptedModel(echo))


def test_a_branch_can_skip_it() -> None:
    spec = workflow()
    spec["nodes"]["choose"] = {
        "kind": "branch",
        "cases": [{"when": "{{ inputs.words }}", "to": "other"}, {"to": "each"}],
    }
    spec["nodes"]["other"] = {"kind": "llm", "prompt": "other"}
    spec["nodes"]["all"]["prompt"] = "{{ each or other }}"
    result = run(spec, ScriptedModel(echo))
    assert result.outputs == {"answer": "OTHER", "parts": None}


def test_each_item_is_a_node_of_the_trace_and_its_time_adds_up(fake_server) -> None:
    server = fake_server([Reply("hello there", ttft_s=0.1, itl_s=0.05)])
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        result = runtime.run(workflow(at_once=2))
    names = [span.name for span in result.trace.spans if span.kind == "node"]
    assert sorted(names) == ["all", "each[0]", "each[1]", "each[2]"]
    breakdown = result.breakdown
    assert breakdown.unattributed_share < 0.02
    assert sum(breakdown.seconds.values()) == pytest.approx(breakdown.wall_s, rel=0.02)
    # Two at a time, then the third, then the node after them: three on the critical path.
    assert len(breakdown.critical_path) == 3


def test_items_run_side_by_side() -> None:
    @tool
    async def nap() -> str:
        """Sleep a little."""
        await asyncio.sleep(0.3)
        return "x"

    spec = {
        "name": "w",
        "nodes": {"each": {"kind": "tool", "tool": "nap", "for_each": "{{ range(4) | list }}"}},
        "outputs": {"n": "{{ each | length }}"},
    }
    with Runtime(chat=ScriptedModel([]), tools=[nap]) as runtime:
        runtime.run(spec)
        started = time.perf_counter()
        runtime.run(spec)
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"for_each": "{{ item }}"}, "only a node with for_each has it"),
        ({"for_each": "{{ nobody }}"}, "no node is called 'nobody'"),
        ({"at_once": 0}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(change, message) -> None:
    with pytest.raises(SpecError, match=message):
        run(workflow(**change), ScriptedModel([]))


def test_item_is_for_such_nodes_alone() -> None:
    spec = workflow()
    spec["nodes"]["all"]["prompt"] = "{{ item }}"
    with pytest.raises(SpecError, match="only a node with for_each has it"):
        run(spec, ScriptedModel([]))
    spec = workflow()
    spec["nodes"]["item"] = {"kind": "llm", "prompt": "x"}
    with pytest.raises(SpecError, match="'item' can't name a node"):
        run(spec, ScriptedModel([]))


def test_what_is_no_list_ends_the_run_with_its_place() -> None:
    with pytest.raises(RunError, match=r"nodes\.each\.for_each: a list is needed, not str 'ABC'"):
        run(workflow("{{ 'abc'.upper() }}"), ScriptedModel([]))
