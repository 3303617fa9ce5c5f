"""Nodes that run together: those of a workflow, of a round of a loop, or of a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentrt.spec.grant import Grant
from agentrt.spec.node import AgentNode, AnyNode, BranchNode, LLMNode, ToolNode
from agentrt.spec.source import Path

if TYPE_CHECKING:
    from agentrt.spec.load import Workflow


@dataclass(frozen=True)
class Body:
    """Checked nodes.

    Attributes:
        at: where the mapping of nodes stands in its file.
        nodes: by name.
        needs: for each node the nodes of this body that it waits for.
        outer: the nodes around this body that something in it reads.
        inner: the bodies of those nodes that have one.
        used: the workflows of those nodes that use one.
    """

    at: Path
    nodes: Mapping[str, AnyNode]
    needs: Mapping[str, tuple[str, ...]]
    outer: tuple[str, ...] = ()
    inner: Mapping[str, Body] = field(default_factory=dict)
    used: Mapping[str, Workflow] = field(default_factory=dict)

    def asked(self) -> Iterator[str | None]:
        """The model role of each step that asks a model, None for the default one."""
        for node in self.nodes.values():
            if isinstance(node, LLMNode | AgentNode) or (
                isinstance(node, BranchNode) and node.choose is not None
            ):
                yield node.model
        for inner in self.inner.values():
            yield from inner.asked()

    def grants(self) -> Iterator[tuple[AnyNode, Path, Grant]]:
        """Each grant of its nodes, and of the bodies inside, with its node and its path."""
        for name, node in self.nodes.items():
            here = (*self.at, name)
            if isinstance(node, ToolNode):
                yield node, (*here, "tool"), node.tool
            if isinstance(node, AgentNode):
                for index, grant in enumerate(node.tools):
                    yield node, (*here, "tools", index), grant
        for inner in self.inner.values():
            yield from inner.grants()
