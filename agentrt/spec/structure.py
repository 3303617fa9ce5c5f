"""From a document's data to the language's models, with every misfit complained of at its place.

As a compiler recovers from a syntax error, what does not fit is left out and the rest is kept, so
that the checks across nodes can go on.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agentrt.spec.model import WorkflowSpec
from agentrt.spec.source import Path, Source
from agentrt.spec.suggest import nearest

# What stands in for a missing part while the rest is checked.
_STAND_IN: dict[str, Any] = {"name": "unnamed", "outputs": {"none": "none"}}


@dataclass(frozen=True)
class Structure:
    """What a file says, as far as it fits the language.

    Attributes:
        spec: the fitting part of it.
        broken: paths of the inputs and nodes that were left out.
    """

    spec: WorkflowSpec
    broken: frozenset[Path]


def read_structure(source: Source) -> Structure | None:
    """Fit a document's data to the language; None where too little of it does."""
    if not isinstance(source.data, dict):
        source.complain("a workflow is a mapping with name, nodes and outputs")
        return None
    data, broken = copy.deepcopy(source.data), set[Path]()
    try:
        return Structure(WorkflowSpec.model_validate(data), frozenset())
    except ValidationError as error:
        found = [_located(source, details) for details in error.errors(include_url=False)]
    _complain(source, found)
    for fault in found:
        broken |= _leave_out(data, fault)
    try:
        return Structure(WorkflowSpec.model_validate(data), frozenset(broken))
    except ValidationError:
        return None


@dataclass(frozen=True)
class _Fault:
    path: Path
    model: type[BaseModel] | None
    details: ErrorDetails

    @property
    def kind(self) -> str:
        return self.details["type"]

    @property
    def field(self) -> str:
        """How complaints call it: its name, or the list's with its place in it."""
        named = [index for index, part in enumerate(self.path) if isinstance(part, str)]
        if not named:
            return "workflow"
        places = "".join(f"[{part}]" for part in self.path[named[-1] + 1 :])
        return f"{self.path[named[-1]]}{places}"


def _located(source: Source, details: ErrorDetails) -> _Fault:
    """Where pydantic's complaint stands in the file: its location without the marks of unions."""
    path: Path = ()
    annotation: Any = WorkflowSpec
    data: Any = source.data
    model: type[BaseModel] | None = WorkflowSpec
    for index, part in enumerate(details["loc"]):
        members = _members(annotation)
        if len(members) > 1:
            annotation = next((m for m in members if _tag(m) == part), None)
            if annotation is not None:
                continue
        elif members:
            annotation = members[0]
        if part == "[key]":
            continue
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        last = index == len(details["loc"]) - 1
        if not _has(data, part) and not (last and details["type"] == "missing"):
            continue
        path, data, annotation = (*path, part), _get(data, part), _inside(annotation, part)
    return _Fault(path, model, details)


def _members(annotation: Any) -> list[Any]:
    """The members of a union without None; a plain annotation is its only member."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [m for arg in get_args(annotation) if arg is not NoneType for m in _members(arg)]
    return [] if annotation is None else [annotation]


def _tag(member: Any) -> str:
    """How pydantic calls a member of a union in a location."""
    fields = getattr(member, "model_fields", {})
    if "kind" in fields:
        return str(get_args(fields["kind"].annotation)[0])
    origin = get_origin(member)
    if origin is list:
        return f"list[{_tag(_members(get_args(member)[0])[0])}]"
    return str(getattr(member, "__name__", member))


def _inside(annotation: Any, part: int | str) -> Any:
    """The annotation of what stands at a key or index of a value so annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
        return None
    arguments = get_args(annotation)
    return arguments[-1] if get_origin(annotation) in (list, dict) and arguments else None


def _has(data: Any, part: int | str) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _get(data: Any, part: int | str) -> Any:
    return data[part] if _has(data, part) else None


def _complain(source: Source, faults: list[_Fault]) -> None:
    misspelt = {fault.path[:-1] for fault in faults if fault.kind == "extra_forbidden"}
    by_path: dict[Path, list[_Fault]] = {}
    wrong = {(c.line, c.column) for c in source.complaints}
    for fault in faults:
        place = source.place(fault.path)
        if (place.line, place.column) in wrong and fault.path:
            continue
        # A misspelt field is also a missing one: the misspelling is what the user can see.
        if fault.kind != "missing" or fault.path[:-1] not in misspelt:
            by_path.setdefault(fault.path, []).append(fault)
    for at_one_place in by_path.values():
        _explain(source, at_one_place)


def _explain(source: Source, faults: list[_Fault]) -> None:
    fault = faults[0]
    path, field = fault.path, fault.field
    if fault.kind == "extra_forbidden":
        hint = nearest(field, _fields(fault.model)) if fault.model else None
        source.complain(f"unknown field {field!r}", path, hint=hint, key=True)
    elif fault.kind == "missing":
        source.complain(f"{_owner(path[:-1])} lacks {field!r}", path[:-1], key=True)
    elif fault.kind in ("union_tag_invalid", "union_tag_not_found"):
        _unknown_kind(source, fault)
    elif fault.kind == "string_pattern_mismatch":
        hint = "small letters, digits and _, a letter first"
        source.complain(f"{field!r} can't be a name", path, hint=hint, key=True)
    else:
        wanted = " or ".join(dict.fromkeys(_wanted(f.details) for f in faults))
        given = json.dumps(fault.details["input"], default=str, ensure_ascii=False)
        message = f"{field!r} must be {wanted}, not {given[:60]}"
        if fault.kind == "value_error":
            message = f"{field!r}: {fault.details['msg'].removeprefix('Value error, ')}"
        source.complain(message, path)


_WORDS = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a mapping",
    "string": "a string",
}


def _wanted(details: ErrorDetails) -> str:
    """What pydantic would have, such as ``a whole number`` or ``greater than 0``."""
    if details["type"] == "too_short":
        return "more than empty"
    word = _WORDS.get(details["type"].split("_")[0])
    known = details["type"].endswith(("_type", "_parsing", "_from_float"))
    return word if word and known else details["msg"].removeprefix("Input should be ")


def _fields(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _owner(path: Path) -> str:
    return ".".join(str(part) for part in path) if path else "the workflow"


def _unknown_kind(source: Source, fault: _Fault) -> None:
    from agentrt.spec.node import NODE_KINDS

    path, given = fault.path, fault.details["input"]
    if not isinstance(given, dict) or "kind" not in given:
        hint = f"one of {', '.join(NODE_KINDS)}"
        source.complain(f"{_owner(path)} lacks 'kind'", path, hint=hint, key=True)
    else:
        hint = nearest(str(given["kind"]), NODE_KINDS)
        source.complain(f"unknown kind {given['kind']!r}", (*path, "kind"), hint=hint)


def _leave_out(data: dict[str, Any], fault: _Fault) -> set[Path]:
    """Take what does not fit out of the data; gives the inputs and nodes that are gone."""
    path = fault.path
    # A case without its condition would be another case, so its node goes with it.
    if fault.kind == "extra_forbidden" and "cases" not in path:
        _delete(data, path)
        return set()
    if len(path) >= 2 and path[0] in ("inputs", "nodes", "outputs"):
        _delete(data, path[:2])
        return {path[:2]}
    if path:
        data.pop(str(path[0]), None)
        if path[0] in _STAND_IN:
            data[str(path[0])] = _STAND_IN[str(path[0])]
    return set()


def _delete(data: Any, path: Path) -> None:
    for part in path[:-1]:
        data = _get(data, part)
    if isinstance(data, dict):
        data.pop(path[-1], None)
