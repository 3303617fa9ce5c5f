"""Reading YAML so that every value knows its line and column.

Safe by construction: no tags beyond YAML's own scalars, no anchors or aliases, no duplicate keys,
bounded in size and depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import yaml

from agentrt.errors import SpecError
from agentrt.spec.complaint import Complaint, Severity

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a value stands: 1-based line and column, and the line that it ends on.

    ``block`` tells a literal or folded scalar, whose text begins a line further down. ``file`` is
    set where the value is the text of another file, which begins on line 1.
    """

    line: int
    column: int
    end: int
    block: bool = False
    file: str | None = None


@dataclass
class Source:
    """A document: its data, the place of each value and mapping key, and what is wrong with it."""

    name: str
    text: str = ""
    files: dict[str, list[str]] = field(default_factory=dict)
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    @cached_property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.splitlines()

    def place(self, path: Path) -> Place:
        """The place of the value at a path, or of its nearest enclosing value."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1, 1))

    def where(self, path: Path) -> str:
        """``file:line`` of the value at a path."""
        place = self.place(path)
        return f"{place.file or self.name}:{place.line}"

    def take_in(self, path: Path, file: str, text: str) -> None:
        """Note that the value at a path is the text of another file."""
        self.files[file] = text.splitlines()
        self.places[path] = Place(1, 1, len(self.files[file]), file=file)

    def error(
        self, message: str, path: Path, *, hint: str | None = None, key: bool = False
    ) -> SpecError:
        """An error at a path, to be raised where the run has begun."""
        place = (self.keys.get(path) if key else None) or self.place(path)
        return SpecError(
            message, source=place.file or self.name, line=place.line, column=place.column, hint=hint
        )

    def complain(
        self,
        message: str,
        path: Path = (),
        *,
        hint: str | None = None,
        key: bool = False,
        severity: Severity = "error",
    ) -> None:
        """Note what is wrong at a path; ``key`` points at the mapping key, not at its value."""
        place = (self.keys.get(path) if key else None) or self.place(path)
        self.note(message, place, hint=hint, severity=severity)

    def complain_inside(
        self,
        message: str,
        path: Path,
        *,
        line: int = 1,
        word: str | None = None,
        hint: str | None = None,
        severity: Severity = "error",
    ) -> None:
        """Note what is wrong inside a text, at a word on one of the text's lines."""
        whole = self.place(path)
        lines = self._lines(whole)
        guess = min(whole.line + line - (0 if whole.block else 1), max(len(lines), 1))
        for number in (guess, *range(whole.line, whole.end + 1)) if word else ():
            start = whole.column - 1 if number == whole.line else 0
            pattern = re.compile(rf"(?<!\w){re.escape(word or '')}(?!\w)")
            found = pattern.search(lines[number - 1], start) if number <= len(lines) else None
            if found:
                place = replace(whole, line=number, column=found.start() + 1)
                self.note(message, place, len(word or ""), hint=hint, severity=severity)
                return
        text = lines[guess - 1] if lines else ""
        indented = len(text) - len(text.lstrip()) + 1
        column = whole.column if guess == whole.line else indented
        place = replace(whole, line=guess, column=column)
        self.note(message, place, hint=hint, severity=severity)

    def note(
        self,
        message: str,
        place: Place,
        length: int | None = None,
        *,
        hint: str | None = None,
        severity: Severity = "error",
    ) -> None:
        """Note what is wrong at a place, once; without a length it is about the word there."""
        lines = self._lines(place)
        text = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
        token = _TOKEN.match(text, place.column - 1)
        complaint = Complaint(
            message,
            place.file or self.name,
            place.line,
            place.column,
            length or (len(token[0]) if token else 1),
            text,
            hint,
            severity,
        )
        if complaint not in self.complaints:
            self.complaints.append(complaint)

    def _lines(self, place: Place) -> list[str]:
        return self.files.get(place.file, []) if place.file else self.lines


# A quoted text, or a word.
_TOKEN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s,:\]}]+")


def read_yaml(text: str, name: str) -> Source:
    """Parse one YAML document.

    What is wrong with it is in ``complaints``: it is not YAML, empty, too large or deep, has an
    alias, a duplicate key or an unknown tag. ``data`` is what could be read.
    """
    source = Source(name, text)
    if len(text.encode()) > MAX_BYTES:
        source.complain(f"larger than {MAX_BYTES:,} bytes")
        return source
    try:
        if _is_refused(source, text):
            return source
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not valid YAML: {error.problem or error.context}"
        _at_mark(source, mark, message)
        return source
    except yaml.YAMLError as error:
        source.complain(f"not valid YAML: {str(error).splitlines()[0]}")
        return source
    if root is None:
        source.complain("the file is empty", hint="see `agentrt schema`")
        return source
    source.data = _build(source, root, ())
    return source


def _at_mark(source: Source, mark: Any, message: str, hint: str | None = None) -> None:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    source.note(message, Place(line, column, line), hint=hint)


def _is_refused(source: Source, text: str) -> bool:
    """Whether it has aliases or is nested too deep, told before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            message = "anchors and aliases are not allowed"
            _at_mark(source, event.start_mark, message, "write the value out")
            return True
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            _at_mark(source, event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
            return True
    return False


def _build(source: Source, node: yaml.Node, path: Path) -> Any:
    start, end = node.start_mark, node.end_mark
    block = getattr(node, "style", None) in ("|", ">")
    source.places[path] = Place(start.line + 1, start.column + 1, end.line + 1, block)
    if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
        source.complain(f"the tag {node.tag!r} is not allowed", path)
        return None
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
            _at_mark(source, mark, "a key must be plain text")
            continue
        key = str(key_node.value)
        here = (*path, key)
        if key in built:
            first = source.keys[here].line
            message = f"duplicate name {key!r}, first used on line {first}"
            _at_mark(source, mark, message, "rename or remove one of them")
            continue
        source.keys[here] = Place(mark.line + 1, mark.column + 1, mark.line + 1)
        built[key] = _build(source, value_node, here)
    return built


def _scalar(source: Source, node: yaml.Node, path: Path) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        source.complain(f"unusable value: {getattr(error, 'problem', None) or error}", path)
        return None
    finally:
        loader.dispose()
