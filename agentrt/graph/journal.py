"""What a resumed step need not do again: model calls that were answered, effects that happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from agentrt.graph.events import Token
from agentrt.graph.person import Question, ask_person
from agentrt.graph.services import Services
from agentrt.llm import Completion, Request, ToolCall
from agentrt.runs import Entry
from agentrt.timing import timed
from agentrt.toolbox import Call, Run, ToolLedger


async def journaled(
    name: str, request: Request, services: Services, complete: Callable[[], Awaitable[Completion]]
) -> Completion:
    """The answer to a node's model call: an earlier process's, where there is one."""
    if services.ledger is None:
        return await complete()
    asked = {"messages": request.messages, "schema": request.schema, "tools": request.tools,
             "sampling": request.sampling.model_dump()}  # fmt: skip
    with timed("orchestration", "journal"):
        entry = services.ledger.next("llm", "llm", asked)
        if entry.state == "done":
            known = _completion(entry.outcome)
            services.emit(Token(name, known.text, services.streams.get(name)))
            return known
    completion = await complete()
    with timed("orchestration", "journal"):
        # Not waited for: whatever is written next is written after it.
        services.ledger.note(entry, "done", asdict(completion))
    return completion


def tool_ledger(node: str, services: Services) -> ToolLedger:
    """Carries out the tool calls of a node, each as often as its kind of effect allows."""

    async def carry_out(call: Call, run: Run) -> str:
        async def act(key: str) -> str:
            services.budget.before_tool_call()
            return await run.act(key)

        async def resolve(entry: Entry) -> str | None:
            return await _resolved(node, call, run, entry, services)

        if services.ledger is None:
            return await act("")
        tool = call.tool
        return await services.ledger.perform(tool.name, tool.replay, call.arguments, act, resolve)

    return carry_out


async def _resolved(
    node: str, call: Call, run: Run, entry: Entry, services: Services
) -> str | None:
    """What came of an effect in doubt: the tool finds out where it can, else a person says."""
    if call.tool.reconcile is not None:
        return await run.reconcile(entry.token)
    question = Question(
        node=node,
        ask="answer",
        message=f"{call.tool.name} was begun, and broke off before its outcome was written down. "
        "Did it happen (done), or is it to be done again?",
        value={"tool": call.tool.name, "arguments": call.arguments, "key": entry.token},
        choices=["done", "again"],
    )
    if await ask_person(question, services) == "done":
        return f"{call.tool.name} was done; what it answered was lost"
    return None


def _completion(stored: dict[str, Any]) -> Completion:
    calls = tuple(ToolCall(**call) for call in stored.pop("tool_calls"))
    return Completion(**stored, tool_calls=calls)
