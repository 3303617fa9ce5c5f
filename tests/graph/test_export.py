"""A workflow as a LangGraph graph in a program of LangGraph's own."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agentrt.errors import BudgetError, InputError, SpecError
from agentrt.graph import NodeFinished, Token
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel

WORKFLOW = """
name: say
inputs: {topic: {type: string, default: bees}, n: {type: integer, default: 1}}
vars: {loud: "{{ inputs.topic | upper }}"}
budget: {llm_calls: 2}
nodes:
  group:
    kind: parallel
    nodes:
      say: {kind: llm, prompt: "{{ vars.loud }}"}
      more: {kind: llm, prompt: "more {{ say }}"}
outputs: {answer: "{{ group.more }}"}
"""


async def test_it_goes_from_inputs_to_outputs_as_often_as_it_is_asked() -> None:
    model = ScriptedModel(lambda name, messages: messages[-1]["content"])
    async with Runtime(chat=model) as runtime:
        graph = runtime.graph(WORKFLOW)
        for topic in ("wax", "honey"):  # The budget is for each passage.
            ended = await graph.ainvoke({"inputs": {"topic": topic}})
            assert ended == {"outputs": {"answer": f"more {topic.upper()}"}}
        assert await graph.ainvoke({}) == {"outputs": {"answer": "more BEES"}}


async def test_its_events_are_langgraphs_custom_stream(fake_server) -> None:
    server = fake_server([Reply("hello there")])
    async with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        graph = runtime.graph(WORKFLOW)
        events = [event async for event in graph.astream({}, stream_mode="custom")]
        told = [e async for _, e in graph.astream({}, stream_mode="updates", subgraphs=True)]
    assert "".join(e.text for e in events if isinstance(e, Token)) == "hello there" * 2
    assert [e.node for e in events if isinstance(e, NodeFinished)] == [
        "group/say", "group/more", "group",
    ]  # fmt: skip
    assert [name for update in told for name in update] == [
        "say", "more", "outputs", "group", "outputs", "workflow",
    ]  # fmt: skip


async def test_a_checkpointer_of_the_program_keeps_the_nested_graphs_too() -> None:
    model = ScriptedModel(lambda name, messages: messages[-1]["content"])
    broken = True

    def answer(name, messages):
        if broken and name == "group/more":
            raise RuntimeError("killed")
        return "x"

    model = ScriptedModel(answer)
    async with Runtime(chat=model) as runtime:
        graph = runtime.graph(WORKFLOW)
        graph.checkpointer = InMemorySaver()
        config = {"configurable": {"thread_id": "1"}}
        with pytest.raises(RuntimeError, match="killed"):
            await graph.ainvoke({}, config)
        broken = False
        assert await graph.ainvoke(None, config) == {"outputs": {"answer": "x"}}
    assert [name for name, _ in model.calls] == ["group/say", "group/more", "group/more"]


async def test_what_is_wrong_is_told_as_ever() -> None:
    async with Runtime(chat=ScriptedModel([])) as runtime:
        with pytest.raises(SpecError, match="the file is empty"):
            runtime.graph("\n")
        graph = runtime.graph(WORKFLOW.replace("llm_calls: 2", "llm_calls: 0"))
        with pytest.raises(InputError, match="has no input 'topc'"):
            await graph.ainvoke({"inputs": {"topc": "x"}})
        with pytest.raises(BudgetError):
            await graph.ainvoke({})
