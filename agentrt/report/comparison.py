"""A comparison as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from agentrt.bench.comparison import Comparison, NodeComparison


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print medians by node and in total, the ratio with its spread, and whether work was equal."""
    table = Table(title=f"{comparison.workflow}: without and with {comparison.speculation}")
    for heading in ("node", "without (s)", "with (s)", "ratio", "95% interval"):
        table.add_column(heading, justify="left" if heading == "node" else "right")
    for row in comparison.nodes:
        table.add_row(*_cells(row))
    table.add_section()
    table.add_row(*_cells(comparison.wall), style="bold")
    console.print(table)
    length = comparison.wall.acceptance_length
    ratio = comparison.per_token
    console.print(
        f"acceptance length {f'{length:.2f}' if length else 'unknown'} · decode per token "
        f"{ratio.median:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})",
        highlight=False,
    )
    if comparison.same_outputs:
        console.print("The outputs were the same in all runs.")
    else:
        console.print(
            "[yellow]The outputs differed between runs, so the two sides did different work: "
            "trust the ratio per token, not the wall-clock.[/yellow]"
        )


def _cells(row: NodeComparison) -> tuple[str, ...]:
    return (
        row.node,
        f"{row.without_s:.2f}",
        f"{row.with_s:.2f}",
        f"{row.ratio.median:.2f}x",
        f"{row.ratio.low:.2f} to {row.ratio.high:.2f}",
    )
