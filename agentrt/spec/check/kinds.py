"""What each kind of node asks for beyond its fields, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentrt.spec.check.files import check_corpus
from agentrt.spec.check.order import check_until
from agentrt.spec.check.reading import Known, data_type, roots
from agentrt.spec.check.slots import Slot
from agentrt.spec.inputs import input_type
from agentrt.spec.node import (
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
)
from agentrt.spec.source import Path, Source
from agentrt.spec.suggest import meant, nearest
from agentrt.spec.value_type import (
    ANY,
    BOOLEAN,
    OBJECT,
    STRING,
    Type,
    fits,
    from_schema,
    list_of,
    object_of,
)

if TYPE_CHECKING:
    from agentrt.spec.check.bodies import Bodies

Types = Mapping[Path, Type]


def check_kind(bodies: Bodies, node: AnyNode, here: Path, types: Types) -> None:
    """Check what is particular to a kind of node."""
    source = bodies.source
    _check_common(bodies, node, here)
    match node:
        case LLMNode() if node.schema_ is not None:
            _check_schema(source, (*here, "schema"), node.schema_)
        case RetrieveNode():
            if (node.query is None) == (node.queries is None):
                message = f"{here[-1]!r} needs either 'query' or 'queries'"
                source.complain(message, here, key=True)
            check_corpus(bodies, (*here, "corpus"), node.corpus)
        case AgentNode() | ToolNode() if node.corpus is not None:
            check_corpus(bodies, (*here, "corpus"), node.corpus)
        case BranchNode():
            _check_branch(source, node, here)
        case HumanNode():
            _check_human(source, node, here)
        case LoopNode():
            _check_loop(source, node, here, types)
        case WorkflowNode() if here in bodies.used:
            _check_given(bodies, node, here, types)


def value_type(bodies: Bodies, node: AnyNode, here: Path, types: Types, inside: Known) -> Type:
    """The type of what one run of a node gives."""
    match node:
        case LLMNode():
            return STRING if node.schema_ is None else from_schema(node.schema_)
        case AgentNode():
            return STRING
        case RetrieveNode():
            passage = bodies.surroundings.passage if bodies.surroundings else None
            return list_of(from_schema(passage) if passage else OBJECT)
        case ToolNode():
            signature = (bodies.tools or {}).get(node.tool.name)
            return from_schema(signature.returns) if signature else ANY
        case BranchNode():
            return Type("string", values=tuple(case.to for case in node.cases))
        case HumanNode():
            return _answer(node, types)
        case LoopNode():
            return data_type(node.value, ("value",), types)
        case ParallelNode():
            return _of_group(node, types, inside)
        case WorkflowNode():
            used = bodies.used.get(here)
            return object_of(used.output_types) if used else OBJECT
    return ANY


def _of_group(node: ParallelNode, types: Types, inside: Known) -> Type:
    if node.outputs is not None:
        return data_type(node.outputs, ("outputs",), types)
    return object_of({name: inside.types[name] for name in node.nodes})


def _check_common(bodies: Bodies, node: AnyNode, here: Path) -> None:
    source = bodies.source
    if node.for_each is None and "at_once" in node.model_fields_set:
        place = (*here, "at_once")
        message = "'at_once' says nothing without 'for_each'"
        source.complain(message, place, key=True, severity="warning")
    role = getattr(node, "model", None)
    if role is not None and role not in bodies.spec.models:
        hint = nearest(role, bodies.spec.models)
        source.complain(f"no model role is called {role!r}", (*here, "model"), hint=hint)


def _check_schema(source: Source, path: Path, schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = (*path, *error.absolute_path)
        if error.absolute_path and error.absolute_path[-1] == "type":
            types = ("string", "integer", "number", "boolean", "array", "object", "null")
            message, hint = f"no JSON type is called {error.instance!r}", str(error.instance)
            source.complain(message, where, hint=nearest(hint, types))
        else:
            source.complain(f"not a JSON Schema: {error.message}", where)
    if not schema:
        source.complain("not a JSON Schema: it says nothing", path)
    needed, there = schema.get("required"), schema.get("properties")
    if isinstance(needed, list) and isinstance(there, dict):
        for index, name in enumerate(needed):
            if name not in there:
                message = f"required, but not among the properties: {name!r}"
                hint = nearest(str(name), there)
                source.complain(message, (*path, "required", index), hint=hint)


def _check_branch(source: Source, node: BranchNode, here: Path) -> None:
    if node.for_each is not None:
        source.complain("a branch can't run for each item", (*here, "for_each"))
    if node.model is not None and node.choose is None:
        message = "only a branch with 'choose' asks a model"
        source.complain(message, (*here, "model"), key=True)
    for index, case in enumerate(node.cases):
        if node.choose is not None and case.when is not None:
            message = "with 'choose' a case has no 'when'"
            source.complain(message, (*here, "cases", index, "when"), key=True)


def _check_human(source: Source, node: HumanNode, here: Path) -> None:
    if node.choices is not None and node.ask != "answer":
        source.complain("only `ask: answer` has choices", (*here, "choices"), key=True)
    if node.ask == "edit" and "value" not in node.model_fields_set:
        source.complain("`ask: edit` needs the `value` that is edited", (*here, "ask"))


def _answer(node: HumanNode, types: Types) -> Type:
    """What a person gives."""
    if node.ask == "approve":
        return BOOLEAN
    if node.ask == "answer":
        return Type("string", values=tuple(node.choices or ()))
    return Type(data_type(node.value, ("value",), types).kind)


def _check_loop(source: Source, node: LoopNode, here: Path, types: Types) -> None:
    until = roots(Slot(("until",), node.until))
    check_until(source, (*here, "until"), node.until, until, node.nodes)
    for name, value in node.carry.items():
        place = (*here, "carry", name)
        if name not in node.start:
            hint = nearest(name, node.start)
            message = f"no value of 'start' is called {name!r}"
            source.complain(message, place, hint=hint, key=True)
            continue
        first = data_type(node.start[name], ("start", name), types)
        later = data_type(value, ("carry", name), types)
        if first.kind != "none" and not fits(later, Type(first.kind)):
            message = f"{name!r} starts as {first}, and later rounds are handed {later}"
            source.complain(message, place, severity="warning")


def _check_given(bodies: Bodies, node: WorkflowNode, here: Path, types: Types) -> None:
    """Check what a node gives a workflow that it uses."""
    source, wanted = bodies.source, bodies.used[here].spec.inputs
    misspelt = meant(set(node.inputs) - set(wanted), wanted)
    for name in node.inputs:
        if name not in wanted:
            place = (*here, "inputs", name)
            message = f"no input of {node.use} is called {name!r}"
            hint = nearest(name, wanted)
            source.complain(message, place, hint=hint, key=True)
    for name, declared in wanted.items():
        if name not in node.inputs:
            required = declared.required and "default" not in declared.model_fields_set
            if required and name not in misspelt:
                message = f"{node.use} needs the input {name!r}, {input_type(declared)}"
                source.complain(message, here, key=True)
            continue
        given = data_type(node.inputs[name], ("inputs", name), types)
        if not fits(given, input_type(declared)):
            message = f"{node.use} needs {input_type(declared)} as {name!r}, and this is {given}"
            source.complain(message, (*here, "inputs", name))
