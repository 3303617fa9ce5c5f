"""Turning what the user gave into the workflow's typed inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from agentrt.errors import InputError
from agentrt.spec.check import fits
from agentrt.spec.load import Workflow


def resolve_inputs(
    workflow: Workflow, given: Mapping[str, Any], *, as_text: bool = False
) -> dict[str, Any]:
    """The inputs of a run: given values over defaults.

    Args:
        given: values by input name.
        as_text: values are text from a command line; those of non-text inputs are read as JSON.

    Raises:
        InputError: one is unknown, missing or of the wrong type.
    """
    declared = workflow.spec.inputs
    for name in given:
        if name not in declared:
            close = get_close_matches(name, list(declared), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(declared)}"
            raise InputError(f"{workflow.spec.name} has no input {name!r} ({hint})")
    values: dict[str, Any] = {}
    for name, spec in declared.items():
        if name in given:
            text = as_text and isinstance(given[name], str)
            value = _parse(name, spec.type, given[name]) if text else given[name]
        elif "default" in spec.model_fields_set or not spec.required:
            values[name] = spec.default
            continue
        else:
            raise InputError(f"input {name!r} is missing (--input {name}=…, a {spec.type})")
        if not fits(spec.type, value):
            raise InputError(f"input {name!r} must be a {spec.type}, not {value!r}")
        values[name] = value
    return values


def _parse(name: str, type_name: str, text: str) -> Any:
    if type_name in ("string", "path"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"input {name!r} must be a {type_name}, not {text!r}") from error
