"""Streamed outputs at the terminal, while they are written."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from rich.console import Console

from agentrt.cli.progress import RunProgress
from agentrt.cli.watch import Watch
from agentrt.graph.events import Event, NodeFinished, NodeRetried, Token


class LiveOutputs:
    """Hands a run's events on to its view, and prints the outputs that are streamed.

    Off a terminal they come when the run has ended, as all others do. Of outputs that are written
    at the same time only the first to begin is printed live.

    Attributes:
        shown: what was printed of each output.
    """

    def __init__(self, view: RunProgress | Watch, console: Console, *, live: bool) -> None:
        self._view, self._console = view, console
        self._live = live and console.is_terminal
        self._node: str | None = None
        self._printing = ExitStack()
        self.shown: dict[str, str] = {}

    def __enter__(self) -> LiveOutputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def event(self, event: Event) -> None:
        """Take in one event of the run."""
        if isinstance(event, Token) and event.output is not None and self._live:
            self._print(event.node, event.output, event.text)
        elif isinstance(event, NodeFinished | NodeRetried) and event.node == self._node:
            self._end()
        self._view.event(event)

    def _print(self, node: str, output: str, text: str) -> None:
        if self._node is None:
            self._node = node
            self._printing.enter_context(self._view.paused())
            self._console.print(f"[bold]{output}[/bold]")
            self.shown[output] = ""
        if self._node == node:
            self._console.print(text, end="", highlight=False, markup=False, soft_wrap=True)
            self.shown[output] += text

    def _end(self) -> None:
        if self._node is not None:
            self._node = None
            self._console.print()
            self._printing.close()
