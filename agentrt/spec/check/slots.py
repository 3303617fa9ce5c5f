"""Where templates stand in a node, and what each of them is for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

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
from agentrt.spec.source import Path

Use = Literal["text", "value", "condition", "list", "count", "queries"]


@dataclass(frozen=True)
class Slot:
    """One template.

    Attributes:
        path: inside the node.
        template: its text.
        use: ``text`` where it becomes part of one; a ``condition``; a ``list`` to go through; a
            ``count``; ``queries``, one or many; or any ``value``.
        inside: whether it reads the node's own body.
        each: whether it is worked out once for each item.
    """

    path: Path
    template: str
    use: Use = "value"
    inside: bool = False
    each: bool = True


def slots(node: AnyNode) -> Iterator[Slot]:
    """Each template of a node itself, in the order in which they are worked out."""
    if node.for_each is not None:
        yield Slot(("for_each",), node.for_each, "list", each=False)
    yield from _of_kind(node)
    yield from nested(node.fallback, ("fallback",))


def nested(value: Any, path: Path, *, inside: bool = False) -> Iterator[Slot]:
    """Each text inside nested lists and mappings."""
    if isinstance(value, str):
        yield Slot(path, value, inside=inside)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nested(item, (*path, key), inside=inside)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nested(item, (*path, index), inside=inside)


def _of_kind(node: AnyNode) -> Iterator[Slot]:
    match node:
        case LLMNode():
            yield from _texts(node, "system", "prompt")
        case AgentNode():
            yield from _texts(node, "system", "prompt", "corpus")
        case RetrieveNode():
            yield from _texts(node, "corpus", "query")
            use: Use = "queries" if isinstance(node.queries, str) else "text"
            yield from (replace(slot, use=use) for slot in nested(node.queries, ("queries",)))
            if isinstance(node.top_k, str):
                yield Slot(("top_k",), node.top_k, "count")
        case ToolNode():
            yield from _texts(node, "corpus")
            yield from nested(node.arguments, ("arguments",))
        case WorkflowNode():
            yield from nested(node.inputs, ("inputs",))
        case BranchNode():
            yield from _of_branch(node)
        case HumanNode():
            yield from _texts(node, "message")
            yield from nested(node.value, ("value",))
        case LoopNode() | ParallelNode():
            yield from _of_body(node)


def _of_branch(node: BranchNode) -> Iterator[Slot]:
    if node.choose is not None:
        for slot in _texts(node.choose, "system", "prompt"):
            yield replace(slot, path=("choose", *slot.path))
    for index, case in enumerate(node.cases):
        if case.when is not None:
            yield Slot(("cases", index, "when"), case.when, "condition")


def _of_body(node: LoopNode | ParallelNode) -> Iterator[Slot]:
    if isinstance(node, ParallelNode):
        yield from nested(node.outputs, ("outputs",), inside=True)
        return
    yield from nested(node.start, ("start",))
    yield from nested(node.carry, ("carry",), inside=True)
    yield Slot(("until",), node.until, "condition", inside=True)
    yield from nested(node.value, ("value",), inside=True)


def _texts(part: Any, *fields: str) -> Iterator[Slot]:
    for name in fields:
        text = getattr(part, name)
        if text is not None:
            yield Slot((name,), text, "text")
