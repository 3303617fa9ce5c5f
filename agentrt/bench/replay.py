"""Replaying a run with model calls of other lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentrt.timing import Span

CallSeconds = Callable[[Span], float]
"""How long a model call would take, in seconds."""


@dataclass(frozen=True)
class Wave:
    """Nodes that ran side by side, after those of the wave before had ended.

    LangGraph runs in supersteps, so a run is a row of waves, each as long as its slowest node.
    """

    nodes: tuple[Span, ...]
    start_s: float
    end_s: float


def waves(spans: Sequence[Span]) -> list[Wave]:
    """The waves of a finished run, first to last."""
    nodes = sorted((s for s in spans if s.kind == "node"), key=lambda span: span.start_s)
    found: list[list[Span]] = []
    end = float("-inf")
    for node in nodes:
        if node.start_s >= end or not found:
            found.append([])
            end = node.start_s
        found[-1].append(node)
        end = max(end, node.start_s + node.duration_s)
    return [
        Wave(tuple(wave), wave[0].start_s, max(n.start_s + n.duration_s for n in wave))
        for wave in found
    ]


@dataclass(frozen=True)
class Replay:
    """A finished run, taken apart once so that it can be replayed at many rates."""

    run: Span
    waves: list[Wave]
    calls: dict[str | None, list[Span]]

    @classmethod
    def of(cls, spans: Sequence[Span]) -> Replay:
        """From the closed spans of one run, the ``run`` span among them."""
        calls: dict[str | None, list[Span]] = {}
        for span in spans:
            if span.kind == "llm":
                calls.setdefault(span.node, []).append(span)
        return cls(next(span for span in spans if span.kind == "run"), waves(spans), calls)

    def wall(self, seconds: CallSeconds) -> float:
        """The wall-clock of the run, in seconds, if each model call took ``seconds`` of it.

        What is not a model call keeps its length; a wave may be held up by another node than
        before.
        """
        saved = 0.0
        for wave in self.waves:
            ends = [
                node.start_s + node.duration_s - self._saving(node, seconds) for node in wave.nodes
            ]
            saved += wave.end_s - max(ends)
        return self.run.duration_s - saved

    def _saving(self, node: Span, seconds: CallSeconds) -> float:
        return sum(call.duration_s - seconds(call) for call in self.calls.get(node.node, ()))
