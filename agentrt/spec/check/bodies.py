"""Checking the nodes that run together, and the bodies inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING

from agentrt.spec.body import Body
from agentrt.spec.check.kinds import check_kind, value_type
from agentrt.spec.check.order import check_order
from agentrt.spec.check.reading import RESERVED, Known, Reads, data_type, read, roots
from agentrt.spec.check.skips import Skips
from agentrt.spec.check.slots import Slot, slots
from agentrt.spec.check.tools import Tools, check_grants
from agentrt.spec.node import AnyNode, BranchNode, LoopNode, ParallelNode, WorkflowNode
from agentrt.spec.source import Path, Source
from agentrt.spec.structure import Structure
from agentrt.spec.suggest import nearest
from agentrt.spec.surroundings import Surroundings
from agentrt.spec.value_type import ANY, BOOLEAN, INTEGER, Type, fits, list_of, object_of

if TYPE_CHECKING:
    from agentrt.spec.check.workflow import OpenUsed
    from agentrt.spec.load import Workflow


class Bodies:
    """One workflow's check, at whatever depth."""

    def __init__(
        self,
        structure: Structure,
        source: Source,
        folder: File,
        reads: Reads,
        tools: Tools | None,
        surroundings: Surroundings | None,
        open_used: OpenUsed,
    ) -> None:
        self.spec, self.broken = structure.spec, structure.broken
        self.source, self.folder, self.reads = source, folder, reads
        self.tools, self.surroundings, self.open_used = tools, surroundings, open_used
        self.used: dict[Path, Workflow] = {}

    def check(self, nodes: Mapping[str, AnyNode], at: Path, around: Known) -> tuple[Body, Known]:
        """Check nodes that run together; give them, and what a template after them may read."""
        broken = [str(path[-1]) for path in self.broken if path[:-1] == at]
        known = around.inside({**nodes, **dict.fromkeys(broken)}, at)
        read_by = {name: self._reads(node, (*at, name)) for name, node in nodes.items()}
        needs = self._needs(nodes, at, read_by, {*nodes, *broken})
        skips = Skips(nodes, needs)
        inner: dict[str, Body] = {}
        types: dict[str, Type] = {}
        badly = [name for name in nodes if not self._is_named_well(name, (*at, name), around)]
        for name in nodes if badly else check_order(self.source, at, nodes, needs, skips):
            seen = known.plus(**_seen_by(name, types, skips))
            types[name] = self._node(nodes[name], (*at, name), seen, inner)
        outer = {read: None for found in read_by.values() for read in found if read not in nodes}
        used = {name: self.used[*at, name] for name in nodes if (*at, name) in self.used}
        around_it = tuple(name for name in outer if name in around.owners)
        body = Body(at, dict(nodes), needs, around_it, inner, used)
        return body, known.plus(**_seen_by(None, types, skips))

    def _reads(self, node: AnyNode, here: Path) -> list[str]:
        """The names that a node's templates read, those of its own body too."""
        found = [name for slot in slots(node) for name in roots(slot)]
        if isinstance(node, LoopNode | ParallelNode):
            for name, child in node.nodes.items():
                found += self._reads(child, (*here, "nodes", name))
            found = [name for name in found if name not in node.nodes]
        return found

    def _needs(
        self, nodes: Mapping[str, AnyNode], at: Path, read_by: dict[str, list[str]],
        there: set[str],
    ) -> dict[str, tuple[str, ...]]:  # fmt: skip
        needs = {name: [read for read in read_by[name] if read in nodes] for name in nodes}
        for name, node in nodes.items():
            for index, other in enumerate(node.after):
                place = (*at, name, "after", index)
                if self._is_there(other, there, place) and other in nodes:
                    needs[name].append(other)
            for index, case in enumerate(node.cases if isinstance(node, BranchNode) else ()):
                place = (*at, name, "cases", index, "to")
                if self._is_there(case.to, there, place) and case.to in nodes:
                    needs[case.to].append(name)
        return {name: tuple(dict.fromkeys(found)) for name, found in needs.items()}

    def _is_there(self, name: str, there: set[str], place: Path) -> bool:
        if name not in there:
            hint = nearest(name, sorted(there))
            self.source.complain(f"no node is called {name!r}", place, hint=hint)
        return name in there

    def _is_named_well(self, name: str, here: Path, around: Known) -> bool:
        if name in RESERVED:
            self.source.complain(f"{name!r} can't name a node", here, key=True)
        elif name in around.owners:
            message = f"{name!r} already names a node around this one"
            self.source.complain(message, here, key=True)
        else:
            return True
        return False

    def _node(self, node: AnyNode, here: Path, known: Known, inner: dict[str, Body]) -> Type:
        """Check one node, and give the type of its value."""
        types: dict[Path, Type] = {}
        each, inside = known, None
        for slot in slots(node):
            if slot.inside and inside is None:
                inner[str(here[-1])], inside = self._inner(node, here, each, types)
            seen = _seen_from(slot, known, each, inside)
            types[slot.path] = read(self.source, (*here, *slot.path), slot, seen, self.reads)
            if slot.use == "list":
                each = known.plus(item=types[slot.path].items, index=INTEGER)
        if isinstance(node, ParallelNode) and inside is None:
            inner[str(here[-1])], inside = self._inner(node, here, each, types)
            self.reads.nodes |= {(*here, "nodes", name) for name in node.nodes}
        if isinstance(node, WorkflowNode):
            used = self.open_used(node.use, (*here, "use"))
            if used is not None:
                self.used[here] = used
        check_kind(self, node, here, types)
        check_grants(self, node, here, types)
        given = value_type(self, node, here, types, inside or each)
        self._check_fallback(node, here, types, given)
        return list_of(given) if node.for_each is not None else given

    def _inner(
        self, node: AnyNode, here: Path, known: Known, types: Mapping[Path, Type]
    ) -> tuple[Body, Known]:
        assert isinstance(node, LoopNode | ParallelNode)
        if isinstance(node, LoopNode):
            start = {name: data_type(v, ("start", name), types) for name, v in node.start.items()}
            held = {
                # What the first round begins with need not be what a later one is handed.
                name: replace(t, values=()) if name not in node.carry or t.kind != "none" else ANY
                for name, t in start.items()
            }
            known = known.plus(loop=object_of({"round": INTEGER, **held}))
        return self.check(node.nodes, (*here, "nodes"), known)

    def _check_fallback(
        self, node: AnyNode, here: Path, types: Mapping[Path, Type], given: Type
    ) -> None:
        if node.fallback is None:
            return
        fallback = data_type(node.fallback, ("fallback",), types)
        if not fits(fallback, given):
            message = f"the fallback is {fallback}, and the node gives {given}"
            if fallback.kind == given.kind:
                message = "the fallback does not have what the node gives"
            self.source.complain(message, (*here, "fallback"), severity="warning")


def _seen_from(slot: Slot, known: Known, each: Known, inside: Known | None) -> Known:
    """What a template of a node reads, of what is known around the node, to each item, inside."""
    if not slot.inside or inside is None:
        return each if slot.each else known
    loop = inside.types.get("loop")
    if slot.path[0] != "value" or loop is None or loop.fields is None:
        return inside
    # After the last round a loop knows how it ended.
    return inside.plus(loop=object_of({**loop.fields, "met": BOOLEAN}))


def _seen_by(reader: str | None, types: Mapping[str, Type], skips: Skips) -> dict[str, Type]:
    """The types of a body's nodes as one of them, or what comes after them, finds them."""
    return {
        name: given.or_none() if skips.optional(name, reader) else given
        for name, given in types.items()
    }
