"""The tools that a workflow grants and calls, checked against their signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from agentrt.errors import SpecError
from agentrt.spec.check.reading import data_type
from agentrt.spec.complaint import Complaint
from agentrt.spec.grant import Grant
from agentrt.spec.model import WorkflowSpec
from agentrt.spec.node import AgentNode, AnyNode, ToolNode
from agentrt.spec.source import Path, Source
from agentrt.spec.suggest import meant, nearest
from agentrt.spec.surroundings import Surroundings, ToolSignature
from agentrt.spec.value_type import Type, fits, from_schema

if TYPE_CHECKING:
    from agentrt.spec.check.bodies import Bodies

Tools = Mapping[str, ToolSignature]


def known_tools(
    spec: WorkflowSpec, source: Source, folder: File, surroundings: Surroundings | None
) -> Tools | None:
    """The tools that a workflow may name; None where they are not known."""
    files = []
    for index, name in enumerate(spec.tool_files):
        if (folder / name).is_file():
            files.append(folder / name)
        else:
            beside = [str(File(name).parent / p.name) for p in (folder / name).parent.glob("*.py")]
            hint = nearest(name, sorted(beside)) if beside else None
            source.complain(f"there is no file {name!r}", ("tool_files", index), hint=hint)
    if surroundings is None or len(files) < len(spec.tool_files):
        return None
    try:
        tools = surroundings.tools(files)
        for name in set(spec.mcp) & set(tools):
            message = f"there is a tool called {name!r}; an MCP server needs another name"
            source.complain(message, ("mcp", name), key=True)
        return tools
    except SpecError as error:
        source.complaints.append(
            Complaint(error.message, error.source, error.line or 1, error.column or 1,
                      hint=error.hint)
        )  # fmt: skip
        return None


def check_grants(bodies: Bodies, node: AnyNode, here: Path, types: Mapping[Path, Type]) -> None:
    """Check that the tools of a node exist and can do their work there."""
    if bodies.tools is None:
        return
    for place, grant in _granted(node):
        _check_grant(bodies, node, (*here, *place), grant, bodies.tools)
    if isinstance(node, ToolNode) and node.tool.name in bodies.tools:
        _check_arguments(bodies.source, node, here, bodies.tools[node.tool.name].parameters, types)


def _granted(node: AnyNode) -> Iterator[tuple[Path, Grant]]:
    if isinstance(node, ToolNode):
        yield ("tool",), node.tool
    if isinstance(node, AgentNode):
        for index, grant in enumerate(node.tools):
            yield ("tools", index), grant


def _check_grant(bodies: Bodies, node: AnyNode, place: Path, grant: Grant, tools: Tools) -> None:
    source, name = bodies.source, grant.name
    servers = {*bodies.spec.mcp, *(bodies.surroundings.servers if bodies.surroundings else ())}
    if name.partition(".")[0] in servers:
        # Only the server itself knows its tools.
        if isinstance(node, ToolNode) and name in servers:
            source.complain(f"{name!r} is several tools, and this calls one", place,
                            hint=f"such as {name}.TOOL")  # fmt: skip
        return
    if name not in tools:
        hint = nearest(name, sorted({*tools, *servers}))
        source.complain(f"no tool is called {name!r}", place, hint=hint)
        return
    if "retriever" in tools[name].inject and getattr(node, "corpus", None) is None:
        source.complain(f"{name!r} searches a corpus", place, hint="give the node a 'corpus'")
    if isinstance(node, ToolNode) and tools[name].members:
        hint = f"one of {', '.join(tools[name].members)}"
        source.complain(f"{name!r} is several tools, and this calls one", place, hint=hint)
    problem = bodies.surroundings.refuse(grant, bodies.folder) if bodies.surroundings else None
    if problem is not None:
        at = (*place, problem.option) if problem.option else place
        source.complain(problem.message, at, key=problem.option is not None)


def _check_arguments(
    source: Source, node: ToolNode, here: Path, schema: Mapping[str, Any],
    types: Mapping[Path, Type],
) -> None:  # fmt: skip
    wanted: Mapping[str, Any] = schema.get("properties", {})
    for name in node.arguments:
        if name not in wanted and not schema.get("additionalProperties"):
            message, hint = f"{node.tool.name} has no argument {name!r}", nearest(name, wanted)
            source.complain(message, (*here, "arguments", name), hint=hint, key=True)
    misspelt = meant(set(node.arguments) - set(wanted), wanted)
    for name in schema.get("required", ()):
        if name not in node.arguments and name not in misspelt:
            kind = from_schema(wanted.get(name, {}), schema)
            what = f", {kind}" if kind.kind != "any" else ""
            source.complain(f"{node.tool.name} needs the argument {name!r}{what}", here, key=True)
    for name in set(wanted) & set(node.arguments):
        given = data_type(node.arguments[name], ("arguments", name), types)
        kind = from_schema(wanted[name], schema)
        if not fits(given, kind):
            message = f"{node.tool.name} takes {kind} as {name!r}, and this is {given}"
            if given.kind == kind.kind:
                message = f"{node.tool.name} can't take this as {name!r}"
            values = ", ".join(repr(value) for value in kind.values)
            source.complain(message, (*here, "arguments", name),
                            hint=f"one of {values}" if values else None)  # fmt: skip
