"""Checks across nodes: names that templates read, cycles, branches, schemas and tools."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Any

from agentrt.spec.model import (
    AgentNode,
    AnyNode,
    BranchNode,
    LLMNode,
    RetrieveNode,
    ToolNode,
    WorkflowSpec,
)
from agentrt.spec.source import Path, Source
from agentrt.spec.template import Reference, TemplateFailure, references

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "path": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "object": dict,
}


# What the templates of a node with ``for_each`` may read beside inputs and nodes.
_OF_EACH = ("item", "index")


def fits(type_name: str, value: Any) -> bool:
    """Whether a value is of an input type; a boolean is no number."""
    if isinstance(value, bool) and type_name != "boolean":
        return False
    return isinstance(value, _TYPES[type_name])


def check(spec: WorkflowSpec, source: Source) -> dict[str, tuple[str, ...]]:
    """Check a workflow as a whole and give the nodes that each node waits for.

    Raises:
        SpecError: at the first fault, in the order of the file.
    """
    for name, declared in spec.inputs.items():
        if "default" in declared.model_fields_set and not fits(declared.type, declared.default):
            message = f"the default of {name!r} is not a {declared.type}"
            raise source.error(message, ("inputs", name, "default"))
    needs = {name: _check_node(spec, source, name) for name in spec.nodes}
    for name in spec.outputs:
        _read_names(spec, source, ("outputs", name), spec.outputs[name])
    for name, node in spec.nodes.items():
        if isinstance(node, BranchNode):
            for case in node.cases:
                needs[case.to].append(name)
    _refuse_cycles(source, needs)
    return {name: tuple(dict.fromkeys(found)) for name, found in needs.items()}


def check_tools(spec: WorkflowSpec, source: Source, known: Collection[str]) -> None:
    """Check that each tool a workflow grants is one of those that there are.

    Raises:
        SpecError: at the first that is not.
    """
    for name, node in spec.nodes.items():
        if isinstance(node, ToolNode):
            _known(source, ("nodes", name, "tool"), "tool", node.tool, known)
        if isinstance(node, AgentNode):
            for index, tool in enumerate(node.tools):
                _known(source, ("nodes", name, "tools", index), "tool", tool, known)


def templates(node: AnyNode) -> Iterator[tuple[Path, str]]:
    """Each template of a node with its path inside the node."""
    if isinstance(node, LLMNode | AgentNode):
        fields: dict[str, Any] = {"system": node.system, "prompt": node.prompt}
        if isinstance(node, AgentNode):
            fields["corpus"] = node.corpus
    elif isinstance(node, RetrieveNode):
        fields = {
            "corpus": node.corpus,
            "query": node.query,
            "queries": node.queries,
            "top_k": node.top_k,
        }
    elif isinstance(node, ToolNode):
        fields = {"arguments": node.arguments}
    else:
        fields = {"cases": [{"when": case.when} for case in node.cases]}
    yield from _texts({"for_each": node.for_each, **fields, "fallback": node.fallback}, ())


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _check_node(spec: WorkflowSpec, source: Source, name: str) -> list[str]:
    node, here = spec.nodes[name], ("nodes", name)
    if name in ("inputs", "outputs", *_OF_EACH):
        raise source.error(f"{name!r} can't name a node", here, key=True)
    needs: list[str] = []
    for path, template in templates(node):
        own = _OF_EACH if node.for_each is not None and path != ("for_each",) else ()
        needs += _read_names(spec, source, (*here, *path), template, own)
    for index, other in enumerate(node.after):
        _known(source, (*here, "after", index), "node", other, spec.nodes)
        needs.append(other)
    _check_kind(spec, source, here, node)
    return needs


def _check_kind(spec: WorkflowSpec, source: Source, here: Path, node: AnyNode) -> None:
    if isinstance(node, LLMNode) and node.schema_ is not None:
        _check_schema(source, (*here, "schema"), node.schema_)
    if isinstance(node, RetrieveNode) and (node.query is None) == (node.queries is None):
        raise source.error(f"{here[1]!r} needs either 'query' or 'queries'", here, key=True)
    if isinstance(node, BranchNode):
        if node.for_each is not None:
            raise source.error("a branch can't run for each item", (*here, "for_each"))
        for index, case in enumerate(node.cases):
            _known(source, (*here, "cases", index, "to"), "node", case.to, spec.nodes)
            if case.when is None and index < len(node.cases) - 1:
                message = "a case without 'when' must be the last"
                raise source.error(message, (*here, "cases", index))


def _check_schema(source: Source, path: Path, schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = (*path, *error.absolute_path)
        raise source.error(f"not a JSON Schema: {error.message}", where) from error
    if not schema:
        raise source.error("not a JSON Schema: it says nothing", path)


def _read_names(
    spec: WorkflowSpec, source: Source, path: Path, template: str, own: Collection[str] = ()
) -> list[str]:
    """The nodes that a template reads; every name it reads must exist, or be one of ``own``."""
    try:
        found = [reference for reference in references(template) if reference.root not in own]
    except TemplateFailure as failure:
        raise _in_template(source, path, f"bad template: {failure}", failure.line) from failure
    for reference in found:
        _check_reference(spec, source, path, reference)
    return [reference.root for reference in found if reference.root != "inputs"]


def _check_reference(spec: WorkflowSpec, source: Source, path: Path, reference: Reference) -> None:
    if reference.root == "inputs":
        if reference.attribute is not None and reference.attribute not in spec.inputs:
            message = f"no input is called {reference.attribute!r}"
            hint = _hint(reference.attribute, spec.inputs)
            raise _in_template(source, path, message, reference.line, hint)
    elif reference.root not in spec.nodes:
        hint = _hint(reference.root, [*spec.nodes, "inputs"])
        if reference.root in _OF_EACH:
            hint = "only a node with for_each has it"
        message = f"no node is called {reference.root!r}"
        raise _in_template(source, path, message, reference.line, hint)


def _in_template(
    source: Source, path: Path, message: str, line: int | None, hint: str | None = None
) -> Exception:
    error = source.error(message, path, hint=hint)
    place = source.place(path)
    offset = (line or 1) - (0 if place.block else 1)
    if offset == 0 or error.line is None:
        return error
    return type(error)(message, source=source.name, line=error.line + offset, hint=hint)


def _known(source: Source, path: Path, what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise source.error(f"no {what} is called {name!r}", path, hint=_hint(name, known))


def _hint(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"


def _refuse_cycles(source: Source, needs: dict[str, list[str]]) -> None:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        cycle: list[str] = list(reversed(error.args[1]))
        message = f"the nodes wait for each other: {' → '.join(cycle)}"
        raise source.error(message, ("nodes", cycle[0]), key=True) from error
