"""How tools are called, read from their source: no tool file is run to check a workflow."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import PydanticUserError, TypeAdapter

from agentrt.bundled import shelf
from agentrt.toolbox.decorator import Tool
from agentrt.toolbox.syntax import syntax_tree

Schema = dict[str, Any]
_PLAIN: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
    "None": {"type": "null"},
}


@dataclass(frozen=True)
class Signature:
    """How a tool is called and what it gives.

    Attributes:
        parameters: the JSON Schema of its arguments, as far as the annotations tell.
        returns: the JSON Schema of its answer; empty where it can't be told.
        effects: what it does to the world beyond giving an answer.
        inject: what the step that calls it must have.
        members: the tools that the name stands for, where it is a family's.
    """

    parameters: Schema
    returns: Schema = field(default_factory=dict)
    effects: frozenset[str] = frozenset()
    inject: frozenset[str] = frozenset()
    members: tuple[str, ...] = ()


UNKNOWN = Signature({"additionalProperties": True})
"""Of a tool that is called as only running its file would tell."""


def declared_signatures(files: Sequence[Path] = ()) -> dict[str, Signature]:
    """The tools that ship and those in the given files, by the names that can be granted.

    Raises:
        SpecError: a file is missing or is not Python.
    """
    found: dict[str, Signature] = {}
    for path in [*sorted(shelf("tools").glob("*.py")), *files]:
        found.update(signatures_in(path))
    return found


def signatures_in(path: Path) -> dict[str, Signature]:
    """The tools in one file, by the names that can be granted.

    Raises:
        SpecError: it is missing or is not Python.
    """
    return _with_families(list(_in_file(path)))


def signatures_of(tools: Sequence[Tool]) -> dict[str, Signature]:
    """The signatures of tools that are there as objects, by the names that can be granted."""
    return _with_families([_Declared(t.name, t.family, _signature_of(t)) for t in tools])


@dataclass(frozen=True)
class _Declared:
    name: str
    family: str | None
    signature: Signature


def _with_families(declared: Sequence[_Declared]) -> dict[str, Signature]:
    """The tools by name, and for each family one that may do what any of its tools may."""
    found = {tool.name: tool.signature for tool in declared}
    for family in {tool.family for tool in declared if tool.family}:
        members = [tool for tool in declared if tool.family == family]
        found.setdefault(
            family,
            Signature(
                {"additionalProperties": True},
                effects=frozenset().union(*(member.signature.effects for member in members)),
                inject=frozenset().union(*(member.signature.inject for member in members)),
                members=tuple(member.name for member in members),
            ),
        )
    return found


def _signature_of(tool: Tool) -> Signature:
    returns: Schema = {}
    # What is no model and no plain type says nothing that a workflow could use.
    with suppress(PydanticUserError, NameError, TypeError):
        hint = get_type_hints(tool.function).get("return", Any)
        returns = TypeAdapter(hint).json_schema(mode="serialization")
    return Signature(
        tool.parameters, _answer(returns), frozenset(tool.effects), frozenset(tool.inject)
    )


def _in_file(path: Path) -> Iterator[_Declared]:
    for statement in syntax_tree(path).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            options = _options(statement)
            if options is not None:
                name, family = options.get("name"), options.get("family")
                called = name if isinstance(name, str) else statement.name
                known = family if isinstance(family, str) else None
                yield _Declared(called, known, _signature(statement, options))


def _options(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any] | None:
    """What is written out in ``@tool(…)``; None without that decorator."""
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        target = call.func if call else decorator
        if isinstance(target, ast.Name) and target.id == "tool":
            keywords = call.keywords if call else []
            options = {k.arg: _literal(k.value) for k in keywords if k.arg}
            # LangChain's own decorator is given the name as its first argument.
            return {"name": _literal(call.args[0]), **options} if call and call.args else options
    return None


def _literal(value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None


def _signature(
    function: ast.FunctionDef | ast.AsyncFunctionDef, options: Mapping[str, Any]
) -> Signature:
    inject = frozenset(options.get("inject") or ())
    hidden = inject | ({"options"} if "options" in options else set())
    plain = [*function.args.posonlyargs, *function.args.args]
    required = {arg.arg for arg in plain[: len(plain) - len(function.args.defaults)]}
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    required |= {arg.arg for arg, default in pairs if default is None}
    shown = [arg for arg in [*plain, *function.args.kwonlyargs] if arg.arg not in hidden]
    parameters = {
        "type": "object",
        "properties": {arg.arg: schema_of(arg.annotation) for arg in shown},
        "required": [arg.arg for arg in shown if arg.arg in required],
        "additionalProperties": False,
    }
    effects = frozenset(options.get("effects") or ())
    return Signature(parameters, _answer(schema_of(function.returns)), effects, inject)


def _answer(returns: Schema) -> Schema:
    """What a workflow sees of an answer: a text that is JSON comes as what it says."""
    return {} if returns.get("type") == "string" else returns


def schema_of(annotation: ast.expr | None) -> Schema:
    """The JSON Schema of an annotation, as far as its text tells; empty where it does not."""
    match annotation:
        case ast.Name(id=name):
            return _PLAIN.get(name, {})
        case ast.Constant(value=None):
            return _PLAIN["None"]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _any_of([schema_of(left), schema_of(right)])
        case ast.Subscript(value=ast.Name(id=name), slice=inside):
            return _of_generic(name, inside)
    return {}


def _of_generic(name: str, inside: ast.expr) -> Schema:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    match name:
        case "list" | "Sequence":
            items = schema_of(parts[0])
            return {"type": "array", **({"items": items} if items else {})}
        case "dict" | "Mapping":
            return {"type": "object"}
        case "Literal":
            return {"enum": [_literal(part) for part in parts]}
        case "Annotated":
            return schema_of(parts[0])
        case "Optional":
            return _any_of([schema_of(parts[0]), _PLAIN["None"]])
    return {}


def _any_of(schemas: list[Schema]) -> Schema:
    return {"anyOf": schemas} if all(schemas) else {}
