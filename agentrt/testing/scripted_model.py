"""A scripted stand-in for the chat model, without HTTP. For tests only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentrt.llm import Completion, Request, ToolCall
from agentrt.llm.structured import parse
from agentrt.timing import timed

Answer = str | dict[str, Any] | Completion
Script = Sequence[Answer] | Callable[[str, list[dict[str, Any]]], Answer]


class ScriptedModel:
    """Gives scripted answers in turn, or what a function of node name and messages gives.

    A text is an answer in prose, and under a schema it is read and checked as a real one is. A dict
    is structured output that is taken as it is; ``tool_call`` makes a tool call.
    What it was asked is kept in ``calls``, as (node name, messages).

    Raises:
        AssertionError: it is asked more often than the script has answers.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []

    async def complete(
        self, request: Request, *, on_token: Callable[[str], None] | None = None
    ) -> Completion:
        """The next scripted answer, in an ``llm`` span without figures."""
        with timed("llm", request.name, model="scripted"):
            self.calls.append((request.name, [dict(message) for message in request.messages]))
            answer = self._next(request.name, request.messages)
            if isinstance(answer, Completion):
                return answer
            if isinstance(answer, dict):
                return Completion(text="", data=answer)
            if on_token:
                on_token(answer)
            if request.schema is not None:
                return Completion(text=answer, data=parse(answer, request.schema, None))
            return Completion(text=answer)

    def _next(self, name: str, messages: list[dict[str, Any]]) -> Answer:
        if callable(self._script):
            return self._script(name, messages)
        assert len(self.calls) <= len(self._script), f"no answer is scripted for {name!r}"
        return self._script[len(self.calls) - 1]


def tool_call(name: str, **arguments: Any) -> Completion:
    """A scripted native tool call."""
    return Completion(text="", tool_calls=(ToolCall("call_0", name, arguments),))
