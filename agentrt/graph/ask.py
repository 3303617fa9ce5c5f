"""A node's question to its model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentrt.errors import OutputError
from agentrt.graph.events import Token
from agentrt.graph.journal import journaled
from agentrt.graph.services import Services
from agentrt.llm import Completion, Request, Sampling
from agentrt.spec import AgentNode, LLMNode

_REPAIR = """That answer can't be used: {error}
Reply with the corrected JSON and nothing else. Keep it short."""


async def ask(
    name: str,
    node: LLMNode | AgentNode,
    messages: list[dict[str, Any]],
    services: Services,
    *,
    schema: dict[str, Any] | None = None,
    tools: list[dict[str, Any]] | None = None,
) -> Completion:
    """Ask the model of a node's role as its sampling says; the answer is streamed.

    An answer that breaks its schema is repaired once: the model is shown it, and what is wrong.

    Raises:
        OutputError: the repaired answer breaks the schema too.
        LLMError: a call failed.
        BudgetError: the run may make no further call.
    """
    request = Request(messages, Sampling(), schema=schema, tools=tools, name=name)
    try:
        return await _call(name, node, request, services)
    except OutputError as error:
        shown = [
            {"role": "assistant", "content": error.output},
            {"role": "user", "content": _REPAIR.format(error=error)},
        ]
    again = replace(request, messages=[*messages, *shown], name=f"{name} repair")
    try:
        return await _call(name, node, again, services)
    except OutputError as error:
        raise OutputError(f"node {name!r}: {error}", error.output) from error


async def _call(
    name: str, node: LLMNode | AgentNode, request: Request, services: Services
) -> Completion:
    """One model call within the run's budget, or what came of it in an earlier process."""
    sampling = Sampling(**node.sampling.model_dump())

    async def complete() -> Completion:
        left = services.budget.before_llm_call(sampling.max_tokens)
        bounded = sampling.model_copy(update={"max_tokens": left})
        completion = await services.model_of(node.model).chat.complete(
            replace(request, sampling=bounded),
            on_token=lambda text: services.emit(Token(name, text, services.streams.get(name))),
        )
        services.budget.after_llm_call(completion.output_tokens)
        return completion

    return await journaled(name, replace(request, sampling=sampling), services, complete)
