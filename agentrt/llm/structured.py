"""Reading structured output: JSON that fits its schema, or a clear failure."""

from __future__ import annotations

import json
from typing import Any

from agentrt.errors import OutputError


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAI ``response_format`` that constrains the output to a JSON Schema."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "output", "schema": schema, "strict": True},
    }


def parse(text: str, schema: dict[str, Any], finish_reason: str | None) -> Any:
    """The value of a structured answer.

    Raises:
        OutputError: it was cut off, is not JSON or does not fit; says where and what.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    start = text.strip()[:80]
    try:
        value = json.loads(text)
    except ValueError as error:
        if finish_reason == "length":
            message = f"the structured answer was cut off by max_tokens; raise it: {start!r}…"
            raise OutputError(message, text) from error
        raise OutputError(f"the structured answer is not JSON: {start!r}…", text) from error
    fault = best_match(Draft202012Validator(schema).iter_errors(value))
    if fault is not None:
        message = f"the structured answer breaks its schema: at {fault.json_path}: "
        raise OutputError(message + fault.message[:200], text)
    return value
