"""A comparison as tables in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from agentrt.bench.comparison import Comparison, Row, Verdict
from agentrt.bench.statistics import Ratio

_HEADINGS = ("", "before (s)", "after (s)", "wall-clock", "decode a token", "acceptance")


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print each side against the reference: medians, ratios with their spread, and advice."""
    for verdict in comparison.verdicts:
        _print_verdict(comparison, verdict, console)
    starts = ", ".join(f"{side} {taken:.0f} s" for side, taken in comparison.start_s.items())
    console.print(f"servers ready after: {starts}", style="dim", highlight=False)
    if len(comparison.verdicts) > 1:
        console.print(f"Use [bold]{comparison.best}[/bold]: it decodes a token fastest.")


def _print_verdict(comparison: Comparison, verdict: Verdict, console: Console) -> None:
    title = f"{comparison.workflow}: {comparison.reference} → {verdict.side}"
    table = Table(title=title)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading else "left")
    for rows in (verdict.nodes, verdict.tasks):
        for row in rows:
            table.add_row(*_cells(row))
        table.add_section()
    table.add_row(*_cells(verdict.wall), style="bold")
    console.print(table)
    console.print(
        f"TTFT {ratio_text(verdict.ttft)} · TPOT {ratio_text(verdict.tpot)}", highlight=False
    )
    if verdict.acceptance_by_position:
        places = " ".join(f"{share:.0%}" for share in verdict.acceptance_by_position)
        console.print(f"accepted by place: {places}", highlight=False)
    same = "The texts were the same on both sides in all runs."
    for line in verdict.warnings or [same if verdict.same_outputs else ""]:
        console.print(f"[yellow]{line}[/yellow]" if verdict.warnings else line, highlight=False)
    for line in verdict.advice:
        console.print(line, highlight=False)


def ratio_text(ratio: Ratio | None) -> str:
    """A ratio with its 95% interval."""
    if ratio is None:
        return "unknown"
    return f"{ratio.median:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.reference_s:.2f}",
        f"{row.judged_s:.2f}",
        ratio_text(row.ratio),
        ratio_text(row.per_token) if row.per_token else "",
        f"{row.acceptance_length:.2f}" if row.acceptance_length else "",
    )
