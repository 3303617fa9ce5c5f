"""What the filters of templates take and give."""

from __future__ import annotations

from dataclasses import replace

from agentrt.spec.value_type import (
    ANY,
    INTEGER,
    NUMBER,
    STRING,
    Type,
    list_of,
    union,
)

_GIVES_TEXT = frozenset(
    [
        "capitalize",
        "center",
        "e",
        "escape",
        "filesizeformat",
        "forceescape",
        "format",
        "indent",
        "join",
        "lower",
        "pprint",
        "replace",
        "safe",
        "string",
        "striptags",
        "title",
        "tojson",
        "trim",
        "truncate",
        "upper",
        "urlencode",
        "urlize",
        "wordwrap",
        "xmlattr",
    ]
)
_GIVES_INTEGER = frozenset({"count", "length", "wordcount", "int"})
_GIVES_NUMBER = frozenset({"float", "round", "sum"})
_KEEPS_ITEMS = frozenset({"reject", "rejectattr", "select", "selectattr", "unique", "reverse"})
_GIVES_ITEM = frozenset({"first", "last", "max", "min", "random"})

# Filters that go through a list, and filters that work on one text.
NEEDS_LIST = frozenset(
    [
        "batch",
        "groupby",
        "join",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "select",
        "selectattr",
        "slice",
        "sort",
        "sum",
        "unique",
    ]
)
NEEDS_TEXT = frozenset(
    [
        "capitalize",
        "center",
        "indent",
        "lower",
        "replace",
        "striptags",
        "title",
        "trim",
        "truncate",
        "upper",
        "urlize",
        "wordcount",
        "wordwrap",
    ]
)
# Filters whose first argument or ``attribute`` names a field of each item.
BY_ATTRIBUTE = frozenset({"groupby", "rejectattr", "selectattr"})
WITH_ATTRIBUTE = frozenset({"join", "map", "max", "min", "sort", "sum", "unique"})


def gives(name: str, given: Type, field: Type | None, named: str | None) -> Type:
    """What a filter gives.

    Args:
        name: the filter's.
        given: the type that it is applied to.
        field: the type of the field that its ``attribute`` names.
        named: its first argument where that is a text, such as the filter that ``map`` applies.
    """
    if name in _GIVES_TEXT:
        return STRING
    if name in _GIVES_INTEGER:
        return INTEGER
    if name in _GIVES_NUMBER:
        return NUMBER
    if name in _GIVES_ITEM:
        return given.items if given.kind in ("list", "generator") else ANY
    if name in _KEEPS_ITEMS:
        return STRING if given.kind == "string" else Type("generator", item=given.items)
    return _of_the_rest(name, given, field, named)


def _of_the_rest(name: str, given: Type, field: Type | None, named: str | None) -> Type:
    match name:
        case "map":
            item = field or (gives(named, given.items, None, None) if named else ANY)
            return Type("generator", item=item)
        case "list" | "sort":
            return list_of(STRING if given.kind == "string" else given.items)
        case "batch" | "slice":
            return Type("generator", item=list_of(given.items))
        case "items":
            return Type("generator")
        case "dictsort" | "groupby":
            return list_of(ANY)
        case "abs":
            return given
    return ANY


def of_default(given: Type, fallback: Type) -> Type:
    """What ``default`` gives: the value, or what stands in for it."""
    return replace(union([given, fallback]), optional=False)
