"""The ``agentrt`` command."""

from __future__ import annotations

from typing import Annotated

import typer

import agentrt
from agentrt.cli import (
    calibrate,
    check,
    compare,
    doctor,
    graph,
    index,
    init,
    mcp,
    project,
    report,
    resume,
    run,
    runs,
    serve,
    tools,
    trace,
    validate,
)

app = typer.Typer(
    name="agentrt",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(init.init)
app.command()(run.run)
app.add_typer(runs.app, name="runs")
app.command()(resume.resume)
app.command()(resume.replay)
app.command()(runs.cancel)
app.command()(validate.validate)
app.command()(validate.schema)
app.command()(graph.graph)
app.command()(index.index)
app.add_typer(tools.app, name="tools")
app.command()(mcp.mcp)
app.add_typer(trace.app, name="trace")
app.command()(compare.compare)
app.command()(calibrate.calibrate)
app.command()(check.check)
app.command()(project.project)
app.command()(report.report)
app.command()(serve.serve)
app.command()(serve.stop)
app.command()(serve.status)
app.command()(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agentrt {agentrt.__version__}")
        raise typer.Exit


@app.callback()
def agentrt_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Run agent workflows on a local model server, and see where the time goes."""


def main() -> None:
    """Run the command line."""
    app()
