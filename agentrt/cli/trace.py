"""``agentrt trace``: show a finished run again, or hand it to other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption, OtlpOption, PerfettoOption

if TYPE_CHECKING:
    from agentrt.timing import Trace

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


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A trace file.")],
    perfetto: PerfettoOption = None,
    otlp: OtlpOption = None,
) -> None:
    """Hand a finished run to other tools.

    Examples:

      agentrt trace export trace.jsonl --perfetto run.json

      agentrt trace export trace.jsonl --otlp http://127.0.0.1:4318
    """
    with reported():
        from agentrt.errors import UserError
        from agentrt.timing import read_trace

        if perfetto is None and otlp is None:
            raise UserError("say where to: --perfetto FILE, --otlp ENDPOINT, or both")
        loaded = read_trace(file)
        if otlp is not None:
            from agentrt.timing.otel import otlp as opened

            with opened(otlp) as hook:
                hook.replay(loaded)
            err.print(f"sent {len(loaded.spans)} spans to {otlp}", style="dim", highlight=False)
        if perfetto is not None:
            write_perfetto(perfetto, loaded)


def write_perfetto(path: Path, trace: Trace) -> None:
    """Write a trace for Perfetto and say so."""
    from agentrt.cli.console import write_whole
    from agentrt.report.perfetto import perfetto

    write_whole(path, perfetto(trace).encode())
    err.print(f"for ui.perfetto.dev: {path}", style="dim", highlight=False)
