"""One model call of a node."""

from __future__ import annotations

from typing import Any

from agentrt.graph.events import Token
from agentrt.graph.services import Services
from agentrt.llm import Completion, Request, Sampling
from agentrt.spec import AgentNode, LLMNode


async def ask(
    name: str,
    node: LLMNode | AgentNode,
    messages: list[dict[str, Any]],
    services: Services,
    *,
    schema: dict[str, Any] | None = None,
    tools: list[dict[str, Any]] | None = None,
) -> Completion:
    """Ask the model as a node's sampling says, within the run's budget; the answer is streamed.

    Raises:
        LLMError: the call failed.
        BudgetError: the run may make no further call.
    """
    left = services.budget.before_llm_call(node.sampling.max_tokens)
    sampling = Sampling(**{**node.sampling.model_dump(), "max_tokens": left})
    request = Request(messages, sampling, schema=schema, tools=tools, name=name)
    completion = await services.chat.complete(
        request, on_token=lambda text: services.emit(Token(name, text))
    )
    services.budget.after_llm_call(completion.output_tokens)
    return completion
