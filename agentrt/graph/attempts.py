"""A node's attempts: how often it is tried, how long one may take, and what stands in for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential

from agentrt.errors import (
    DeadlineError,
    LLMError,
    OutputError,
    RefusedError,
    RetrievalError,
    RunError,
    ToolError,
)
from agentrt.graph.deadline import within
from agentrt.graph.events import NodeRetried
from agentrt.graph.services import Services
from agentrt.spec import AnyNode
from agentrt.timing import OpenSpan

_KINDS: dict[str, type[RunError]] = {
    "llm": LLMError,
    "schema": OutputError,
    "tool": ToolError,
    "retrieval": RetrievalError,
    "timeout": DeadlineError,
}
_LONGEST_WAIT_S = 60.0


async def attempted(
    name: str,
    node: AnyNode,
    carry_out: Callable[[], Awaitable[Any]],
    services: Services,
    span: OpenSpan,
) -> Any:
    """Carry a node out as often as its ``retry`` allows, each time within its ``timeout_s``.

    Raises:
        RunError: the last attempt failed.
    """

    def tell(state: RetryCallState) -> None:
        failed = state.outcome.exception() if state.outcome else None
        services.emit(NodeRetried(name, state.attempt_number, str(failed)))

    async for attempt in AsyncRetrying(
        retry=retry_if_exception(lambda error: _is_retried(node, error)),
        stop=stop_after_attempt(1 + (node.retry.times if node.retry else 0)),
        wait=wait_exponential(node.retry.wait_s if node.retry else 0, max=_LONGEST_WAIT_S),
        before_sleep=tell,
        reraise=True,
    ):
        with attempt:
            span.set(attempts=attempt.retry_state.attempt_number)
            return await within(
                node.timeout_s,
                carry_out(),
                lambda s: DeadlineError(f"node {name!r} took longer than its {s:g} s"),
            )
    raise AssertionError("the last attempt returns or raises")


def _is_retried(node: AnyNode, error: BaseException) -> bool:
    if node.retry is None:
        return False
    # What was refused would be refused, or asked about, again.
    kinds = tuple(_KINDS[kind] for kind in node.retry.on)
    return isinstance(error, kinds) and not isinstance(error, RefusedError)
