"""What is killed: the same ten steps under agentrt, and on LangGraph alone. Run by crash.py."""

from __future__ import annotations

import asyncio
import json
import operator
import os
import socket
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from crash_faults import Fault
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from agentrt.graph.events import Event, NodeStarted, Token
from agentrt.graph.person import Question
from agentrt.runtime import Runtime
from agentrt.toolbox import Tool, tool

WORKFLOW = """
name: ten-steps
nodes:
  plan: {kind: llm, prompt: "plan it"}
  reserve: {kind: tool, tool: reserve, arguments: {what: "{{ plan }}"}}
  charge: {kind: tool, tool: charge, arguments: {what: "{{ reserve }}"}}
  items:
    kind: tool
    tool: ship
    after: [charge]
    for_each: "{{ ['a', 'b', 'c'] }}"
    arguments: {what: "{{ item }}"}
  read: {kind: tool, tool: lookup, after: [items], arguments: {what: "{{ charge }}"}}
  rounds:
    kind: loop
    after: [read]
    nodes:
      say: {kind: llm, prompt: "round {{ loop.round }}"}
      post: {kind: tool, tool: post, arguments: {what: "{{ say }}"}}
    until: "{{ loop.round == 2 }}"
    max_rounds: 3
    value: "{{ post }}"
  work: {kind: agent, after: [rounds], prompt: "ship it", tools: [ship, lookup], max_steps: 4}
  sure: {kind: human, after: [work], ask: approve, message: "Notify?"}
  letter: {kind: llm, prompt: "letter {{ sure }} {{ work }}"}
  notify: {kind: tool, tool: notify, arguments: {what: "{{ letter }}"}}
outputs:
  all: "{{ [plan, charge, items, read, rounds, work, sure, letter] }}"
"""


INDEXING = """
name: over-a-new-index
inputs: {corpus: {type: path}}
nodes:
  charge: {kind: tool, tool: charge, arguments: {what: "an index"}}
  find: {kind: retrieve, corpus: "{{ inputs.corpus }}", query: "honey", after: [charge]}
  letter: {kind: llm, prompt: "{{ find[0].text }}"}
outputs: {all: "{{ [charge, letter] }}"}
"""


@dataclass(frozen=True)
class Place:
    """Where a run keeps its state, and how it reaches the world."""

    state: Path
    model: str
    key: str
    port: int
    indexing: bool = False

    def begin(self, runtime: Runtime, on_event: Callable[[Event], None]) -> Any:
        """The outputs of a new run."""
        if not self.indexing:
            return runtime.run(WORKFLOW, on_event=on_event).outputs
        corpus = self.state / "corpus"
        corpus.mkdir(exist_ok=True)
        (corpus / "bees.md").write_text("# Bees\n\nA colony stores honey in wax combs.\n")
        return runtime.run(INDEXING, {"corpus": str(corpus)}, on_event=on_event).outputs

    def tell(self, do: str, **message: Any) -> Any:
        """Ask the service, over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(json.dumps({"do": do, **message}).encode() + b"\n")
            return json.loads(connection.makefile().readline())

    @property
    def result(self) -> Path:
        return self.state / "result.json"


# -- under agentrt -----------------------------------------------------------------------------


def agentrt_session(place: Place, fault: Fault) -> None:
    """Begin the run, or carry on the one that is there, to its end."""
    fault.install()

    def heard(event: Event) -> None:
        if isinstance(event, Token):
            fault.passes("mid-stream")
        if isinstance(event, NodeStarted) and event.node in finished:
            place.tell("violation", text=f"{event.node} had finished and ran again")

    def answer(question: Question) -> Any:
        fault.passes("waiting for a person")
        if question.ask == "approve":
            return True
        told = question.value
        what = told["arguments"]["what"]
        return "done" if place.tell("happened", name=told["tool"], what=what) else "again"

    kept = place.state / "runs" / "checkpoints.sqlite"
    finished = asyncio.run(_finished_nodes(kept)) if kept.exists() else set()
    runtime = Runtime(
        base_url=place.model, model="m", api_key=place.key, tools=_tools(place, fault),
        on_question=answer, store=place.state / "runs",
    )  # fmt: skip
    with runtime:
        known = runtime.runs()
        if known and known[0].state != "finished":
            result = runtime.resume(known[0].id, on_event=heard)
            outputs: Any = result.outputs
        elif known:
            outputs = known[0].outputs
        else:
            outputs = place.begin(runtime, heard)
    place.result.write_text(json.dumps(outputs))


def _tools(place: Place, fault: Fault) -> list[Tool]:
    def happens(name: str, what: str, key: str = "") -> str:
        answer = str(place.tell("effect", name=name, what=what, key=key))
        fault.passes("mid-effect")
        return answer

    def happened(name: str, what: str) -> str | None:
        answer = place.tell("happened", name=name, what=what)
        return None if answer is None else str(answer)

    @tool(replay="idempotent", inject=("effect_key",))
    def reserve(what: str, effect_key: str) -> str:
        """Reserve something."""
        return happens("reserve", what, effect_key)

    @tool(replay="once", reconcile=lambda what: happened("charge", what))
    def charge(what: str) -> str:
        """Charge for something."""
        return happens("charge", what)

    @tool(replay="once", reconcile=lambda what: happened("ship", what))
    def ship(what: str) -> str:
        """Ship something."""
        return happens("ship", what)

    @tool(replay="once", reconcile=lambda what: happened("post", what))
    def post(what: str) -> str:
        """Post something."""
        return happens("post", what)

    @tool(replay="once")
    def notify(what: str) -> str:
        """Notify someone; whether it was done only a person can find out."""
        return happens("notify", what)

    @tool
    def lookup(what: str) -> str:
        """Look something up."""
        return f"known of {what}"

    return [reserve, charge, ship, post, notify, lookup]


async def _finished_nodes(path: Path) -> set[str]:
    """The nodes that a durable checkpoint says have finished."""
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        await saver.setup()
        async with aclosing(saver.alist(None)) as points:
            async for point in points:
                if not point.config["configurable"]["checkpoint_ns"]:
                    return set(point.checkpoint["channel_values"].get("values", {}))
    return set()


# -- on LangGraph alone ------------------------------------------------------------------------


class State(TypedDict, total=False):
    plan: str
    reserve: str
    charge: str
    items: Annotated[list[str], operator.add]
    item: str
    read: str
    round: int
    post: str
    work: str
    sure: bool
    letter: str
    notify: str


def langgraph_session(place: Place, fault: Fault) -> None:
    """The same, as LangGraph's own documentation has it: its SQLite saver and its defaults."""
    fault.install()
    asyncio.run(_langgraph(place, fault))


async def _langgraph(place: Place, fault: Fault) -> None:
    config: Any = {"configurable": {"thread_id": "run"}}
    async with AsyncSqliteSaver.from_conn_string(str(place.state / "bare.sqlite")) as saver:
        graph = _graph(place, fault).compile(checkpointer=saver)
        begun = await saver.aget_tuple(config) is not None
        state = await graph.ainvoke(None if begun else {"round": 0}, config)
        if "__interrupt__" in state:
            fault.passes("waiting for a person")
            state = await graph.ainvoke(Command(resume=True), config)
    names = ("plan", "charge", "items", "read", "post", "work", "sure", "letter")
    place.result.write_text(json.dumps([state[name] for name in names]))


def _graph(place: Place, fault: Fault) -> Any:  # noqa: C901 - ten steps, one after the other
    chat = ChatOpenAI(
        model="m", base_url=place.model, api_key=place.key, max_retries=0, use_responses_api=False
    )

    async def ask(messages: list[dict[str, Any]], **options: Any) -> str:
        text = ""
        async for chunk in chat.astream(messages, **options):
            text += str(chunk.content)
            if chunk.content:
                fault.passes("mid-stream")
        return text

    def say(text: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": text}]

    async def happens(name: str, what: str, key: str = "") -> str:
        answer = await asyncio.to_thread(place.tell, "effect", name=name, what=what, key=key)
        fault.passes("mid-effect")
        return str(answer)

    async def plan(state: State) -> State:
        return {"plan": await ask(say("plan it"))}

    async def reserve(state: State) -> State:
        return {"reserve": await happens("reserve", state["plan"], "run reserve")}

    async def charge(state: State) -> State:
        return {"charge": await happens("charge", state["reserve"])}

    def spread(state: State) -> list[Send]:
        return [Send("items", {"item": item}) for item in "abc"]

    async def items(state: State) -> State:
        return {"items": [await happens("ship", state["item"])]}

    async def read(state: State) -> State:
        return {"read": f"known of {state['charge']}"}

    async def rounds(state: State) -> State:
        number = state["round"] + 1
        said = await ask(say(f"round {number}"))
        return {"round": number, "post": await happens("post", said)}

    async def work(state: State) -> State:
        messages = say("ship it")
        while True:
            step = json.loads(await ask(messages, extra_body={"response_format": {"type": "json"}}))
            if "finish" in step:
                return {"work": step["finish"]}
            what = step["arguments"]["what"]
            found = await happens("ship", what) if step["tool"] == "ship" else f"known of {what}"
            messages = [*messages, {"role": "assistant", "content": json.dumps(step)}, *say(found)]

    async def sure(state: State) -> State:
        return {"sure": interrupt("Notify?")}

    async def letter(state: State) -> State:
        return {"letter": await ask(say(f"letter {state['sure']} {state['work']}"))}

    async def notify(state: State) -> State:
        return {"notify": await happens("notify", state["letter"])}

    graph = StateGraph(State)
    steps = (plan, reserve, charge, items, read, rounds, work, sure, letter, notify)
    for step in steps:
        graph.add_node(step.__name__, step)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "reserve")
    graph.add_edge("reserve", "charge")
    graph.add_conditional_edges("charge", spread, ["items"])
    graph.add_edge("items", "read")
    graph.add_edge("read", "rounds")
    graph.add_conditional_edges(
        "rounds", lambda state: "work" if state["round"] == 2 else "rounds", ["work", "rounds"]
    )
    graph.add_edge("work", "sure")
    graph.add_edge("sure", "letter")
    graph.add_edge("letter", "notify")
    graph.add_edge("notify", END)
    return graph


SESSIONS = {"agentrt": agentrt_session, "langgraph": langgraph_session}


def session(kind: str, place: Place, fault: Fault) -> None:
    """One life of the run, in a process that was forked for it; never returns."""
    code = 1
    try:
        os.environ["AGENTRT_STATE"] = str(place.state)
        os.environ["AGENTRT_CACHE"] = str(place.state / "cache")
        SESSIONS[kind](place, fault)
        code = 0
    except BaseException as error:
        (place.state / "error.txt").write_text(f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)
