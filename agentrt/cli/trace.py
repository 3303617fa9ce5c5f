"""``agentrt trace show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentrt.cli.console import out, print_json, reported
from agentrt.cli.options import JsonOption

app = typer.Typer(help="Look at trace files.", no_args_is_help=True)


@app.callback()
def trace() -> None:
    """Look at trace files."""


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A trace file.")], as_json: JsonOption = False
) -> None:
    """Print the waterfall of a finished run again.

    Examples:

      agentrt trace show .agentrt/traces/research-20261124-120000.jsonl
    """
    with reported(as_json=as_json):
        from agentrt.report.waterfall import print_waterfall
        from agentrt.timing import attribute, read_trace

        loaded = read_trace(file)
        if as_json:
            breakdown = attribute(loaded.spans)
            print_json({
                **loaded.model_dump(),
                "wall_s": breakdown.wall_s,
                "seconds": breakdown.seconds,
                "critical_path": breakdown.critical_path,
            })  # fmt: skip
        else:
            print_waterfall(loaded, out)
