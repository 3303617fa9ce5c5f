"""Runs that go on: after a failure, after a person's answer, from the middle as a new run."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from agentrt.errors import RunCancelled, RunError, RunWaiting, ToolError, UserError
from agentrt.graph.person import Question
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.toolbox import tool

FRAGILE = """
name: fragile
inputs: {topic: {}}
nodes:
  plan: {kind: llm, prompt: "plan {{ inputs.topic }}"}
  fetch: {kind: tool, tool: fetch, arguments: {what: "{{ plan }}"}}
  answer: {kind: llm, prompt: "{{ fetch }}"}
outputs: {answer: "{{ answer }}"}
"""

APPROVAL = """
name: approval
inputs: {text: {}}
nodes:
  draft: {kind: llm, prompt: "{{ inputs.text }}"}
  sure: {kind: human, ask: approve, message: "Send this?", value: "{{ draft }}"}
  tone: {kind: human, after: [draft], ask: answer, message: "Which tone?", choices: [warm, cold]}
  send: {kind: llm, prompt: "{{ sure }} {{ tone }}"}
outputs: {sent: "{{ send }}", sure: "{{ sure }}", tone: "{{ tone }}"}
"""


def echo(name: str, messages: list) -> str:
    return f"{name}: {messages[-1]['content']}"


def fetching(fails: list[bool], calls: list[str]):
    @tool(replay="once")
    def fetch(what: str) -> str:
        """Fetch something."""
        calls.append(what)
        if fails.pop(0):
            raise ToolError("no network")
        return "found"

    return fetch


def test_a_failed_run_goes_on_with_what_failed() -> None:
    model, calls = ScriptedModel(echo), []
    with Runtime(chat=model, tools=[fetching([True, False], calls)]) as runtime:
        with pytest.raises(ToolError, match="no network"):
            runtime.run(FRAGILE, {"topic": "bees"})
        failed = runtime.runs()[0]
        assert (failed.state, failed.error) == ("failed", "ToolError: no network")
        result = runtime.resume(failed.id)
        assert result.outputs == {"answer": "answer: found"}
        assert result.run_id == failed.id
        assert runtime.runs()[0].state == "finished"
    assert [name for name, _ in model.calls] == ["plan", "answer"]
    assert len(calls) == 2


def test_a_run_is_resumed_by_another_runtime_which_asks_for_nothing_twice() -> None:
    model, calls = ScriptedModel(echo), []
    with Runtime(chat=model, tools=[fetching([True], calls)]) as runtime:
        with pytest.raises(ToolError):
            runtime.run(FRAGILE, {"topic": "bees"})
        run_id = runtime.runs()[0].id
    with Runtime(chat=model, tools=[fetching([False], calls)]) as runtime:
        assert runtime.resume(run_id[:6]).outputs == {"answer": "answer: found"}
    assert [name for name, _ in model.calls] == ["plan", "answer"]


def test_an_agent_goes_on_in_the_middle_of_its_steps() -> None:
    """The first two steps are not asked for again, and the tool is not called again."""
    workflow = """
name: agent
nodes:
  work: {kind: agent, prompt: "Go.", tools: [fetch], max_steps: 4}
outputs: {answer: "{{ work }}"}
"""
    calls: list[str] = []
    step = {"tool": "fetch", "arguments": {"what": "x"}}
    model = ScriptedModel([step, {"tool": "fetch", "arguments": {"what": "y"}}])
    with Runtime(chat=model, tools=[fetching([False, False], calls)]) as runtime:
        with pytest.raises(AssertionError, match="no answer is scripted"):
            runtime.run(workflow)
        run_id = runtime.runs()[0].id
    going_on = ScriptedModel([{"finish": "done"}])
    with Runtime(chat=going_on, tools=[fetching([], calls)]) as runtime:
        assert runtime.resume(run_id).outputs == {"answer": "done"}
    assert calls == ["x", "y"]
    assert len(going_on.calls) == 1


def test_a_run_waits_for_a_person_and_goes_on_with_the_answers() -> None:
    model = ScriptedModel(echo)
    with Runtime(chat=model) as runtime:
        with pytest.raises(RunWaiting) as waiting:
            runtime.run(APPROVAL, {"text": "hi"})
        questions = {question.node: question for question in waiting.value.questions}
        assert questions["sure"].value == "draft: hi"
        assert questions["tone"].choices == ["warm", "cold"]
        run_id = waiting.value.run_id
        assert runtime.runs()[0].state == "waiting"
        with pytest.raises(RunWaiting, match="tone: Which tone"):
            runtime.resume(run_id, {"sure": False})
        with pytest.raises(RunError, match="one of warm, cold, not 'loud'"):
            runtime.resume(run_id, {"tone": "loud"})
        with pytest.raises(UserError, match=r"no open question of 'sure' \(open: tone"):
            runtime.resume(run_id, {"sure": True})
        result = runtime.resume(run_id, {"tone": "warm"})
    assert result.outputs == {"sent": "send: False warm", "sure": False, "tone": "warm"}
    assert [name for name, _ in model.calls] == ["draft", "send"]


def test_a_person_who_is_there_is_asked_at_once() -> None:
    asked: list[Question] = []

    def answer(question: Question) -> object:
        asked.append(question)
        return True if question.ask == "approve" else "cold"

    with Runtime(chat=ScriptedModel(echo)) as runtime:
        outputs = runtime.run(APPROVAL, {"text": "hi"}, on_question=answer).outputs
    assert outputs == {"sent": "send: True cold", "sure": True, "tone": "cold"}
    assert {question.node for question in asked} == {"sure", "tone"}


def test_each_item_of_a_list_can_ask_on_its_own() -> None:
    workflow = """
name: each
nodes:
  pick: {kind: human, for_each: "{{ ['a', 'b'] }}", ask: edit, message: "?", value: "{{ item }}"}
outputs: {picked: "{{ pick }}"}
"""
    with Runtime(chat=ScriptedModel([])) as runtime:
        with pytest.raises(RunWaiting) as waiting:
            runtime.run(workflow)
        assert [question.node for question in waiting.value.questions] == ["pick[0]", "pick[1]"]
        answers = {"pick[0]": "A", "pick[1]": "B"}
        assert runtime.resume(waiting.value.run_id, answers).outputs == {"picked": ["A", "B"]}


def test_a_question_inside_a_loop_is_asked_anew_in_each_round() -> None:
    workflow = """
name: rounds
nodes:
  ask:
    kind: loop
    start: {text: "x"}
    nodes:
      better: {kind: human, ask: edit, message: "Better?", value: "{{ loop.text }}"}
    carry: {text: "{{ better }}"}
    until: "{{ better == 'ok' }}"
    max_rounds: 3
    value: "{{ better }}"
outputs: {text: "{{ ask }}"}
"""
    with Runtime(chat=ScriptedModel([])) as runtime:
        with pytest.raises(RunWaiting) as waiting:
            runtime.run(workflow)
        run_id = waiting.value.run_id
        with pytest.raises(RunWaiting) as waiting:
            runtime.resume(run_id, {"ask[1]/better": "y"})
        assert waiting.value.questions[0].value == "y"
        assert runtime.resume(run_id, {"ask[2]/better": "ok"}).outputs == {"text": "ok"}


def test_without_a_store_nobody_can_be_waited_for() -> None:
    with (
        Runtime(chat=ScriptedModel(echo), store=None) as runtime,
        pytest.raises(RunError, match="asks a person, and nobody answers"),
    ):
        runtime.run(APPROVAL, {"text": "hi"})


def test_a_replay_keeps_what_had_ended_and_runs_the_rest_again() -> None:
    model, calls = ScriptedModel(echo), []
    with Runtime(chat=model, tools=[fetching([False, False], calls)]) as runtime:
        first = runtime.run(FRAGILE, {"topic": "bees"})
        again = runtime.replay(first.run_id, "fetch", {"topic": "wasps"})
        record = runtime.runs()[0]
    assert again.outputs == first.outputs
    assert again.values["plan"] == "plan: plan bees"
    assert [name for name, _ in model.calls] == ["plan", "answer", "answer"]
    assert len(calls) == 2
    assert (record.id, record.parent, record.inputs) == (
        again.run_id,
        first.run_id,
        {"topic": "wasps"},
    )


async def test_an_async_caller_replays_too() -> None:
    model, calls = ScriptedModel(echo), []
    async with Runtime(chat=model, tools=[fetching([False, False], calls)]) as runtime:
        first = await runtime.arun(FRAGILE, {"topic": "bees"})
        again = await runtime.areplay(first.run_id, "fetch")
    assert again.outputs == first.outputs
    assert len(calls) == 2


def test_the_wait_for_a_person_is_a_persons_time() -> None:
    def slowly(question: Question) -> bool | str:
        time.sleep(0.3)
        return question.ask == "approve" or "warm"

    with Runtime(chat=ScriptedModel(echo), on_question=slowly) as runtime:
        found = runtime.run(APPROVAL, {"text": "hi"}).breakdown
    assert found.seconds["person"] >= 0.3
    assert found.seconds["orchestration"] < 0.3


def test_what_cannot_be_resumed_or_replayed_says_why() -> None:
    with Runtime(chat=ScriptedModel(echo), tools=[fetching([False], [])]) as runtime:
        run_id = runtime.run(FRAGILE, {"topic": "bees"}).run_id
        with pytest.raises(UserError, match="has finished; `agentrt replay`"):
            runtime.resume(run_id)
        with pytest.raises(UserError, match="no run is called 'zzz'"):
            runtime.resume("zzz")
        with pytest.raises(UserError, match=r"no node is called 'fetsh' \(known: plan, fetch"):
            runtime.replay(run_id, "fetsh")
        with pytest.raises(UserError, match="has ended already: finished"):
            runtime.cancel(run_id)


def test_a_run_goes_on_with_the_text_that_it_began_with(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("Say {{ sure }}")
    file = tmp_path / "w.yaml"
    text = """
name: w
nodes:
  sure: {kind: human, ask: approve, message: "Sure?"}
  say: {kind: llm, prompt: {file: p.txt}}
outputs: {a: "{{ say }}"}
"""
    file.write_text(text)
    with Runtime(chat=ScriptedModel(echo)) as runtime:
        with pytest.raises(RunWaiting) as waiting:
            runtime.run(file)
        file.write_text(text.replace("Sure?", "Really?"))
        (tmp_path / "p.txt").write_text("Shout {{ sure }}")
        with pytest.raises(UserError, match="begun with other content of: the workflow"):
            runtime.resume(waiting.value.run_id, {"sure": True})
        result = runtime.resume(waiting.value.run_id, {"sure": True}, allow_changes=True)
    assert result.outputs == {"a": "say: Shout True"}


def test_one_runtime_at_a_time_has_a_run() -> None:
    async def scenario() -> None:
        started = asyncio.Event()

        @tool
        async def hold() -> str:
            """Wait for ever."""
            started.set()
            await asyncio.sleep(3600)
            return ""

        workflow = {
            "name": "w",
            "nodes": {"hold": {"kind": "tool", "tool": "hold"}},
            "outputs": {"a": "{{ hold }}"},
        }
        async with (
            Runtime(chat=ScriptedModel([]), tools=[hold]) as one,
            Runtime(chat=ScriptedModel([]), tools=[hold]) as other,
        ):
            run = asyncio.ensure_future(one.arun(workflow))
            while not started.is_set():
                await asyncio.sleep(0.01)
            record = other.runs()[0]
            assert (record.state, record.pid) == ("running", os.getpid())
            with pytest.raises(UserError, match="is being carried on by process"):
                await other.aresume(record.id)
            other.cancel(record.id)
            with pytest.raises(RunCancelled, match="was cancelled from outside"):
                await run
            assert other.runs()[0].state == "cancelled"

    asyncio.run(scenario())


def test_a_resumed_run_has_what_is_left_of_its_budget() -> None:
    workflow = FRAGILE.replace("nodes:", "budget: {llm_calls: 1}\nnodes:")
    with Runtime(chat=ScriptedModel(echo), tools=[fetching([True, False], [])]) as runtime:
        with pytest.raises(ToolError):
            runtime.run(workflow, {"topic": "bees"})
        with pytest.raises(RunError, match="spent its budget: llm_calls 1"):
            runtime.resume(runtime.runs()[0].id)


def test_what_is_kept_is_for_this_user_only(tmp_path: Path) -> None:
    with Runtime(chat=ScriptedModel(echo), store=tmp_path / "kept") as runtime:
        runtime.run({"name": "w", "nodes": {"a": {"kind": "llm", "prompt": "x"}},
                     "outputs": {"o": "{{ a }}"}})  # fmt: skip
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"runs.sqlite", "checkpoints.sqlite"}
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
