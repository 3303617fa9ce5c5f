"""The types of values that flow through a workflow, as far as they are known before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal[
    "any", "string", "integer", "number", "boolean", "list", "object", "none", "generator"
]
_OF_JSON: dict[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
    "null": "none",
}
_MAX_REFERENCES = 20


@dataclass(frozen=True)
class Type:
    """What is known of a value.

    Attributes:
        kind: what it is; ``generator`` for items that a filter gives one by one, before ``| list``.
        item: the type of the items of a list or generator.
        fields: the fields of an object; None where they are not known.
        maybe: fields that may be missing.
        values: the only values that it can have, where there are few.
        optional: it may be none, as the value of a skipped node is.
    """

    kind: Kind = "any"
    item: Type | None = None
    fields: Mapping[str, Type] | None = None
    maybe: frozenset[str] = field(default_factory=frozenset)
    values: tuple[Any, ...] = ()
    optional: bool = False

    @property
    def items(self) -> Type:
        """The type of what a loop over it sees."""
        return self.item or ANY

    def or_none(self) -> Type:
        """The same type, of a value that may be none."""
        return replace(self, optional=True)

    def __str__(self) -> str:
        """As complaints say it, such as ``a list of objects``."""
        if self.kind == "list":
            plural = {"any": "", "object": " of objects", "list": " of lists"}
            kind = self.items.kind
            return f"a list{plural.get(kind, f' of {kind}s')}"
        article = "an" if self.kind in ("any", "integer", "object") else "a"
        return f"{article} {self.kind}"


ANY = Type()
STRING = Type("string")
INTEGER = Type("integer")
NUMBER = Type("number")
BOOLEAN = Type("boolean")
OBJECT = Type("object")
NONE = Type("none")


def list_of(item: Type) -> Type:
    """A list of such items."""
    return Type("list", item=item)


def object_of(fields: Mapping[str, Type]) -> Type:
    """An object with exactly these fields."""
    return Type("object", fields=fields)


def type_of(value: Any) -> Type:
    """The type of a plain value."""
    match value:
        case bool():
            return replace(BOOLEAN, values=(value,))
        case int():
            return INTEGER
        case float():
            return NUMBER
        case str():
            return replace(STRING, values=(value,))
        case list() | tuple():
            return list_of(union([type_of(item) for item in value]))
        case dict():
            return object_of({str(key): type_of(item) for key, item in value.items()})
        case None:
            return NONE
    return ANY


def union(types: list[Type]) -> Type:
    """The type of a value that is of one of some types, as far as they agree."""
    some = [t for t in types if t.kind != "none"]
    if not some:
        return NONE if types else ANY
    first, optional = some[0], len(some) < len(types) or any(t.optional for t in some)
    kinds = {t.kind for t in some}
    if kinds == {"integer", "number"}:
        first = NUMBER
    elif len(kinds) > 1:
        return ANY
    elif any(t != first for t in some):
        items = [t.items for t in some] if first.kind in ("list", "generator") else []
        first = Type(first.kind, item=union(items) if items else None, values=_all_values(some))
    return replace(first, optional=optional)


def _all_values(types: list[Type]) -> tuple[Any, ...]:
    if not all(t.values for t in types):
        return ()
    return tuple(dict.fromkeys(value for t in types for value in t.values))


def from_schema(schema: Any, root: Any = None, depth: int = 0) -> Type:
    """The type that a JSON Schema describes; what it leaves open is not known."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > _MAX_REFERENCES:
        return ANY
    if "$ref" in schema:
        return from_schema(_referred(schema["$ref"], root), root, depth + 1)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return union([from_schema(part, root, depth + 1) for part in schema[several]])
    if "const" in schema:
        return type_of(schema["const"])
    if "enum" in schema:
        kinds = {type_of(value).kind for value in schema["enum"]}
        return Type(kinds.pop() if len(kinds) == 1 else "any", values=tuple(schema["enum"]))
    return _of_plain_schema(schema, root, depth)


def _of_plain_schema(schema: Mapping[str, Any], root: Any, depth: int) -> Type:
    named = schema.get("type")
    if isinstance(named, list):
        return union([from_schema({**schema, "type": one}, root, depth + 1) for one in named])
    kind = _OF_JSON.get(str(named), "object" if "properties" in schema else "any")
    if kind == "list":
        return list_of(from_schema(schema.get("items", {}), root, depth + 1))
    if kind != "object":
        return Type(kind)
    properties = schema.get("properties")
    more = schema.get("additionalProperties", False) is not False
    if not isinstance(properties, Mapping) or more or "patternProperties" in schema:
        return OBJECT
    fields = {name: from_schema(part, root, depth + 1) for name, part in properties.items()}
    return Type("object", fields=fields, maybe=frozenset(fields) - set(schema.get("required", ())))


def _referred(reference: Any, root: Any) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found = root
    for part in reference[1:].split("/")[1:]:
        if not isinstance(found, Mapping):
            return None
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
    return found


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of one type can be used where another is wanted, as far as is known."""
    if "any" in (given.kind, wanted.kind) or (given.optional and wanted.optional):
        return True
    if given.kind == "none":
        return wanted.optional
    if given.kind != wanted.kind and (given.kind, wanted.kind) != ("integer", "number"):
        return False
    if given.values and wanted.values and not set(given.values) & set(wanted.values):
        return False
    if given.kind == "list":
        return fits(given.items, wanted.items)
    if given.kind == "object" and given.fields is not None and wanted.fields is not None:
        needed = set(wanted.fields) - wanted.maybe
        return needed <= set(given.fields) and all(
            fits(given.fields[name], wanted.fields[name])
            for name in set(given.fields) & set(wanted.fields)
        )
    return True
