"""Loops, groups and workflows as steps: nodes that hold a graph of their own."""

import asyncio
import re
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agentrt.errors import BudgetError, LLMError, RunError, SpecError
from agentrt.graph import (
    NodeFinished,
    NodeStarted,
    RoundFinished,
    Services,
    compile_workflow,
    opening_state,
)
from agentrt.graph.budget import Budget
from agentrt.runtime import Runtime
from agentrt.spec import load_workflow
from agentrt.testing import Reply, ScriptedModel
from agentrt.toolbox import tool

LOOP = """
name: refine
inputs: {text: {type: string, default: a}}
nodes:
  first: {kind: llm, prompt: "first {{ inputs.text }}"}
  refine:
    kind: loop
    start: {draft: "{{ first }}", seen: 0}
    nodes:
      longer: {kind: llm, prompt: "{{ loop.draft }}+{{ loop.round }}{{ first }}"}
      judge: {kind: llm, prompt: "judge {{ longer }}"}
    carry: {draft: "{{ longer }}"}
    until: "{{ judge == 'good' }}"
    max_rounds: 4
    value:
      text: "{{ longer }}"
      rounds: "{{ loop.round }}"
      met: "{{ loop.met }}"
      seen: "{{ loop.seen }}"
outputs: {refined: "{{ refine }}"}
"""

GROUP = """
name: sides
inputs: {topic: {type: string, default: bees}}
nodes:
  title: {kind: llm, prompt: "title"}
  sides:
    kind: parallel
    nodes:
      pro: {kind: llm, prompt: "for {{ title }}"}
      con: {kind: llm, prompt: "against {{ inputs.topic }}"}
      both: {kind: llm, prompt: "{{ pro }} and {{ con }}"}
    outputs: {verdict: "{{ both }}", pro: "{{ pro }}"}
outputs: {verdict: "{{ sides.verdict }}", all: "{{ sides }}"}
"""


def run(workflow, model, inputs=None, **options):
    events = []
    with Runtime(chat=model, **options) as runtime:
        return runtime.run(workflow, inputs, on_event=events.append), events


def echo(name, messages):
    return messages[-1]["content"]


def judged(good_in_round):
    """A model that judges the draft good in the given round, and echoes all else."""
    rounds = 0

    def answer(name, messages):
        nonlocal rounds
        if name.endswith("judge"):
            rounds += 1
            return "good" if rounds == good_in_round else "bad"
        return messages[-1]["content"]

    return ScriptedModel(answer)


def nodes(result):
    return [span.name for span in result.trace.spans if span.kind == "node"]


# -- loops -------------------------------------------------------------------------------------


def test_a_loop_hands_on_what_it_carries_until_its_condition_holds() -> None:
    result, _ = run(LOOP, judged(2))
    assert result.outputs["refined"] == {
        "text": "first a+1first a+2first a", "rounds": 2, "met": True, "seen": 0,
    }  # fmt: skip
    assert result.values["refine"] == result.outputs["refined"]


def test_a_loop_ends_after_its_most_rounds_and_says_that_the_condition_did_not_hold() -> None:
    result, _ = run(LOOP, judged(99))
    assert result.outputs["refined"]["rounds"] == 4
    assert result.outputs["refined"]["met"] is False


def test_a_loop_may_fail_where_its_condition_never_holds_and_what_fails_can_fall_back() -> None:
    failing = LOOP.replace("max_rounds: 4", "max_rounds: 4\n    exhausted: fail")
    with pytest.raises(RunError, match="'refine': its 'until' does not hold after 4 rounds"):
        run(failing, judged(99))
    assert run(failing, judged(4))[0].outputs["refined"]["met"] is True
    falls_back = failing.replace("exhausted: fail", "exhausted: fail\n    fallback: {text: none}")
    assert run(falls_back, judged(99))[0].outputs["refined"] == {"text": "none"}


def test_rounds_are_told_of_and_are_in_the_trace() -> None:
    result, events = run(LOOP, judged(2))
    assert [(e.node, e.round, e.met) for e in events if isinstance(e, RoundFinished)] == [
        ("refine", 1, False),
        ("refine", 2, True),
    ]
    assert nodes(result) == [
        "first", "refine[1]/longer", "refine[1]/judge", "refine[2]/longer", "refine[2]/judge",
        "refine",
    ]  # fmt: skip
    span = next(span for span in result.trace.spans if span.name == "refine")
    assert span.attributes["rounds"] == 2
    assert span.attributes["met"] is True
    held = [s for s in result.trace.spans if s.kind == "node" and s.parent == span.id]
    assert len(held) == 4


def test_a_round_sees_nothing_of_the_one_before_but_what_is_carried() -> None:
    spec = {
        "name": "w",
        "nodes": {
            "walk": {
                "kind": "loop",
                "start": {"n": 0},
                "nodes": {
                    "choose": {
                        "kind": "branch",
                        "cases": [{"when": "{{ loop.n == 0 }}", "to": "a"}, {"to": "b"}],
                    },
                    "a": {"kind": "llm", "prompt": "a"},
                    "b": {"kind": "llm", "prompt": "b"},
                },
                "carry": {"n": "{{ loop.n + 1 }}"},
                "until": "{{ loop.round == 2 }}",
                "max_rounds": 3,
                "value": ["{{ a }}", "{{ b }}", "{{ loop.n }}"],
            }
        },
        "outputs": {"walk": "{{ walk }}"},
    }
    assert run(spec, ScriptedModel(echo))[0].outputs == {"walk": [None, "b", 1]}


def test_a_loop_in_each_item_of_a_list_in_a_loop() -> None:
    spec = {
        "name": "w",
        "nodes": {
            "outer": {
                "kind": "loop",
                "max_rounds": 2,
                "until": "{{ false }}",
                "value": "{{ inner }}",
                "nodes": {
                    "inner": {
                        "kind": "loop",
                        "for_each": "{{ ['x', 'y'] }}",
                        "start": {"text": "{{ item }}{{ loop.round }}"},
                        "carry": {"text": "{{ say }}"},
                        "max_rounds": 2,
                        "until": "{{ false }}",
                        "value": "{{ say }}",
                        "nodes": {"say": {"kind": "llm", "prompt": "{{ loop.text }}{{ item }}"}},
                    }
                },
            }
        },
        "outputs": {"o": "{{ outer }}"},
    }
    result, _ = run(spec, ScriptedModel(echo))
    assert result.outputs == {"o": ["x2xx", "y2yy"]}
    assert "outer[2]/inner[1][2]/say" in nodes(result)


# -- groups ------------------------------------------------------------------------------------


def test_a_groups_nodes_read_around_it_and_its_value_is_its_outputs() -> None:
    result, _ = run(GROUP, ScriptedModel(echo))
    assert result.outputs["verdict"] == "for title and against bees"
    assert result.outputs["all"] == {"verdict": "for title and against bees", "pro": "for title"}
    assert {"sides/pro", "sides/con", "sides/both", "sides"} < set(nodes(result))


def test_without_outputs_a_groups_value_is_that_of_its_nodes() -> None:
    text = GROUP.replace('    outputs: {verdict: "{{ both }}", pro: "{{ pro }}"}\n', "")
    result, _ = run(text.replace("sides.verdict", "sides.both"), ScriptedModel(echo))
    assert result.outputs["all"].keys() == {"pro", "con", "both"}


@pytest.mark.parametrize(("limit", "most"), [(None, 6), (2, 2)])
def test_no_more_of_a_groups_nodes_than_allowed_are_under_way(limit, most) -> None:
    under_way, seen = 0, 0

    @tool
    async def count() -> str:
        """Count who is here."""
        nonlocal under_way, seen
        under_way += 1
        seen = max(seen, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        return "x"

    inner = {f"n{n}": {"kind": "tool", "tool": "count"} for n in range(6)}
    spec = {
        "name": "w",
        "nodes": {"all": {"kind": "parallel", "nodes": inner, "limit": limit}},
        "outputs": {"n": "{{ all | length }}"},
    }  # fmt: skip
    assert run(spec, ScriptedModel([]), tools=[count])[0].outputs == {"n": 6}
    assert seen == most


def test_a_fallback_and_a_retry_are_for_the_whole_group() -> None:
    spec = load_workflow(GROUP).spec.model_dump(by_alias=True, exclude_unset=True)
    spec["nodes"]["sides"] |= {"retry": {"times": 1, "wait_s": 0}, "fallback": {"verdict": "none"}}
    model = ScriptedModel(lambda name, _: "" if name == "sides/con" else "x")
    result, _ = run(spec, model)
    assert result.outputs["verdict"] == "none"
    assert [name for name, _ in model.calls].count("sides/con") == 2


def test_a_failure_inside_names_the_node_and_what_holds_it() -> None:
    with pytest.raises(LLMError) as failed:
        run(GROUP, ScriptedModel(lambda name, _: "" if name == "sides/con" else "x"))
    notes = [note for note in failed.value.__notes__ if note.startswith("in node")]
    assert notes == ["in node 'sides/con'", "in node 'sides'"]


def test_a_branch_can_skip_a_group_and_all_in_it() -> None:
    spec = load_workflow(GROUP).spec.model_dump(by_alias=True, exclude_unset=True)
    spec["nodes"]["choose"] = {
        "kind": "branch",
        "cases": [{"when": "{{ inputs.topic }}", "to": "other"}, {"to": "sides"}],
    }
    spec["nodes"]["other"] = {"kind": "llm", "prompt": "other"}
    spec["outputs"] = {"sides": "{{ sides }}"}
    result, events = run(spec, ScriptedModel(echo))
    assert result.outputs == {"sides": None}
    assert [e.node for e in events if isinstance(e, NodeFinished) and e.skipped] == ["sides"]


def test_its_time_is_that_of_the_nodes_in_it(fake_server) -> None:
    server = fake_server([Reply("hello there", ttft_s=0.1, itl_s=0.05)])
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        result = runtime.run(GROUP)
    breakdown = result.breakdown
    assert breakdown.critical_path[0] == "title"
    assert breakdown.critical_path[-1] == "sides/both"
    assert len(breakdown.critical_path) == 3
    assert breakdown.unattributed_share < 0.02
    assert sum(breakdown.seconds.values()) == pytest.approx(breakdown.wall_s, rel=0.02)


# -- workflows as steps ------------------------------------------------------------------------

PART = """
name: part
inputs: {text: {type: string}, times: {type: integer, default: 2}}
vars: {loud: "{{ inputs.text | upper }}"}
budget: {llm_calls: 2}
nodes:
  say: {kind: llm, prompt: "{{ vars.loud * inputs.times }}"}
outputs: {said: "{{ say }}", n: "{{ inputs.times }}"}
"""

WHOLE = """
name: whole
inputs: {word: {type: string, default: a}, n: {type: integer, default: 1}}
nodes:
  part: {kind: workflow, use: parts/part.yaml, inputs: {text: "{{ inputs.word }}", times: 3}}
outputs: {said: "{{ part.said }}", n: "{{ part.n }}"}
"""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "part.yaml").write_text(PART)
    (tmp_path / "whole.yaml").write_text(WHOLE)
    return tmp_path / "whole.yaml"


def test_a_workflow_is_a_step_of_another(whole: Path) -> None:
    result, events = run(whole, ScriptedModel(echo))
    assert result.outputs == {"said": "AAA", "n": 3}
    assert nodes(result) == ["part/say", "part"]
    assert [e.node for e in events if isinstance(e, NodeStarted)] == ["part", "part/say"]


def test_its_own_budget_and_the_runs_hold(whole: Path) -> None:
    spender = PART.replace("llm_calls: 2", "llm_calls: 0")
    whole.with_name("parts").joinpath("part.yaml").write_text(spender)
    with pytest.raises(BudgetError, match="llm_calls 0"):
        run(whole, ScriptedModel(echo))
    whole.with_name("parts").joinpath("part.yaml").write_text(PART)
    whole.write_text(WHOLE + "budget: {llm_calls: 0}\n")
    with pytest.raises(BudgetError, match="llm_calls 0"):
        run(whole, ScriptedModel(echo))


def test_an_input_that_turns_out_to_be_of_the_wrong_type_names_its_place(whole: Path) -> None:
    whole.write_text(WHOLE.replace("times: 3", "times: '{{ inputs.word.upper() }}'"))
    with pytest.raises(RunError, match=r"whole\.yaml:5: input 'times' must be a integer"):
        run(whole, ScriptedModel(echo))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("text:", "txt:"), r":5:57: no input of parts/part.yaml is called 'txt' \(did you mean"),
        (('text: "{{ inputs.word }}", ', ""), ":5:3: parts/part.yaml needs the input 'text'"),
        (("times: 3", "times: three"), "needs an integer as 'times', and this is a string"),
        (("inputs.word", "inputs.n"), "needs a string as 'text', and this is an integer"),
        (("part.said", "part.sad"), r"part has no field 'sad' \(did you mean 'said'"),
        (("part.yaml", "prt.yaml"), r"no file 'parts/prt.yaml' \(did you mean 'parts/part.yaml'"),
        (("parts/part.yaml", "../whole.yaml"), "outside the workflow's folder"),
        (("parts/part.yaml", "whole.yaml"), ":5:31: these workflows use each other: whole.yaml"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_its_place(whole: Path, change, message) -> None:
    whole.write_text(WHOLE.replace(*change))
    with pytest.raises(SpecError, match=message):
        load_workflow(whole)


def test_workflows_that_use_each_other_are_refused(whole: Path) -> None:
    folder = whole.parent
    (folder / "a.yaml").write_text(WHOLE.replace("parts/part.yaml", "b.yaml"))
    (folder / "b.yaml").write_text(WHOLE.replace("parts/part.yaml", "a.yaml"))
    with pytest.raises(SpecError) as caught:
        load_workflow(folder / "a.yaml")
    said = "\n".join(map(str, caught.value.others))
    assert re.search(r"b\.yaml:5:31: .*: a\.yaml → b\.yaml → a\.yaml", said)


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("max_rounds: 4", "max_rounds: 0"), "greater than or equal to 1"),
        (("    max_rounds: 4\n", ""), "lacks 'max_rounds'"),
        (("loop.draft", "loop.drft"), r"no value of the loop is called 'drft' \(did you mean"),
        (("carry: {draft", "carry: {drft"), r"no value of 'start' is called 'drft' \(did you mean"),
        (("first {{ inputs.text }}", "{{ loop.draft }}"), "only a loop's own nodes have it"),
        (("first {{ inputs.text }}", "{{ longer }}"), "no node is called 'longer'"),
        (("      judge:", "      first:"), "'first' already names a node around this one"),
        (("judge {{ longer }}", "judge {{ refine }}"), "wait for each other"),
    ],
)  # fmt: skip
def test_a_loops_names_are_checked(change, message) -> None:
    with pytest.raises(SpecError, match=message):
        load_workflow(LOOP.replace(*change))


# -- resuming ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["loop", "group", "workflow"])
async def test_a_nested_node_that_finished_does_not_run_again_after_a_resume(
    kind: str, whole: Path
) -> None:
    two = PART.replace("outputs:", "  more: {kind: llm, prompt: '{{ say }}!'}\noutputs:")
    whole.with_name("parts").joinpath("part.yaml").write_text(two.replace("calls: 2", "calls: 9"))
    text, fails = {
        "loop": (LOOP, "refine[2]/judge"),
        "group": (GROUP, "sides/both"),
        "workflow": (whole, "part/more"),
    }[kind]
    broken = True

    def answer(name, messages):
        if broken and name == fails:
            raise RuntimeError("killed")
        return "good" if name == "refine[2]/judge" else messages[-1]["content"]

    model = ScriptedModel(answer)
    workflow = load_workflow(text)
    graph = compile_workflow(workflow, checkpointer=InMemorySaver())
    budget = Budget(workflow.spec.budget)
    services = Services(
        model, False, None, None, lambda event: None, budget, lambda node: frozenset()
    )
    config = {"configurable": {"thread_id": "1"}}
    inputs = {name: spec.default for name, spec in workflow.spec.inputs.items()}
    with pytest.raises(RuntimeError, match="killed"):
        await graph.ainvoke(opening_state(workflow, inputs), config, context=services)
    first = [name for name, _ in model.calls]
    broken = False
    ended = await graph.ainvoke(None, config, context=services)
    again = [name for name, _ in model.calls][len(first) :]
    assert ended["outputs"]
    assert again[0] == fails
    assert not set(again[1:]) & set(first)
