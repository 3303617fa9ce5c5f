"""A gate's verdict, in the terminal and as Markdown for a pull request."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from agentrt.bench.gate import Change, Gate
from agentrt.report.comparison import ratio_text

_SAID = {
    "pass": "within what is allowed",
    "fail": "slower than allowed",
    "unclear": "not clear: the interval lies on both sides of what is allowed; more runs may tell",
}
_HEADS = ("", "before (s)", "after (s)", "after / before (95%)")


def print_gate(gate: Gate, console: Console) -> None:
    """Print the verdict and the table that it rests on."""
    table = Table(title=gate.workflow)
    for head in _HEADS:
        table.add_column(head, justify="right" if head else "left")
    for change in _changes(gate):
        table.add_row(*_cells(change))
    console.print(table)
    for warning in gate.warnings:
        console.print(f"[yellow]{warning}[/yellow]", highlight=False)
    colour = {"pass": "green", "fail": "red", "unclear": "yellow"}[gate.verdict]
    console.print(f"[{colour}]{gate.verdict}[/{colour}]: {_sentence(gate)}", highlight=False)


def gate_markdown(gate: Gate) -> str:
    """The same as Markdown."""
    lines = [
        f"### {gate.workflow}: {gate.verdict}",
        "",
        _sentence(gate),
        "",
        "| " + " | ".join(head or "step" for head in _HEADS) + " |",
        "| --- | ---: | ---: | ---: |",
        *("| " + " | ".join(_cells(change)) + " |" for change in _changes(gate)),
    ]
    lines += ["", *(f"- {warning}" for warning in gate.warnings)] if gate.warnings else []
    return "\n".join(lines) + "\n"


def _sentence(gate: Gate) -> str:
    how = "run in turn" if gate.paired else "not run in turn"
    return (
        f"wall-clock {ratio_text(gate.wall.ratio)} of before, {1 + gate.max_regression:.2f}x "
        f"allowed: {_SAID[gate.verdict]} ({gate.runs[0]} and {gate.runs[1]} runs, {how})"
    )


def _changes(gate: Gate) -> list[Change]:
    per_token = [gate.decode_per_token] if gate.decode_per_token else []
    return [*gate.nodes, *per_token, gate.wall]


def _cells(change: Change) -> tuple[str, ...]:
    digits = 4 if change.name == "decode a token" else 2
    return (
        change.name.replace("|", "\\|"),
        f"{change.before_s:.{digits}f}",
        f"{change.after_s:.{digits}f}",
        ratio_text(change.ratio),
    )
