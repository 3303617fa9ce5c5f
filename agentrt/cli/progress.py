"""Live progress of a run: nodes as they come and go, the answer as it streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from agentrt.graph.events import (
    Event,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RoundFinished,
    Token,
    ToolCalled,
    ToolProgress,
)

_TAIL = 600


@contextmanager
def paused(live: Live) -> Iterator[None]:
    """A display taken down for the length of the block, and put up again if it was up."""
    was_up = live.is_started
    live.stop()
    try:
        yield
    finally:
        if was_up:
            live.start()


class RunProgress:
    """A live view on standard error; it redraws in its own thread and vanishes at the end."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, str] = {}
        self._done: list[str] = []
        self._message = ""
        self._quiet = quiet
        self._console = console
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> RunProgress:
        if not self._quiet and self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def paused(self) -> AbstractContextManager[None]:
        """The time in which the terminal is somebody else's."""
        return paused(self._live)

    def say(self, message: str) -> None:
        """Show what a slow start is doing; off a terminal, a line each."""
        with self._lock:
            if message != self._message and not self._quiet and not self._console.is_terminal:
                self._console.print(message, highlight=False)
            self._message = message

    def event(self, event: Event) -> None:
        """Take in one event of the run."""
        with self._lock:
            self._message = ""
            match event:
                case NodeStarted(node=node):
                    self._running[node] = ""
                    self._line(f"▸ {node}")
                case NodeFinished(node=node, seconds=seconds, skipped=skipped, cached=cached):
                    self._running.pop(node, None)
                    took = "cached" if cached else f"{seconds:.1f} s"
                    self._done.append(f"- {node}" if skipped else f"✓ {node} {took}")
                    self._line(self._done[-1])
                case NodeRetried(node=node, error=failed):
                    self._running[node] = ""
                    self._done.append(f"  {node}: tried again after: {failed}")
                    self._line(self._done[-1])
                case RoundFinished(node=node, round=number, met=met):
                    self._done.append(f"  {node}: round {number}{', done' if met else ''}")
                    self._line(self._done[-1])
                case Token(node=node, text=text):
                    self._running[node] = (self._running.get(node, "") + text)[-_TAIL:]
                case ToolProgress(node=node, tool=tool, message=message):
                    self._running[node] = f"{tool}: {message}"
                    self._line(f"  {node}: {tool}: {message}")
                case ToolCalled(node=node, tool=tool, error=broken):
                    self._done.append(f"  {node}: {tool}{' failed' if broken else ''}")
                    self._line(self._done[-1])

    def _line(self, text: str) -> None:
        if not self._quiet and not self._console.is_terminal:
            self._console.print(text, highlight=False, markup=False)

    def _render(self) -> RenderableType:
        with self._lock:
            rows: list[RenderableType] = [Text(line, style="green") for line in self._done[-12:]]
            rows += [
                Spinner("dots", Text.assemble((f"{node} ", "bold"), (text, "dim")))
                for node, text in self._running.items()
            ]
            if self._message:
                rows.append(Spinner("dots", Text(self._message)))
            return Group(*rows)
