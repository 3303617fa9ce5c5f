"""What a run knows while it goes on, and how the nodes' additions to it are put together."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

Items = dict[str, dict[int, Any]]


def merge_items(left: Items, right: Items) -> Items:
    """Add finished items, by node and place, to those that were there."""
    return {name: left.get(name, {}) | right.get(name, {}) for name in left | right}


class State(TypedDict):
    """The state of a run.

    Attributes:
        inputs: by name.
        values: each finished node's value.
        skipped: the nodes that no branch chose.
        lists: for each node with ``for_each``, what it runs over.
        items: for each such node, the values of its finished items by place.
    """

    inputs: dict[str, Any]
    values: Annotated[dict[str, Any], operator.or_]
    skipped: Annotated[list[str], operator.add]
    lists: Annotated[dict[str, list[Any]], operator.or_]
    items: Annotated[Items, merge_items]


class ItemState(State):
    """What one item of a node with ``for_each`` is run on."""

    item: Any
    index: int


def first_state(inputs: dict[str, Any]) -> State:
    """The state at the start of a run."""
    return State(inputs=inputs, values={}, skipped=[], lists={}, items={})


def scope_of(state: State) -> dict[str, Any]:
    """What templates see: the inputs, and each node's value (None where it was skipped)."""
    return {**dict.fromkeys(state["skipped"]), **state["values"], "inputs": state["inputs"]}
