"""Checks across nodes: names that templates read, cycles, branches, schemas and tools."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from agentrt.spec.body import Body
from agentrt.spec.grant import Grant
from agentrt.spec.model import (
    AgentNode,
    AnyNode,
    BranchNode,
    HumanNode,
    LLMNode,
    LoopNode,
    ParallelNode,
    RetrieveNode,
    ToolNode,
    WorkflowNode,
    WorkflowSpec,
)
from agentrt.spec.names import RESERVED, Names, known_name, texts, unknown
from agentrt.spec.source import Path, Source
from agentrt.spec.template import whole_expression

if TYPE_CHECKING:
    from agentrt.spec.load import Workflow

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "path": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "object": dict,
}

OpenUsed = Callable[[str, Path], "Workflow"]
"""Load the workflow that a node uses; the path is where its file is named, for complaints."""


def fits(type_name: str, value: Any) -> bool:
    """Whether a value is of an input type; a boolean is no number."""
    if isinstance(value, bool) and type_name != "boolean":
        return False
    return isinstance(value, _TYPES[type_name])


def check(spec: WorkflowSpec, source: Source, open_used: OpenUsed) -> Body:
    """Check a workflow as a whole.

    Raises:
        SpecError: at the first fault, in the order of the file.
    """
    for name, declared in spec.inputs.items():
        if "default" in declared.model_fields_set and not fits(declared.type, declared.default):
            message = f"the default of {name!r} is not a {declared.type}"
            raise source.error(message, ("inputs", name, "default"))
    names = Names(fields={"inputs": spec.inputs})
    for number, (name, value) in enumerate(spec.vars.items()):
        names.plus(vars=list(spec.vars)[:number]).read(source, ("vars", name), value)
    if spec.vars:
        names = names.plus(vars=spec.vars)
    checking = _Checking(spec, source, open_used)
    body, inside = checking.body(spec.nodes, ("nodes",), names)
    for name, template in spec.outputs.items():
        inside.read(source, ("outputs", name), template)
    return body


def check_tools(body: Body, source: Source, known: Collection[str]) -> None:
    """Check that each tool that a body's nodes grant is one of those that there are.

    Raises:
        SpecError: at the first that is not.
    """
    for path, grant in grants(body):
        known_name(source, path, "tool", grant.name, known)


def grants(body: Body) -> Iterator[tuple[Path, Grant]]:
    """Each grant of a body's nodes, and of the bodies inside, with its path in the file."""
    for name, node in body.nodes.items():
        here = (*body.at, name)
        if isinstance(node, ToolNode):
            yield (*here, "tool"), node.tool
        if isinstance(node, AgentNode):
            for index, grant in enumerate(node.tools):
                yield (*here, "tools", index), grant
    for inner in body.inner.values():
        yield from grants(inner)


def templates(node: AnyNode) -> Iterator[tuple[Path, str]]:
    """Each template of a node with its path inside the node, but for those that read its body."""
    match node:
        case LLMNode() | AgentNode():
            fields: dict[str, Any] = {"system": node.system, "prompt": node.prompt}
            if isinstance(node, AgentNode):
                fields["corpus"] = node.corpus
        case RetrieveNode():
            given = {"query": node.query, "queries": node.queries}
            fields = {"corpus": node.corpus, **given, "top_k": node.top_k}
        case ToolNode():
            fields = {"arguments": node.arguments}
        case BranchNode():
            choose = node.choose and {"system": node.choose.system, "prompt": node.choose.prompt}
            fields = {"choose": choose, "cases": [{"when": case.when} for case in node.cases]}
        case HumanNode():
            fields = {"message": node.message, "value": node.value}
        case LoopNode():
            fields = {"start": node.start}
        case WorkflowNode():
            fields = {"inputs": node.inputs}
        case ParallelNode():
            fields = {}
    yield from texts({"for_each": node.for_each, **fields, "fallback": node.fallback})


class _Checking:
    """One workflow's check, at whatever depth."""

    def __init__(self, spec: WorkflowSpec, source: Source, open_used: OpenUsed) -> None:
        self._spec, self._source, self._open_used = spec, source, open_used

    def body(self, nodes: dict[str, AnyNode], at: Path, around: Names) -> tuple[Body, Names]:
        """Check nodes that run together; give them, and what a template after them may read."""
        for name in nodes:
            self._name(name, (*at, name), around)
        used = {
            name: self._open_used(node.use, (*at, name, "use"))
            for name, node in nodes.items()
            if isinstance(node, WorkflowNode)
        }
        names = around.inside(nodes).knowing(_outputs(nodes, used))
        inner: dict[str, Body] = {}
        reads: dict[str, list[str]] = {}
        for name, node in nodes.items():
            here = (*at, name)
            reads[name] = self._node(node, here, names)
            if isinstance(node, LoopNode | ParallelNode):
                inner[name] = self._inner(node, here, _of_each(node, names))
                reads[name] += inner[name].outer
            if isinstance(node, WorkflowNode):
                check_given(self._source, (*here, "inputs"), node, used[name].spec, self._spec)
        needs = {name: [read for read in found if read in nodes] for name, found in reads.items()}
        for name, node in nodes.items():
            if isinstance(node, BranchNode):
                for case in node.cases:
                    needs[case.to].append(name)
        self._refuse_cycles(at, needs)
        outer = [read for found in reads.values() for read in found if read not in nodes]
        waits = {name: tuple(dict.fromkeys(found)) for name, found in needs.items()}
        return Body(at, nodes, waits, tuple(dict.fromkeys(outer)), inner, used), names

    def _inner(self, node: LoopNode | ParallelNode, here: Path, names: Names) -> Body:
        """The body of a node, with what the node's own templates after it read from around it."""
        if isinstance(node, ParallelNode):
            body, inside = self.body(node.nodes, (*here, "nodes"), names)
            read = inside.read(self._source, (*here, "outputs"), node.outputs)
        else:
            for name in node.carry:
                path = (*here, "carry", name)
                if name not in node.start:
                    raise unknown(
                        self._source, path, "value of 'start'", name, node.start, key=True
                    )
            names = names.plus(loop=["round", *node.start])
            body, inside = self.body(node.nodes, (*here, "nodes"), names)
            read = inside.read(self._source, (*here, "carry"), node.carry)
            read += inside.read(self._source, (*here, "until"), node.until)
            ended = inside.plus(loop=["round", "met", *node.start])
            read += ended.read(self._source, (*here, "value"), node.value)
        outer = [*body.outer, *(name for name in read if name not in node.nodes)]
        return replace(body, outer=tuple(dict.fromkeys(outer)))

    def _name(self, name: str, here: Path, around: Names) -> None:
        if name in RESERVED:
            raise self._source.error(f"{name!r} can't name a node", here, key=True)
        if name in around.nodes or name in around.outer:
            message = f"{name!r} already names a node around this one"
            raise self._source.error(message, here, key=True)

    def _node(self, node: AnyNode, here: Path, names: Names) -> list[str]:
        needs: list[str] = []
        for path, template in templates(node):
            seen = names if path == ("for_each",) else _of_each(node, names)
            needs += seen.read(self._source, (*here, *path), template)
        for index, other in enumerate(node.after):
            known_name(self._source, (*here, "after", index), "node", other, names.nodes)
            needs.append(other)
        self._kind(node, here, names)
        return needs

    def _kind(self, node: AnyNode, here: Path, names: Names) -> None:
        source = self._source
        if isinstance(node, LLMNode) and node.schema_ is not None:
            _check_schema(source, (*here, "schema"), node.schema_)
        if isinstance(node, RetrieveNode) and (node.query is None) == (node.queries is None):
            raise source.error(f"{here[-1]!r} needs either 'query' or 'queries'", here, key=True)
        if isinstance(node, LLMNode | AgentNode | BranchNode) and node.model is not None:
            known_name(source, (*here, "model"), "model role", node.model, self._spec.models)
        if isinstance(node, BranchNode):
            _check_branch(source, node, here, names)
        if isinstance(node, HumanNode):
            _check_human(source, node, here)

    def _refuse_cycles(self, at: Path, needs: dict[str, list[str]]) -> None:
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            cycle: list[str] = list(reversed(error.args[1]))
            message = f"the nodes wait for each other: {' → '.join(cycle)}"
            raise self._source.error(message, (*at, cycle[0]), key=True) from error


def _of_each(node: AnyNode, names: Names) -> Names:
    """What a node's templates read beside the rest where it runs for each item."""
    return names.plus(item=None, index=None) if node.for_each is not None else names


def _outputs(nodes: dict[str, AnyNode], used: dict[str, Workflow]) -> dict[str, Collection[str]]:
    """The attributes of those nodes' values that can be told from the file."""
    known: dict[str, Collection[str]] = {}
    for name, node in nodes.items():
        if node.for_each is None and isinstance(node, WorkflowNode):
            known[name] = used[name].spec.outputs
        if node.for_each is None and isinstance(node, ParallelNode):
            known[name] = node.outputs or node.nodes
    return known


def _check_branch(source: Source, node: BranchNode, here: Path, names: Names) -> None:
    if node.for_each is not None:
        raise source.error("a branch can't run for each item", (*here, "for_each"))
    if node.model is not None and node.choose is None:
        raise source.error("only a branch with 'choose' asks a model", (*here, "model"), key=True)
    for index, case in enumerate(node.cases):
        path = (*here, "cases", index)
        known_name(source, (*path, "to"), "node", case.to, names.nodes)
        if node.choose is not None and case.when is not None:
            raise source.error("with 'choose' a case has no 'when'", (*path, "when"), key=True)
        if node.choose is None and case.when is None and index < len(node.cases) - 1:
            raise source.error("a case without 'when' must be the last", path)


def _check_human(source: Source, node: HumanNode, here: Path) -> None:
    if node.choices is not None and node.ask != "answer":
        raise source.error("only `ask: answer` has choices", (*here, "choices"), key=True)
    if node.ask == "edit" and "value" not in node.model_fields_set:
        raise source.error("`ask: edit` needs the `value` that is edited", (*here, "ask"))


def check_given(
    source: Source, path: Path, node: WorkflowNode, used: WorkflowSpec, using: WorkflowSpec
) -> None:
    """Check what a node gives a workflow that it uses, as far as it can be told beforehand.

    Raises:
        SpecError: an input is unknown, missing, or of the wrong type.
    """
    for name in node.inputs:
        if name not in used.inputs:
            raise unknown(
                source, (*path, name), f"input of {node.use}", name, used.inputs, key=True
            )
    for name, declared in used.inputs.items():
        if name not in node.inputs:
            if declared.required and "default" not in declared.model_fields_set:
                message = f"{node.use} needs the input {name!r}, a {declared.type}"
                raise source.error(message, path[:-1], key=True)
            continue
        given = _type_of(node.inputs[name], using)
        if given is not None and not _assignable(given, declared.type):
            message = f"{node.use} needs a {declared.type} as {name!r}, and this is a {given}"
            raise source.error(message, (*path, name))


def _type_of(value: Any, using: WorkflowSpec) -> str | None:
    """The type of a value in the file, or None where only a run can tell."""
    if not isinstance(value, str):
        return next((name for name in _TYPES if fits(name, value)), None)
    expression = whole_expression(value)
    if expression is None:
        return "string"
    name = expression.removeprefix("inputs.")
    return using.inputs[name].type if name != expression and name in using.inputs else None


def _assignable(given: str, wanted: str) -> bool:
    alike = {("string", "path"), ("path", "string"), ("integer", "number")}
    return given == wanted or (given, wanted) in alike


def _check_schema(source: Source, path: Path, schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = (*path, *error.absolute_path)
        raise source.error(f"not a JSON Schema: {error.message}", where) from error
    if not schema:
        raise source.error("not a JSON Schema: it says nothing", path)
