"""Which nodes a branch may leave out, and which of them another node can count on."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from agentrt.spec.node import AnyNode, BranchNode

Needs = Mapping[str, tuple[str, ...]]


class Skips:
    """The fates of the nodes of one body.

    A branch's target runs when it is chosen. Any other node is left out where all that it could
    lack was left out; where that hangs on one node alone, it shares that node's fate.
    """

    def __init__(self, nodes: Mapping[str, AnyNode], needs: Needs) -> None:
        self._needs = needs
        self._choosers: dict[str, list[str]] = {}
        for name, node in nodes.items():
            for case in node.cases if isinstance(node, BranchNode) else ():
                self._choosers.setdefault(case.to, []).append(name)
        self._skippable, self._fate = set[str](), dict[str, str]()
        try:
            order = list(TopologicalSorter(needs).static_order())
        except CycleError:
            order = []
        for name in order:
            self._settle(name)

    def _settle(self, name: str) -> None:
        uncertain = [need for need in self._needs.get(name, ()) if need in self._skippable]
        fates = {self._fate[need] for need in uncertain}
        if name in self._choosers or uncertain:
            self._skippable.add(name)
            alone = name not in self._choosers and len(fates) == 1
            self._fate[name] = fates.pop() if alone else name

    def optional(self, name: str, reader: str | None) -> bool:
        """Whether the value of a node may be none where it is read; None for what reads at last."""
        if name not in self._skippable:
            return False
        return reader is None or self._fate[name] not in self._certain(reader)

    def _certain(self, reader: str) -> set[str]:
        """The fates that have come about where a node runs."""
        found, todo = set[str](), [reader]
        while todo:
            name = todo.pop()
            fate = self._fate.get(name)
            if fate is None or fate in found:
                continue
            found.add(fate)
            todo += self._choosers.get(fate, []) if len(self._choosers.get(fate, [])) == 1 else []
        return found

    def targets(self) -> Mapping[str, list[str]]:
        """For each node that branches name, the branches."""
        return self._choosers

    def sharing(self, name: str) -> list[str]:
        """The nodes that are left out where a node is, itself among them."""
        return [other for other, fate in self._fate.items() if fate == self._fate.get(name, name)]
