"""What a run's seconds were spent on: the critical path, cut into categories that add up.

``wall = queue + prefill + decode + tool + retrieval + orchestration + person + unattributed``
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

from agentrt.timing.span import Category, Phase, Span

CATEGORIES: tuple[Category, ...] = get_args(Category)

# Where several things go on at once inside one node, the instant belongs to the first of these.
_PRECEDENCE: tuple[Category, ...] = (
    "decode", "prefill", "queue", "tool", "retrieval", "person", "orchestration",
)  # fmt: skip

LEAF_CATEGORY: dict[str, Category] = {
    "tool": "tool",
    "retrieval": "retrieval",
    "embed": "retrieval",
    "query": "retrieval",
    "orchestration": "orchestration",
    "person": "person",
}


@dataclass(frozen=True)
class Breakdown:
    """Seconds of a stretch of wall-clock by category; the parts and the rest add up to it."""

    wall_s: float
    seconds: dict[Category, float]
    critical_path: tuple[str, ...] = ()

    @property
    def unattributed_s(self) -> float:
        """Seconds that nothing claims."""
        return max(0.0, self.wall_s - sum(self.seconds.values()))

    def share(self, category: Category) -> float:
        """A category's part of the wall-clock, 0 to 1."""
        return self.seconds[category] / self.wall_s if self.wall_s else 0.0

    @property
    def unattributed_share(self) -> float:
        """The part of the wall-clock that nothing claims, 0 to 1."""
        return self.unattributed_s / self.wall_s if self.wall_s else 0.0


def attribute(spans: Sequence[Span]) -> Breakdown:
    """Cut a finished run's wall-clock along its critical path.

    Args:
        spans: the closed spans of one run, the ``run`` span among them.
    """
    run = next(span for span in spans if span.kind == "run")
    leaves = leaf_nodes(spans)
    claims = _claims(spans, {span.node for span in leaves})
    seconds = dict.fromkeys(CATEGORIES, 0.0)
    path = list(_critical_path(run, leaves))
    cursor = run.start_s
    for node in path:
        _add(seconds, claims.get(None, []), cursor, node.start_s)
        _add(seconds, claims.get(node.node, []), max(cursor, node.start_s), _end(node))
        cursor = _end(node)
    _add(seconds, claims.get(None, []), cursor, _end(run))
    return Breakdown(run.duration_s, seconds, tuple(node.name for node in path))


def leaf_nodes(spans: Sequence[Span]) -> list[Span]:
    """The nodes that hold no other nodes: loops, groups and workflows as steps are left out."""
    nodes = [span for span in spans if span.kind == "node"]
    holders = {span.parent for span in nodes}
    return [span for span in nodes if span.id not in holders]


def attribute_span(spans: Sequence[Span], node: Span) -> Breakdown:
    """Cut one node's time with that of the nodes in it, on the critical path or not."""
    seconds = dict.fromkeys(CATEGORIES, 0.0)
    inside = {node.id}
    # A span is added when it closes, so what holds it comes after it.
    for span in reversed(spans):
        if span.parent in inside:
            inside.add(span.id)
    claims = _claims([s for s in spans if s.id in inside or s.node == node.node], ())
    _add(seconds, claims.get(None, []), node.start_s, _end(node))
    return Breakdown(node.duration_s, seconds)


def _end(span: Span) -> float:
    return span.start_s if span.end_s is None else span.end_s


def _critical_path(run: Span, nodes: Sequence[Span]) -> Iterator[Span]:
    """From the last node to end back through what it waited for, yielded first to last.

    LangGraph runs nodes in supersteps, so a node starts once the slowest node of the step before
    has ended: the latest one to end before a node started is what held it up.
    """
    path: list[Span] = []
    held_until = _end(run)
    for node in sorted(nodes, key=_end, reverse=True):
        if _end(node) <= held_until:
            path.append(node)
            held_until = node.start_s
    return reversed(path)


def _claims(spans: Sequence[Span], nodes: Collection[str | None]) -> dict[str | None, list[Phase]]:
    """What the spans of each of these nodes claim; what all others claim is under None."""
    claims: dict[str | None, list[Phase]] = {}
    for span in spans:
        if span.kind in ("run", "node"):
            continue
        claimed = claims.setdefault(span.node if span.node in nodes else None, [])
        claimed.extend(span.phases)
        category = LEAF_CATEGORY.get(span.kind)
        if category and not span.phases:
            claimed.append(Phase(category=category, start_s=span.start_s, end_s=_end(span)))
    return claims


def _add(seconds: dict[Category, float], claims: list[Phase], start: float, end: float) -> None:
    """Add the claimed part of start..end, each instant once."""
    inside = [claim for claim in claims if claim.end_s > start and claim.start_s < end]
    cuts = sorted(
        {start, end}
        | {claim.start_s for claim in inside if claim.start_s > start}
        | {claim.end_s for claim in inside if claim.end_s < end}
    )
    for left, right in pairwise(cuts):
        active = {
            claim.category for claim in inside if claim.start_s <= left and claim.end_s >= right
        }
        for category in _PRECEDENCE:
            if category in active:
                seconds[category] += right - left
                break
