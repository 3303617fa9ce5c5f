"""The waterfall of a run in the terminal: what ran when, and what each second was spent on."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from agentrt.report.rows import shown_rows
from agentrt.timing import (
    CATEGORIES,
    LEAF_CATEGORY,
    Breakdown,
    Category,
    Phase,
    Span,
    Trace,
    attribute,
    llm_totals,
    stalls,
)

COLOURS: dict[Category, str] = {
    "queue": "magenta",
    "prefill": "yellow",
    "decode": "green",
    "tool": "blue",
    "retrieval": "cyan",
    "orchestration": "bright_black",
    "person": "red",
}
_LETTERS: dict[Category, str] = {
    "queue": "q",
    "prefill": "p",
    "decode": "d",
    "tool": "t",
    "retrieval": "r",
    "orchestration": "o",
    "person": "?",
}


def print_waterfall(trace: Trace, console: Console) -> None:
    """Print the waterfall, the shares and the one-line summary of a finished run."""
    console.print(waterfall(trace, max(20, min(60, console.width - 58))))
    console.print(summary_line(trace), highlight=False)
    clocks = clocks_line(trace)
    if clocks:
        console.print(clocks, style="dim", highlight=False)
    for line in stall_lines(trace):
        console.print(line, style="yellow", highlight=False)


def waterfall(trace: Trace, width: int = 40) -> RenderableType:
    """Rows of spans on a time axis ``width`` cells wide, and a legend with shares."""
    run = trace.run
    table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
    table.add_column("step", no_wrap=True)
    table.add_column("seconds", justify="right")
    table.add_column(f"0 s{' ' * (width - 10)}{run.duration_s:.2f} s", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    table.add_column("accept", justify="right", no_wrap=True)
    for span, depth in shown_rows(trace):
        table.add_row(
            Text(
                "  " * depth + span.name + _cached(span),
                style="bold" if span.kind == "node" else "",
            ),
            f"{span.duration_s:.2f}",
            _bar(span, run, width),
            _tokens(span),
            _acceptance(span),
            style="red" if span.status == "error" else None,
        )
    return Group(table, legend(attribute(trace.spans)))


def legend(breakdown: Breakdown) -> Text:
    """Each category's seconds and share of the critical path, and what nothing claims."""
    text = Text()
    for category in CATEGORIES:
        if category == "person" and not breakdown.seconds[category]:
            continue  # Most runs ask nobody.
        text.append(f" {_LETTERS[category]} ", style=f"reverse {COLOURS[category]}")
        text.append(f" {category} {breakdown.seconds[category]:.2f} s ")
        text.append(f"({breakdown.share(category):.0%})  ", style="dim")
    text.append(f"unattributed {breakdown.unattributed_share:.1%}", style="dim")
    return text


def summary_line(trace: Trace) -> str:
    """Wall-clock, decode share, tokens a second and acceptance length, in one line."""
    breakdown, totals = attribute(trace.spans), llm_totals(trace.spans)
    speed = f"{totals.decode_tokens_per_s:.1f} tok/s" if totals.decode_tokens_per_s else "no decode"
    accepted = f"{totals.acceptance_length:.2f}" if totals.acceptance_length else "unknown"
    return (
        f"wall-clock {breakdown.wall_s:.2f} s · decode {breakdown.share('decode'):.0%} · "
        f"{speed} · acceptance length {accepted} · {totals.calls} model calls, "
        f"{totals.output_tokens} tokens out"
    )


def clocks_line(trace: Trace) -> str:
    """Our clock beside the server's, in one line; empty where the server told nothing."""
    clocks = llm_totals(trace.spans).clocks
    if clocks is None:
        return ""
    return (
        f"model calls took {clocks.calls_s:.2f} s; the server's clock counts "
        f"{clocks.server_calls_s:.2f} s, {clocks.disagreement:.1%} apart"
    )


def stall_lines(trace: Trace) -> list[str]:
    """A line for each model call that stood still in the middle of its answer."""
    return [
        f"{span.name} stood still for {span.attributes['longest_gap_s']:.1f} s in its answer"
        + (" (its output is held to a schema)" if span.attributes.get("constrained") else "")
        for span in stalls(trace.spans)
    ]


def _bar(span: Span, run: Span, width: int) -> Text:
    """The span on the run's time axis; a cell shows what claims most of it."""
    scale = width / run.duration_s if run.duration_s else 0.0
    end = span.start_s if span.end_s is None else span.end_s
    phases = span.phases
    if not phases and span.kind in LEAF_CATEGORY:
        phases = (Phase(category=LEAF_CATEGORY[span.kind], start_s=span.start_s, end_s=end),)
    text = Text()
    for cell in range(width):
        left, right = run.start_s + cell / scale, run.start_s + (cell + 1) / scale
        if end < left or span.start_s >= right:
            text.append(" ")
            continue
        overlaps = [
            (min(phase.end_s, right) - max(phase.start_s, left), phase.category) for phase in phases
        ]
        overlap, category = max(overlaps, default=(0.0, "orchestration"))
        if span.kind == "node" or (overlap <= 0 and not phases):
            text.append("─", style="dim")
        elif overlap <= 0:
            text.append(" ")
        else:
            text.append(_LETTERS[category], style=f"reverse {COLOURS[category]}")
    return text


def _cached(span: Span) -> str:
    return " (cached)" if span.attributes.get("cached") else ""


def _tokens(span: Span) -> str:
    if span.kind != "llm":
        return ""
    given, made = span.attributes.get("prompt_tokens"), span.attributes.get("output_tokens")
    cached = span.attributes.get("cached_tokens")
    into = "?" if given is None else str(given)
    return f"{into}{f' ({cached} cached)' if cached else ''} → {'?' if made is None else made}"


def _acceptance(span: Span) -> str:
    if span.kind != "llm":
        return ""
    length = span.attributes.get("acceptance_length")
    return f"{length:.2f}" if length else "?"
