"""What the templates of a place may read, and the complaint about what they may not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from agentrt.errors import SpecError
from agentrt.spec.source import Path, Source
from agentrt.spec.template import Reference, TemplateFailure, references

# Names that no node may have: templates read something else by them, at least in some places.
RESERVED = ("inputs", "outputs", "vars", "item", "index", "loop")
_ONLY_IN = {
    "item": "only a node with for_each has it",
    "index": "only a node with for_each has it",
    "loop": "only a loop's own nodes have it",
    "vars": "the workflow has no vars",
}


@dataclass(frozen=True)
class Names:
    """The names that a place's templates may read.

    Attributes:
        nodes: of the body that the place is in.
        outer: nodes of the bodies around that one.
        fields: the names that are no nodes, each with its attributes where they are known.
        outputs: the attributes of those nodes whose value is known.
    """

    nodes: Collection[str] = ()
    outer: Collection[str] = ()
    fields: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    outputs: Mapping[str, Collection[str]] = field(default_factory=dict)

    def plus(self, **fields: Collection[str] | None) -> Names:
        """With further names that are no nodes."""
        return replace(self, fields={**self.fields, **fields})

    def knowing(self, outputs: Mapping[str, Collection[str]]) -> Names:
        """With the attributes of further nodes' values."""
        return replace(self, outputs={**self.outputs, **outputs})

    def inside(self, nodes: Collection[str]) -> Names:
        """Those of a body inside this one."""
        return replace(self, nodes=nodes, outer=[*self.outer, *self.nodes])

    def read(self, source: Source, path: Path, template: Any) -> list[str]:
        """The nodes that a template reads, or all the texts inside a value.

        Raises:
            SpecError: it does not parse, or reads a name that is not there.
        """
        return [
            reference.root
            for where, text in texts(template, path)
            for reference in self._found(source, where, text)
            if reference.root not in self.fields
        ]

    def _found(self, source: Source, path: Path, text: str) -> list[Reference]:
        try:
            found = list(references(text))
        except TemplateFailure as failure:
            raise source.error(f"bad template: {failure}", path, within=failure.line) from failure
        for reference in found:
            self._check(source, path, reference)
        return found

    def _check(self, source: Source, path: Path, reference: Reference) -> None:
        root, attribute = reference.root, reference.attribute
        if root not in self.fields and root not in self.nodes and root not in self.outer:
            message = f"no node is called {root!r}"
            hint = _ONLY_IN.get(root) or nearest(root, [*self.nodes, *self.outer, *self.fields])
            raise source.error(message, path, within=reference.line, hint=hint)
        known = self.fields[root] if root in self.fields else self.outputs.get(root)
        if attribute is not None and known is not None and attribute not in known:
            message = f"no {_SINGULAR.get(root, f'output of {root!r}')} is called {attribute!r}"
            hint = nearest(attribute, known)
            raise source.error(message, path, within=reference.line, hint=hint)


_SINGULAR = {"inputs": "input", "vars": "var", "loop": "value of the loop"}


def texts(value: Any, path: Path = ()) -> list[tuple[Path, str]]:
    """Each text inside nested lists and mappings, with its path."""
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in texts(item, (*path, key))]
    if isinstance(value, list):
        return [found for n, item in enumerate(value) for found in texts(item, (*path, n))]
    return []


def known_name(source: Source, path: Path, what: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is not among those that there are.

    Raises:
        SpecError: it is not; with the nearest one.
    """
    if name not in known:
        raise unknown(source, path, what, name, known)


def unknown(
    source: Source, path: Path, what: str, name: str, known: Collection[str], *, key: bool = False
) -> SpecError:
    """The complaint about a name that is not there."""
    message = f"no {what} is called {name!r}"
    return source.error(message, path, hint=nearest(name, known), key=key)


def nearest(name: str, known: Collection[str]) -> str:
    """A hint at what was meant."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"
