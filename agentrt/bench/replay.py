"""Replaying a run with model calls of other lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from agentrt.timing import Span, leaf_nodes

CallSeconds = Callable[[Span], float]
"""How long a model call would take, in seconds."""


@dataclass(frozen=True)
class Replay:
    """A finished run, taken apart once so that it can be replayed at many rates."""

    run: Span
    nodes: list[Span]
    calls: dict[str | None, list[Span]]

    @classmethod
    def of(cls, spans: Sequence[Span]) -> Replay:
        """From the closed spans of one run, the ``run`` span among them."""
        calls: dict[str | None, list[Span]] = {}
        for span in spans:
            if span.kind == "llm":
                calls.setdefault(span.node, []).append(span)
        nodes = sorted(leaf_nodes(spans), key=lambda span: span.start_s)
        return cls(next(span for span in spans if span.kind == "run"), nodes, calls)

    def wall(self, seconds: CallSeconds) -> float:
        """The wall-clock of the run, in seconds, if each model call took ``seconds`` of it.

        What is not a model call keeps its length. A node starts as long as it did after the last
        of those that had ended before it started, which may now be another one.
        """
        running: list[tuple[float, float]] = []
        was, now = self.run.start_s, self.run.start_s
        for node in self.nodes:
            while running and running[0][0] <= node.start_s:
                ended, would_end = heappop(running)
                was, now = max(was, ended), max(now, would_end)
            end = node.start_s + node.duration_s
            heappush(running, (end, now + (end - was) - self._saving(node, seconds)))
        for ended, would_end in running:
            was, now = max(was, ended), max(now, would_end)
        return now + (self.run.start_s + self.run.duration_s - was) - self.run.start_s

    def _saving(self, node: Span, seconds: CallSeconds) -> float:
        return sum(call.duration_s - seconds(call) for call in self.calls.get(node.node, ()))
