"""Nodes that run together: those of a workflow, of a round of a loop, or of a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentrt.spec.model import AnyNode
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
