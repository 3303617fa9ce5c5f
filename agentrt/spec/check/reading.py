"""Checking one template: its names, the types it puts together, and what its place asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from agentrt.spec.check.slots import Slot, nested
from agentrt.spec.expression import Scope
from agentrt.spec.infer import Analysis, analyse
from agentrt.spec.source import Path, Source
from agentrt.spec.template import TemplateFailure, is_expression
from agentrt.spec.value_type import ANY, INTEGER, STRING, Type, fits, list_of, object_of, type_of

# Names that no node may have: templates read something else by them, at least in some places.
RESERVED = ("inputs", "outputs", "vars", "item", "index", "loop")
_ELSEWHERE = {
    "item": "only a node with for_each has it",
    "index": "only a node with for_each has it",
    "loop": "only a loop's own nodes have it",
    "vars": "the workflow has no vars",
}


@dataclass(frozen=True)
class Known:
    """What the templates of a place may read.

    Attributes:
        types: by name: nodes, and what else there is, such as ``inputs``.
        owners: for each name that is a node, where that node stands.
    """

    types: Mapping[str, Type]
    owners: Mapping[str, Path] = field(default_factory=dict)

    def plus(self, **types: Type) -> Known:
        """With further names."""
        return replace(self, types={**self.types, **types})

    def inside(self, nodes: Mapping[str, Any], at: Path) -> Known:
        """With the nodes of a body, of which nothing is known yet."""
        owners = {name: (*at, name) for name in nodes}
        return Known({**self.types, **dict.fromkeys(nodes, ANY)}, {**self.owners, **owners})

    @property
    def scope(self) -> Scope:
        """For a template."""
        return Scope(self.types, _ELSEWHERE)


@dataclass
class Reads:
    """What anything in a workflow reads: nodes by where they stand, inputs and vars by name."""

    nodes: set[Path] = field(default_factory=set)
    fields: set[tuple[str, str | None]] = field(default_factory=set)

    def note(self, analysis: Analysis, known: Known) -> None:
        """Add what a template reads."""
        for name, part in analysis.reads:
            if name in known.owners:
                self.nodes.add(known.owners[name])
            else:
                self.fields.add((name, part))

    def has(self, root: str, name: str) -> bool:
        """Whether a field of a name such as ``inputs`` is read."""
        return (root, name) in self.fields or (root, None) in self.fields


def reads_in(value: Any) -> Iterator[tuple[str, str | None]]:
    """Each name that the templates in a value read, with the first field taken of it.

    A text that is no template, such as a schema's pattern, reads nothing.
    """
    for slot in nested(value, ()):
        with suppress(TemplateFailure):
            yield from analyse(slot.template, Scope({})).reads


def roots(slot: Slot) -> list[str]:
    """The names that a template reads; none where it does not parse."""
    return [name for name, _ in reads_in(slot.template)]


def read(source: Source, path: Path, slot: Slot, known: Known, reads: Reads) -> Type:
    """Check a template at its place, and give the type of its value."""
    try:
        analysis = analyse(slot.template, known.scope)
    except TemplateFailure as failure:
        source.complain_inside(f"bad template: {failure}", path, line=failure.line or 1)
        return ANY
    reads.note(analysis, known)
    for fault in analysis.faults:
        source.complain_inside(
            fault.problem.message, path, line=fault.line, word=fault.word,
            hint=fault.problem.hint, severity=fault.problem.severity,
        )  # fmt: skip
    _check_use(source, path, slot, analysis)
    return analysis.gives


def _check_use(source: Source, path: Path, slot: Slot, analysis: Analysis) -> None:
    whole = is_expression(slot.template)
    if slot.use == "condition" and not whole:
        message = f"{path[-1]!r} is a text, and every text holds"
        source.complain(message, path, hint="write one {{ expression }}")
    if slot.use in ("text", "value") and not (whole and slot.use == "value"):
        _check_printed(source, path, analysis)
    wanted = _WANTED.get(slot.use)
    if wanted is not None and not any(fits(analysis.gives, one) for one in wanted):
        hint = "add `| list`" if analysis.gives.kind == "generator" else None
        message = f"{path[-1]!r} must be {_either(wanted)}, and this is {analysis.gives}"
        source.complain(message, path, hint=hint)


_WANTED: dict[str, tuple[Type, ...]] = {
    "list": (list_of(ANY),),
    "count": (INTEGER,),
    "queries": (STRING, list_of(STRING)),
}


def _either(types: tuple[Type, ...]) -> str:
    return " or ".join(str(wanted) for wanted in types)


def _check_printed(source: Source, path: Path, analysis: Analysis) -> None:
    """Warn of values that make a poor text: Python's notation, or the word None."""
    for printed in analysis.printed:
        hint = None
        if printed.type.kind == "object":
            message = f"{printed.text} is {printed.type}, and is written in Python's notation"
            hint = "`| tojson` writes JSON"
        elif printed.type.kind in ("list", "generator"):
            message = f"{printed.text} is {printed.type}, and is written in Python's notation"
            hint = "`| join(', ')` writes its items, `| tojson` JSON"
        elif printed.type.optional:
            message = f"{printed.text} may be skipped, and is written as None then"
            hint = f"guard it with `{{% if {printed.text.split('.')[0]} %}}`"
        else:
            continue
        source.complain_inside(
            message, path, line=printed.line, word=printed.text, hint=hint, severity="warning"
        )


def data_type(value: Any, path: Path, types: Mapping[Path, Type]) -> Type:
    """The type of plain data whose texts are templates, each with its type by path."""
    if isinstance(value, str):
        return types.get(path, STRING)
    if isinstance(value, dict):
        return object_of({
            str(key): data_type(item, (*path, key), types) for key, item in value.items()
        })  # fmt: skip
    if isinstance(value, list):
        items = [data_type(item, (*path, n), types) for n, item in enumerate(value)]
        return list_of(items[0] if len({str(t) for t in items}) == 1 else ANY)
    return type_of(value)
