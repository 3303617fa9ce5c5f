"""A projection in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from agentrt.bench.projection import Projection


def print_projection(projection: Projection, console: Console) -> None:
    """Print the wall-clock before and after, the shares, the ceiling and the break-even rates."""
    table = Table(title=f"{projection.workflow}: {projection.label}")
    for heading in ("", "measured", "projected"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("wall-clock (s)", f"{projection.measured_s:.2f}", f"{projection.projected_s:.2f}")
    table.add_section()
    for category, share in projection.shares.items():
        if share >= 0.001 or projection.projected_shares[category] >= 0.001:
            after = projection.projected_shares[category]
            table.add_row(category, f"{share:.1%}", f"{after:.1%}")
    console.print(table)
    spread = ""
    if projection.low_s is not None:
        spread = f" ({projection.low_s:.2f} to {projection.high_s:.2f} s, {projection.runs} runs)"
    console.print(
        f"{projection.speedup:.2f}x{spread}; with decode at no cost at all it would be "
        f"{projection.ceiling_speedup:.2f}x ({projection.ceiling_s:.2f} s)",
        highlight=False,
    )
    for point in projection.break_even:
        console.print(
            f"beyond {point.decode:.0f} tok/s, {point.category} takes more than decode",
            highlight=False,
        )
