"""Which values filters, comparisons and sums can't be applied to."""

from __future__ import annotations

from agentrt.spec import filters
from agentrt.spec.access import Problem
from agentrt.spec.value_type import ANY, INTEGER, NUMBER, STRING, Type, list_of, union

_NUMBERS = {"integer", "number", "boolean"}


def misapplied(name: str, given: Type, text: str) -> Problem | None:
    """Why a filter can't be applied to a value of that type."""
    if name in filters.NEEDS_LIST and given.kind in _NUMBERS | {"string"}:
        return Problem(f"{name!r} goes through a list, and {text} is {given}")
    if name in filters.NEEDS_TEXT and given.kind in ("list", "object", "generator"):
        return Problem(f"{name!r} works on text, and {text} is {given}", _as_text(given))
    if name in ("length", "count") and given.kind in _NUMBERS | {"generator"}:
        hint = "add `| list` before it" if given.kind == "generator" else None
        return Problem(f"{text} is {given}, and has no length", hint)
    return None


def _as_text(given: Type) -> str:
    return "`| tojson` makes text of it" if given.kind == "object" else "`| join(', ')` joins texts"


def incomparable(left: Type, right: Type, operator: str, text: str) -> Problem | None:
    """Why a comparison fails, or always comes out the same."""
    if operator in ("lt", "lteq", "gt", "gteq"):
        if "any" in (left.kind, right.kind) or left.kind == right.kind:
            return None
        if {left.kind, right.kind} <= _NUMBERS:
            return None
        return Problem(f"{left} and {right} have no order")
    if operator not in ("eq", "ne") or not left.values or not right.values:
        return None
    if set(left.values) & set(right.values):
        return None
    known = ", ".join(repr(value) for value in left.values)
    other = ", ".join(repr(value) for value in right.values)
    return Problem(f"{text} is never {other}", f"it is one of {known}", "warning")


def added(left: Type, right: Type) -> tuple[Type, Problem | None]:
    """What the sum of two values is."""
    both = {left.kind, right.kind}
    if "any" in both:
        return ANY, None
    if both <= _NUMBERS:
        return (INTEGER if both == {"integer"} else NUMBER), None
    if both == {"list"}:
        return list_of(union([left.items, right.items])), None
    if both == {"string"}:
        return STRING, None
    hint = "`~` joins texts" if "string" in both else None
    return ANY, Problem(f"{left} and {right} can't be added", hint)
