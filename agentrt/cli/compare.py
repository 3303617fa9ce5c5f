"""``agentrt compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentrt.cli.console import err, out, reported, write_whole
from agentrt.cli.options import (
    InputOption,
    InputsFileOption,
    ProfileOption,
    WorkflowArgument,
    load_with_inputs,
)


def compare(
    workflow: WorkflowArgument,
    input_: InputOption = None,
    inputs_file: InputsFileOption = None,
    profile: ProfileOption = "cpu-smollm2",
    against: Annotated[
        str,
        typer.Option(
            help="The reference: baseline (no speculation), ngram, drafter (without lookup), "
            "or a profile."
        ),
    ] = "baseline",
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="SETTING=V,V…", help="Judge the profile once with each value of a setting."
        ),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each side, after a warm-up.")] = 3,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the evidence as JSON; - prints it."),
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page to pass on."),
    ] = None,
) -> None:
    """Compare a workflow's wall-clock under several kinds of speculation, in alternating runs.

    Examples:

      agentrt compare workflows/research.yaml --runs 5

      agentrt compare workflows/research.yaml --against ngram --html comparison.html

      agentrt compare my.yaml -i question="What is a closure?" --json evidence.json

      agentrt compare my.yaml --sweep num_speculative_tokens=3,5,7
    """
    printed = json_file is not None and str(json_file) == "-"
    with reported(as_json=printed):
        from agentrt.bench.compare import compare as compare_workflow
        from agentrt.bench.sides import sides
        from agentrt.cli.progress import RunProgress
        from agentrt.cli.shipped import shipped_or_given
        from agentrt.report.comparison import print_comparison
        from agentrt.report.comparison_page import comparison_page
        from agentrt.runtime import Runtime
        from agentrt.serving import load_profile

        path = shipped_or_given(workflow)
        loaded, inputs = load_with_inputs(Runtime(profile), path, input_, inputs_file)
        chosen = sides(load_profile(profile), against=against, sweep=sweep)
        with RunProgress(err, quiet=printed) as progress:
            found = compare_workflow(loaded, inputs, chosen, runs=runs, on_progress=progress.say)
        if html_file is not None:
            write_whole(html_file, comparison_page(found).encode())
        if printed:
            typer.echo(found.model_dump_json(indent=2))
            return
        if json_file is not None:
            write_whole(json_file, found.model_dump_json(indent=2).encode())
        print_comparison(found, out)
