"""Warnings of what nobody reads."""

from __future__ import annotations

from agentrt.spec.body import Body
from agentrt.spec.check.reading import Reads
from agentrt.spec.check.tools import Tools
from agentrt.spec.model import WorkflowSpec
from agentrt.spec.node import AgentNode, AnyNode, LLMNode, RetrieveNode, ToolNode
from agentrt.spec.source import Source


def warn_of_unused(
    spec: WorkflowSpec, source: Source, body: Body, reads: Reads, tools: Tools | None
) -> None:
    """Warn of inputs, vars and model roles that nothing uses, and of work done for nothing."""
    for kind, names in (("inputs", spec.inputs), ("vars", spec.vars)):
        for name in names:
            if not reads.has(kind, name):
                what = kind.removesuffix("s")
                message = f"nothing reads the {what} {name!r}"
                source.complain(message, (kind, name), key=True, severity="warning")
    roles = set(body.asked())
    for name in spec.models:
        if name not in roles:
            message = f"no node uses the model role {name!r}"
            source.complain(message, ("models", name), key=True, severity="warning")
    _warn_of_nodes(source, body, reads, tools)


def _warn_of_nodes(source: Source, body: Body, reads: Reads, tools: Tools | None) -> None:
    for name, node in body.nodes.items():
        here = (*body.at, name)
        if here not in reads.nodes and _only_gives_a_value(node, tools):
            message = f"nothing reads what {name!r} gives"
            source.complain(message, here, key=True, severity="warning")
    for inner in body.inner.values():
        _warn_of_nodes(source, inner, reads, tools)


def _only_gives_a_value(node: AnyNode, tools: Tools | None) -> bool:
    """Whether a node does nothing to the world."""
    match node:
        case LLMNode() | RetrieveNode():
            return True
        case ToolNode():
            granted = [node.tool.name]
        case AgentNode():
            granted = [grant.name for grant in node.tools]
        case _:
            return False
    known = tools or {}
    return all(name in known and set(known[name].effects) <= {"read"} for name in granted)
