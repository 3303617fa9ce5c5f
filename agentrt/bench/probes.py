"""Prompts that show what drafts are worth: an agent's own, or some that the package brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentrt.bench.calibration import Kind
from agentrt.errors import UserError
from agentrt.llm.structured import response_format
from agentrt.timing import Trace


@dataclass(frozen=True)
class Probe:
    """A request to the chat API: its body without the model, and where it was recorded."""

    kind: Kind
    body: dict[str, Any]
    workflow: str = ""
    node: str = ""


def recorded_probes(trace: Trace) -> list[Probe]:
    """The model calls of a recorded run, to be asked again.

    Raises:
        UserError: the trace holds no texts.
    """
    found: list[Probe] = []
    for span in sorted(trace.spans, key=lambda span: span.start_s):
        told = span.attributes
        if span.kind != "llm" or not told.get("messages"):
            continue
        body: dict[str, Any] = {
            "messages": told["messages"],
            "max_tokens": max(2, told.get("output_tokens") or 2),
            "temperature": 0,
        }
        if told.get("schema"):
            body["response_format"] = response_format(told["schema"])
        kind: Kind = "constrained" if told.get("constrained") else "free"
        found.append(Probe(kind, body, trace.header.workflow, span.node or ""))
    if not found:
        raise UserError("the trace holds no texts: record it with --record-text")
    return found


def own_probes() -> list[Probe]:
    """Short prompts of the kinds that agents use, over text that Python brings."""
    from pydoc_data.topics import topics

    found: list[Probe] = []
    for name in ("lambda", "try", "with", "yield", "class", "import"):
        text = topics[name][:1200]
        found += [
            Probe("free", _body(f"{text}\n\nExplain this in a few sentences.")),
            Probe("constrained", _body(f"{text}\n\nGive a title and three key words.", _TITLE)),
        ]
    return found


def _body(prompt: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 64,
        "temperature": 0,
    }
    if schema is not None:
        body["response_format"] = response_format(schema)
    return body


_TITLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 60},
        "words": {
            "type": "array",
            "items": {"type": "string", "maxLength": 20},
            "minItems": 3,
            "maxItems": 3,
        },
    },
    "required": ["title", "words"],
    "additionalProperties": False,
}
