"""The rows of a waterfall, wherever it is drawn."""

from __future__ import annotations

from collections.abc import Iterator

from agentrt.timing import Span, Trace

_SHOWN = ("node", "llm", "tool", "retrieval")


def shown_rows(trace: Trace) -> list[tuple[Span, int]]:
    """The spans that a person wants to see, parents before children, with their depth."""
    children: dict[str | None, list[Span]] = {}
    for span in trace.spans:
        if span.kind in _SHOWN:
            children.setdefault(span.parent, []).append(span)
    return list(_below(children, trace.run.id, 0))


def _below(
    children: dict[str | None, list[Span]], parent: str, depth: int
) -> Iterator[tuple[Span, int]]:
    for span in sorted(children.get(parent, ()), key=lambda child: child.start_s):
        yield span, depth
        yield from _below(children, span.id, depth + 1)
