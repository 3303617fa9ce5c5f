"""Turning what the user gave into the workflow's typed inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentrt.errors import InputError
from agentrt.spec.model import InputSpec
from agentrt.spec.suggest import nearest
from agentrt.spec.value_type import Kind, Type

if TYPE_CHECKING:
    from agentrt.spec.load import Workflow

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "path": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "object": dict,
}


def fits_input(type_name: str, value: Any) -> bool:
    """Whether a value is of an input type; a boolean is no number."""
    if isinstance(value, bool) and type_name != "boolean":
        return False
    return isinstance(value, _PYTHON[type_name])


def input_type(declared: InputSpec) -> Type:
    """The type that templates find an input to have."""
    kind: Kind = "string" if declared.type == "path" else declared.type
    given = "default" in declared.model_fields_set or declared.required
    return Type(kind, optional=not given)


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
            hint = nearest(name, declared)
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
        if not fits_input(spec.type, value):
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
