"""Reading YAML so that every value knows its line and column.

Safe by construction: no tags beyond YAML's own scalars, no anchors or aliases, no duplicate keys,
bounded in size and depth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from agentrt.errors import SpecError

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a value stands: 1-based line and column; ``block`` for a literal or folded scalar.

    ``file`` is set where the value stands in another file than the document; line 0 is before its
    first line.
    """

    line: int
    column: int
    block: bool = False
    file: str | None = None


@dataclass
class Source:
    """A document's data with the place of each value, and of each mapping key."""

    name: str
    text: str = ""
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """The place of the value at a path, or of its nearest enclosing value."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))

    def error(
        self,
        message: str,
        path: Path = (),
        *,
        hint: str | None = None,
        key: bool = False,
        within: int | None = None,
    ) -> SpecError:
        """A SpecError at a path.

        Args:
            key: point at the mapping key rather than its value.
            within: the line inside the value, a text, that is meant.
        """
        place = self.keys.get(path) if key else None
        place = place or self.place(path)
        # A block's text begins on the line after its sign.
        below = (within or 1) - (0 if place.block else 1)
        return SpecError(
            message,
            source=place.file or self.name,
            line=max(place.line + (below if within else 0), 1),
            column=None if within and below else place.column,
            hint=hint,
        )

    def where(self, path: Path) -> str:
        """``file:line`` of the value at a path."""
        place = self.place(path)
        return f"{place.file or self.name}:{max(place.line, 1)}"


def read_yaml(text: str, name: str) -> Source:
    """Parse one YAML document.

    Raises:
        SpecError: not YAML, empty, too large or deep, an alias, a duplicate key, an unknown tag.
    """
    source = Source(name, text)
    if len(text.encode()) > MAX_BYTES:
        raise SpecError(f"larger than {MAX_BYTES:,} bytes", source=name)
    try:
        _refuse_aliases(text, name)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"not valid YAML: {error.problem or error.context}"
        raise SpecError(message, source=name, line=line, column=column) from error
    except yaml.YAMLError as error:
        raise SpecError(f"not valid YAML: {error}", source=name, line=1) from error
    if root is None:
        raise SpecError("the file is empty", source=name, line=1, hint="see `agentrt schema`")
    source.data = _build(source, root, ())
    return source


def _refuse_aliases(text: str, name: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        anchored = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent) or anchored:
            mark = event.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise SpecError(
                "anchors and aliases are not allowed",
                source=name, line=line, column=column, hint="write the value out",
            )  # fmt: skip


def _build(source: Source, node: yaml.Node, path: Path) -> Any:
    mark = node.start_mark
    block = getattr(node, "style", None) in ("|", ">")
    source.places[path] = Place(mark.line + 1, mark.column + 1, block)
    if len(path) > MAX_DEPTH:
        raise source.error(f"nested deeper than {MAX_DEPTH} levels", path)
    if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
        raise source.error(f"the tag {node.tag!r} is not allowed", path)
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(source, node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_build(source, item, (*path, index)) for index, item in enumerate(node.value)]
    return _scalar(source, node, path)


def _build_mapping(source: Source, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        mark = key_node.start_mark
        if not isinstance(key_node, yaml.ScalarNode):
            raise SpecError(
                "a key must be plain text", source=source.name, line=mark.line + 1,
                column=mark.column + 1,
            )  # fmt: skip
        key = str(key_node.value)
        here = (*path, key)
        if key in built:
            first = source.keys[here]
            raise SpecError(
                f"duplicate name {key!r}, first used on line {first.line}",
                source=source.name, line=mark.line + 1, column=mark.column + 1,
                hint="rename or remove one of them",
            )  # fmt: skip
        source.keys[here] = Place(mark.line + 1, mark.column + 1)
        built[key] = _build(source, value_node, here)
    return built


def _scalar(source: Source, node: yaml.Node, path: Path) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or error
        raise source.error(f"unusable value: {problem}", path) from error
    finally:
        loader.dispose()
