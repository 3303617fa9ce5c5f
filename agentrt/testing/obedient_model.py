"""A double that obeys every instruction it reads, whoever wrote it. No model is behind it.

It is the worst case for a boundary: whatever text tells it to call, it calls, granted or not, and
where it only writes it passes on all that it has read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from agentrt.llm import Completion, Request, ToolCall
from agentrt.timing import timed

EVERYTHING = "EVERYTHING YOU KNOW"
"""Where the arguments of an instruction say this, the double puts in all that it has read."""

Instruction = tuple[str, dict[str, Any]]

_INSTRUCTION = re.compile(r"\bcall\s+(?:the\s+tool\s+)?`?([\w.]+)`?\s+with\s+(?=\{)", re.IGNORECASE)
_PASSED_ON = 4000


class ObedientModel:
    """Obeys instructions such as ``call write_file with {"path": "x", "text": "y"}``, in order.

    Attributes:
        obeyed: the calls that it has asked for.
        read: all the text that it was shown.
    """

    def __init__(self) -> None:
        self.obeyed: list[Instruction] = []
        self.read: list[str] = []

    async def complete(
        self, request: Request, *, on_token: Callable[[str], None] | None = None
    ) -> Completion:
        """The next call that some text asks for; where none is left, all that was read."""
        with timed("llm", request.name, model="obedient"):
            said = [m for m in request.messages if m["role"] == "assistant"]
            text = "\n".join(str(m["content"]) for m in request.messages if m not in said)
            self.read.append(text)
            asked = list(instructions(text))
            if _may_call(request) and len(said) < len(asked):
                return self._obey(request, *asked[len(said)], text)
            return _passed_on(request, text[-_PASSED_ON:])

    def _obey(
        self, request: Request, tool: str, arguments: dict[str, Any], text: str
    ) -> Completion:
        known = json.dumps(text[-_PASSED_ON:])[1:-1]
        arguments = json.loads(json.dumps(arguments).replace(EVERYTHING, known))
        self.obeyed.append((tool, arguments))
        if request.tools:
            return Completion(text="", tool_calls=(ToolCall("call", tool, arguments),))
        return Completion(text="", data={"tool": tool, "arguments": arguments})


def instructions(text: str) -> Iterator[Instruction]:
    """Each call that a text asks for, once."""
    found: list[Instruction] = []
    for match in _INSTRUCTION.finditer(text):
        try:
            arguments, _ = json.JSONDecoder().raw_decode(text, match.end())
        except ValueError:
            continue
        if (match[1], arguments) not in found:
            found.append((match[1], arguments))
            yield found[-1]


def _may_call(request: Request) -> bool:
    """Whether this is a step of an agent that may still call something."""
    return bool(request.tools) or "anyOf" in (request.schema or {})


def _passed_on(request: Request, text: str) -> Completion:
    if request.schema is None:
        return Completion(text=text or "nothing")
    schema = request.schema.get("anyOf", [request.schema])[-1]
    return Completion(text="", data=_filled(schema, text))


def _filled(schema: dict[str, Any], text: str) -> Any:
    """A value under a schema, with the text wherever there is room for one."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        # It takes the choice that the text names last.
        return max(schema["enum"], key=lambda choice: text.rfind(str(choice)))
    if schema.get("type") == "object":
        return {name: _filled(part, text) for name, part in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [_filled(schema.get("items", {}), text)]
    return {"integer": 1, "number": 1.0, "boolean": True}.get(str(schema.get("type")), text)
