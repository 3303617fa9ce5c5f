"""Traces as Markdown, for pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from agentrt.report.rows import shown_rows
from agentrt.report.waterfall import summary_line
from agentrt.timing import CATEGORIES, Span, Trace, attribute
from agentrt.timing.attribution import attribute_span


def markdown_report(traces: Sequence[Trace]) -> str:
    """A table of the runs' shares, and a table of each run's steps."""
    heads = ["run", "wall-clock (s)", *CATEGORIES, "unattributed"]
    rows = [_shares(trace) for trace in traces]
    parts = [_table(heads, rows)]
    for trace in traces:
        parts.append(f"### {_plain(trace.header.workflow)}, {trace.header.started_at[:19]}")
        parts.append(summary_line(trace))
        parts.append(_table(["step", "seconds", "most of it", "tokens", "accepted"], _steps(trace)))
    return "\n\n".join(parts) + "\n"


def _shares(trace: Trace) -> list[str]:
    found = attribute(trace.spans)
    shares = [f"{found.share(category):.0%}" for category in CATEGORIES]
    name = f"{trace.header.workflow} {trace.header.started_at[:19]}"
    return [name, f"{found.wall_s:.2f}", *shares, f"{found.unattributed_share:.1%}"]


def _steps(trace: Trace) -> list[list[str]]:
    return [
        [f"{'– ' * depth}{span.name}", f"{span.duration_s:.2f}", *_details(trace, span)]
        for span, depth in shown_rows(trace)
    ]


def _details(trace: Trace, span: Span) -> list[str]:
    told = span.attributes
    length = told.get("acceptance_length")
    tokens = f"{told.get('prompt_tokens')} → {told.get('output_tokens')}"
    most = ""
    if span.kind == "node":
        seconds = attribute_span(trace.spans, span).seconds
        most = max(seconds, key=lambda category: seconds[category])
    return [
        most,
        tokens if span.kind == "llm" else "",
        f"{length:.2f}" if length else "",
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Text from a trace must not end a cell or begin a tag."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
