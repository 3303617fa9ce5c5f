"""In what order nodes can run: cycles, nodes that are never reached, loops that don't end."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from jinja2 import nodes as jinja

from agentrt.spec.check.skips import Needs, Skips
from agentrt.spec.node import AnyNode, BranchNode
from agentrt.spec.source import Path, Source
from agentrt.spec.template import TemplateFailure, is_expression, parse


def check_order(
    source: Source, at: Path, nodes: Mapping[str, AnyNode], needs: Needs, skips: Skips
) -> list[str]:
    """The nodes of a body, each after those it waits for; complain of cycles and dead ends."""
    for name, node in nodes.items():
        if isinstance(node, BranchNode):
            _check_cases(source, (*at, name), node)
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        cycle: list[str] = list(reversed(error.args[1]))
        message = f"the nodes wait for each other: {' → '.join(cycle)}"
        source.complain(message, (*at, cycle[0]), key=True)
        return list(nodes)
    for name in _unreachable(nodes, skips):
        source.complain(f"{name!r} is never reached", (*at, name), key=True, severity="warning")
    return order


def _check_cases(source: Source, here: Path, node: BranchNode) -> None:
    for index, case in enumerate(node.cases[:-1]):
        if node.choose is None and case.when is None:
            place = (*here, "cases", index)
            source.complain("a case without 'when' must be the last", place)


def _unreachable(nodes: Mapping[str, AnyNode], skips: Skips) -> list[str]:
    """The nodes that no branch can choose, and those that share their fate."""
    alive = {
        name: {node.cases[index].to for index in _live_cases(node)}
        for name, node in nodes.items()
        if isinstance(node, BranchNode)
    }
    dead = [
        target
        for target, choosers in skips.targets().items()
        if all(target not in alive[chooser] for chooser in choosers)
    ]
    found = {name for target in dead for name in skips.sharing(target)}
    return [name for name in nodes if name in found]


def _live_cases(node: BranchNode) -> list[int]:
    live: list[int] = []
    for index, case in enumerate(node.cases):
        holds = constant_of(case.when) if case.when else None
        if holds is None or holds:
            live.append(index)
        if holds:
            break
    return live


def constant_of(template: str) -> Any:
    """The value of a template's expression where it hangs on nothing; else None."""
    if not is_expression(template):
        return None
    try:
        [output] = parse(template).body
    except (TemplateFailure, ValueError):
        return None
    parts = output.nodes if isinstance(output, jinja.Output) else []
    try:
        return parts[0].as_const() if len(parts) == 1 else None
    except jinja.Impossible:
        return None


def check_until(source: Source, place: Path, until: str, reads: list[str], nodes: Any) -> None:
    """Complain of an end that does not hang on what a round does."""
    holds = constant_of(until)
    if holds is not None:
        message = "the loop ends after one round" if holds else "the loop never ends by itself"
        source.complain(message, place, severity="warning")
    elif "loop" not in reads and not set(reads) & set(nodes):
        message = "nothing that a round does changes this"
        source.complain(message, place, hint="read a node of the round, or `loop`",
                        severity="warning")  # fmt: skip
