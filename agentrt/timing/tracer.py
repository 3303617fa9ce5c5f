"""Opening and closing spans. The current tracer and span travel with the asyncio task or thread."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from agentrt.errors import ControlFlow, RunCancelled
from agentrt.redact import redact, redact_all
from agentrt.timing.span import Category, Phase, Span, SpanKind, SpanStatus

SpanMoment = Literal["open", "close"]
SpanHook = Callable[[SpanMoment, Span], None]
"""Called with each span as it opens and as it closes, in the thread that timed it."""


@dataclass
class OpenSpan:
    """A span while it runs: attributes and phases are added to it, then it is frozen."""

    id: str
    parent: str | None
    kind: SpanKind
    name: str
    node: str | None
    start_s: float
    attributes: dict[str, Any] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)

    def set(self, **attributes: Any) -> None:
        """Add attributes; a name that is already there is replaced."""
        self.attributes.update(attributes)

    def phase(self, category: Category, start_s: float, end_s: float) -> None:
        """Claim a stretch (seconds since the run began) for a category; empty ones are dropped."""
        if end_s > start_s:
            self.phases.append(Phase(category=category, start_s=start_s, end_s=end_s))

    def freeze(
        self, end_s: float | None, status: SpanStatus = "open", error: str | None = None
    ) -> Span:
        """The span as a value, known secrets taken out; ``end_s`` None while it is open."""
        return Span(
            id=self.id,
            parent=self.parent,
            kind=self.kind,
            name=self.name,
            node=self.node,
            start_s=self.start_s,
            end_s=end_s,
            status=status,
            error=redact(error) if error else error,
            attributes=redact_all(self.attributes),
            phases=tuple(self.phases),
        )


_current_tracer: ContextVar[Tracer | None] = ContextVar("agentrt_tracer", default=None)
_current_span: ContextVar[OpenSpan | None] = ContextVar("agentrt_span", default=None)


def new_run_id() -> str:
    """An id that no other run has."""
    return uuid.uuid4().hex[:12]


class Tracer:
    """Collects the spans of one run and hands each to its hooks.

    Span ids are the run's id, a dash and a number, so that a hook can serve several runs at once.

    Args:
        hooks: called as ``hook("open" | "close", span)``; an exception in one ends the run.
        clock: monotonic seconds.
    """

    def __init__(
        self, hooks: tuple[SpanHook, ...] = (), clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.run_id = new_run_id()
        self._hooks, self._clock, self._origin = hooks, clock, clock()
        self._ids = itertools.count(1)
        self.spans: list[Span] = []

    def now(self) -> float:
        """Seconds since the tracer was made."""
        return self._clock() - self._origin

    @contextmanager
    def span(
        self, kind: SpanKind, name: str, *, node: str | None = None, **attributes: Any
    ) -> Iterator[OpenSpan]:
        """Time a block. An exception closes the span as an error and goes on up.

        A cancelled task's spans are closed as cancelled, those of a run that waits for a person as
        waiting.
        """
        parent = _current_span.get()
        inherited = parent.node if parent else None
        opened = OpenSpan(
            id=self._next_id(),
            parent=parent.id if parent else None,
            kind=kind,
            name=name,
            node=node or inherited,
            start_s=self.now(),
            attributes=attributes,
        )
        tokens = _current_tracer.set(self), _current_span.set(opened)
        status: SpanStatus = "ok"
        error = None
        self._emit("open", opened.freeze(None))
        try:
            yield opened
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
            status = "cancelled"
            raise
        except ControlFlow as stop:
            status = "cancelled" if isinstance(stop, RunCancelled) else "waiting"
            raise
        except BaseException as exception:
            status, error = "error", f"{type(exception).__name__}: {exception}"
            raise
        finally:
            closed = opened.freeze(self.now(), status, error)
            _current_span.reset(tokens[1])
            _current_tracer.reset(tokens[0])
            self.spans.append(closed)
            self._emit("close", closed)

    def record(
        self, kind: SpanKind, name: str, start_s: float, end_s: float, *, node: str | None = None
    ) -> Span:
        """Add a span whose times are already known, such as the wait before a node started."""
        parent = _current_span.get()
        span = Span(
            id=self._next_id(),
            parent=parent.id if parent else None,
            kind=kind,
            name=name,
            node=node,
            start_s=start_s,
            end_s=end_s,
            status="ok",
        )
        self.spans.append(span)
        self._emit("close", span)
        return span

    def _next_id(self) -> str:
        return f"{self.run_id}-{next(self._ids)}"

    def _emit(self, moment: SpanMoment, span: Span) -> None:
        for hook in self._hooks:
            hook(moment, span)


def current_tracer() -> Tracer | None:
    """The tracer of the run that this task or thread belongs to, or None outside a run."""
    return _current_tracer.get()


def current_span() -> OpenSpan | None:
    """The innermost open span of this task or thread, or None outside a run."""
    return _current_span.get()


@contextmanager
def timed(kind: SpanKind, name: str, **attributes: Any) -> Iterator[OpenSpan]:
    """Time a block in the current run; outside a run it times into a tracer nobody reads."""
    tracer = _current_tracer.get() or Tracer()
    with tracer.span(kind, name, **attributes) as span:
        yield span
