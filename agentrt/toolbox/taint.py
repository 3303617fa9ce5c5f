"""The taint of a step: where it has read text from outside. It travels with the asyncio task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_step: ContextVar[set[str] | None] = ContextVar("agentrt_taint", default=None)


@contextmanager
def tainted_step(sources: Iterable[str]) -> Iterator[None]:
    """A step that begins with what its templates have read; a set for it and all its calls."""
    token = _step.set(set(sources))
    try:
        yield
    finally:
        _step.reset(token)


def taint() -> frozenset[str]:
    """Where the current step has read text from outside; empty outside a step."""
    return frozenset(_step.get() or ())


def add_taint(source: str) -> None:
    """The current step has read text from there. A taint is never taken away."""
    sources = _step.get()
    if sources is not None:
        sources.add(source)
