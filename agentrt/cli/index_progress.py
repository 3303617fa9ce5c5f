"""The progress bar of an index: how far it is, passages a second, and what time is left."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agentrt.rag.update import Step


class IndexProgress:
    """A bar on standard error; off a terminal, a line for each tenth of the way."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        self._told = -1
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[passages]} passages, {task.fields[rate]}/s"),
            TimeRemainingColumn(),
            console=console, transient=True, disable=quiet or not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("indexing", total=None, passages=0, rate="–")

    def __enter__(self) -> IndexProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def step(self, step: Step) -> None:
        """Show how far an update is."""
        seconds = self._bar.tasks[0].elapsed or 0.0
        rate = f"{step.passages / seconds:.0f}" if seconds > 1 else "–"
        self._bar.update(self._task, total=max(step.total_bytes, 1), completed=step.done_bytes,
                         passages=step.passages, rate=rate)  # fmt: skip
        tenth = 10 * step.done_bytes // max(step.total_bytes, 1)
        if tenth != self._told and not self._quiet and not self._console.is_terminal:
            self._told = tenth
            self._console.print(str(step), highlight=False)
