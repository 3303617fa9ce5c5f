"""``agentrt run --watch``: the waterfall while it grows, with the server's own rates beside it."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from agentrt.cli.progress import paused
from agentrt.graph.events import Event, Token
from agentrt.report.waterfall import waterfall
from agentrt.timing import Span, Trace
from agentrt.timing.trace import TraceHeader
from agentrt.timing.tracer import SpanMoment

if TYPE_CHECKING:
    from agentrt.serving import Server
    from agentrt.serving.metrics import Counters

_EVERY_S = 0.5
_WINDOW = 6
_TAIL = 200


class Watch:
    """A live view on standard error; off a terminal it prints each step as it ends.

    Attributes:
        server: where the rates are read from; None shows none.
    """

    def __init__(self, console: Console) -> None:
        self.server: Server | None = None
        self._console = console
        self._lock = threading.Lock()
        self._spans: dict[str, Span] = {}
        self._began = 0.0
        self._message, self._text = "", ""
        self._counters: deque[tuple[float, Counters]] = deque(maxlen=_WINDOW)
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name="agentrt-watch", daemon=True)
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Watch:
        self._reader.start()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._reader.join()
        self._live.stop()

    def paused(self) -> AbstractContextManager[None]:
        """The time in which the terminal is somebody else's."""
        return paused(self._live)

    def say(self, message: str) -> None:
        """Show what a slow start is doing."""
        with self._lock:
            if message != self._message and not self._console.is_terminal:
                self._console.print(message, highlight=False)
            self._message = message

    def span(self, moment: SpanMoment, span: Span) -> None:
        """Be a span hook."""
        with self._lock:
            if not self._spans:
                self._began = time.perf_counter() - span.start_s
            self._message = ""
            self._spans[span.id] = span
            if moment == "close" and span.kind == "node" and not self._console.is_terminal:
                self._console.print(f"✓ {span.name} {span.duration_s:.1f} s", highlight=False)

    def event(self, event: Event) -> None:
        """Take in one event of the run."""
        if isinstance(event, Token):
            with self._lock:
                self._text = (self._text + event.text)[-_TAIL:]

    def _read(self) -> None:
        while not self._ended.wait(_EVERY_S):
            if self.server is not None:
                from agentrt.serving.metrics import read_counters

                found = read_counters(self.server)
                if found is not None:
                    with self._lock:
                        self._counters.append((time.perf_counter(), found))

    def _render(self) -> RenderableType:
        with self._lock:
            spans, message, text = list(self._spans.values()), self._message, self._text
            rates = self._rates()
        if not spans or message:
            return Spinner("dots", Text(message))
        now = time.perf_counter() - self._began
        closed = [span if span.end_s is not None else _until(span, now) for span in spans]
        header = TraceHeader(workflow="", started_at="")
        width = max(20, min(60, self._console.width - 58))
        drawn = waterfall(Trace(header=header, spans=closed), width)
        return Group(drawn, Text(rates, style="bold"), Text(text.replace("\n", " "), style="dim"))

    def _rates(self) -> str:
        """Tokens a second and acceptance over the last seconds, by the server's counters."""
        if len(self._counters) < 2:
            return ""
        (then, before), (now, after) = self._counters[0], self._counters[-1]
        made = (after.output_tokens - before.output_tokens) / (now - then)
        length = after.acceptance_length(before)
        accepted = f" · acceptance length {length:.2f}" if length else ""
        return f"{made:.1f} tok/s{accepted} · {after.running:.0f} running"


def _until(span: Span, now: float) -> Span:
    return span.model_copy(update={"end_s": max(now, span.start_s)})
