"""What a graph knows while it runs, and how the nodes' additions to it are put together."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

Items = dict[str, dict[int, Any]]
Scope = dict[str, Any]


def merge_items(left: Items, right: Items) -> Items:
    """Add finished items, by node and place, to those that were there."""
    return {name: left.get(name, {}) | right.get(name, {}) for name in left | right}


class State(TypedDict):
    """The state of a run, and of each graph nested in it.

    Attributes:
        inputs: of the workflow, by name.
        vars: of the workflow, by name.
        around: what templates read from around a nested graph, by name.
        label: the node that a nested graph belongs to, as events and spans call it.
        round: which round of a loop it is, from 1; 0 where it is no loop.
        carried: what a loop hands from round to round.
        values: each finished node's value.
        skipped: the nodes that no branch chose.
        lists: for each node with ``for_each``, what it runs over.
        items: for each such node, the values of its finished items by place.
        outputs: what the graph gives; empty until it ends.
    """

    inputs: dict[str, Any]
    vars: dict[str, Any]
    around: dict[str, Any]
    label: str
    round: int
    carried: dict[str, Any]
    values: Annotated[dict[str, Any], operator.or_]
    skipped: Annotated[list[str], operator.add]
    lists: Annotated[dict[str, list[Any]], operator.or_]
    items: Annotated[Items, merge_items]
    outputs: dict[str, Any]


class ItemState(State):
    """What one item of a node with ``for_each`` is run on."""

    item: Any
    index: int


def first_state(
    inputs: Mapping[str, Any],
    variables: Mapping[str, Any],
    *,
    around: Mapping[str, Any] | None = None,
    label: str = "",
    carried: Mapping[str, Any] | None = None,
) -> State:
    """The state at the start of a graph; ``carried`` makes it a loop's."""
    return State(
        inputs=dict(inputs),
        vars=dict(variables),
        around=dict(around or {}),
        label=label,
        round=0 if carried is None else 1,
        carried=dict(carried or {}),
        values={},
        skipped=[],
        lists={},
        items={},
        outputs={},
    )


def scope_of(state: State) -> Scope:
    """What templates see: inputs, vars, what is around, and each node's value (None if skipped)."""
    loop = {"loop": {**state["carried"], "round": state["round"]}} if state["round"] else {}
    named = {"inputs": state["inputs"], "vars": state["vars"], **loop}
    return {**state["around"], **dict.fromkeys(state["skipped"]), **state["values"], **named}


def label_of(state: State, name: str) -> str:
    """What events and spans call a node: its name, after the node that it is nested in."""
    if not state["label"]:
        return name
    number = f"[{state['round']}]" if state["round"] else ""
    return f"{state['label']}{number}/{name}"
