"""``agentrt graph``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentrt.cli.console import err, reported, write_whole
from agentrt.cli.options import WorkflowArgument


def graph(
    workflow: WorkflowArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .mmd, .svg or .png file.")
    ] = None,
) -> None:
    """Draw a workflow: what waits for what.

    Examples:

      agentrt graph workflows/research.yaml

      agentrt graph workflows/research.yaml -o research.svg
    """
    with reported():
        from agentrt.cli.shipped import shipped_or_given
        from agentrt.errors import UserError
        from agentrt.graph.draw import graphviz, mermaid
        from agentrt.spec import load_workflow

        if output is not None and output.suffix not in (".mmd", ".svg", ".png"):
            raise UserError(f"{output}: a drawing ends in .mmd, .svg or .png")
        loaded = load_workflow(shipped_or_given(workflow))
        if output is None:
            typer.echo(mermaid(loaded))
            return
        picture = output.suffix != ".mmd"
        drawn = graphviz(loaded, output.suffix[1:]) if picture else mermaid(loaded).encode()
        write_whole(output, drawn)
        err.print(f"drawing: {output}", style="dim", highlight=False)
