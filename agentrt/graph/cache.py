"""Values of nodes, kept from run to run under all that they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentrt.bundled import cache_root
from agentrt.graph.services import Services
from agentrt.graph.state import Scope
from agentrt.graph.step import Step
from agentrt.spec import LoopNode, ParallelNode, WorkflowNode, reads_in

if TYPE_CHECKING:
    from langgraph.cache.sqlite import SqliteCache

# What a node does with a failure, and when it runs, make no other value.
_BESIDE_THE_VALUE = {
    "description", "after", "for_each", "at_once", "timeout_s", "retry", "fallback", "cache",
}  # fmt: skip
_NAMESPACE = ("agentrt", "values", "1")


@dataclass(frozen=True)
class Kept:
    """A value that was found; the value may be None."""

    value: Any


class ValueCache:
    """LangGraph's cache in a file of SQLite, with nodes' values in it.

    LangGraph's ``CachePolicy`` would keep what a node adds to the state, fallbacks and skipped
    nodes too, and could not say in a trace that a value was not made.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    @cached_property
    def _cache(self) -> SqliteCache[Any]:
        from langgraph.cache.sqlite import SqliteCache

        file = self._file or cache_root() / "values.sqlite"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        return SqliteCache(path=str(file))

    async def get(self, key: str) -> Kept | None:
        """The value under a key."""
        full = (_NAMESPACE, key)
        found = await self._cache.aget([full])
        return Kept(found[full]["value"]) if full in found else None

    async def put(self, key: str, value: Any, ttl_s: float | None) -> None:
        """Keep a value, for so many seconds or for good."""
        # LangGraph's type says whole seconds; its code takes any.
        await self._cache.aset({(_NAMESPACE, key): ({"value": value}, ttl_s)})  # type: ignore[dict-item]


def key_of(step: Step, scope: Scope, services: Services) -> str:
    """A digest of what a node's value depends on: what it says, what it reads, who is asked."""
    said = step.node.model_dump(mode="json", exclude=_BESIDE_THE_VALUE)
    models = {name: model.identity for name, model in services.roles.items()}
    used = []
    if isinstance(step.node, LoopNode | ParallelNode | WorkflowNode):
        used = [part.source.data for part in step.workflow.parts() if part is not step.workflow]
    parts = [said, list(_read(said, scope)), services.identity, models, used]
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(said: Any, scope: Scope) -> Iterator[tuple[str, str | None, Any]]:
    """Each name that the templates in a node read, with its value."""
    for name, attribute in reads_in(said):
        if name in scope:
            value = scope[name]
            named = isinstance(value, dict) and attribute in value
            yield name, attribute, value[attribute] if named else value
