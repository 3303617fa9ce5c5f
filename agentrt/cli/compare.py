"""``agentrt compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import (
    InputOption,
    InputsFileOption,
    JsonOption,
    ProfileOption,
    WorkflowArgument,
    read_inputs,
)


def compare(
    workflow: WorkflowArgument,
    input_: InputOption = None,
    inputs_file: InputsFileOption = None,
    profile: ProfileOption = "cpu-smollm2",
    runs: Annotated[int, typer.Option(min=1, help="Pairs of runs, after a warm-up pair.")] = 3,
    output: Annotated[Path | None, typer.Option(help="Write the evidence here, as JSON.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a workflow's wall-clock without and with speculation, in alternating runs.

    Examples:

      agentrt compare workflows/research.yaml --runs 5

      agentrt compare my.yaml -i question="What is a closure?" --output evidence.json
    """
    with reported(as_json=as_json):
        from agentrt.bench.compare import compare as compare_workflow
        from agentrt.cli.progress import RunProgress
        from agentrt.cli.shipped import shipped_or_given
        from agentrt.report.comparison import print_comparison
        from agentrt.runtime import Runtime
        from agentrt.spec import resolve_inputs

        loaded = Runtime(profile).load(shipped_or_given(workflow))
        from_file, words = read_inputs(input_, inputs_file)
        inputs = resolve_inputs(loaded, {**from_file, **words}, as_text=True)
        with RunProgress(err, quiet=as_json) as progress:
            comparison = compare_workflow(
                loaded, inputs, profile=profile, runs=runs, on_progress=progress.say
            )
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(comparison.model_dump_json(indent=2), encoding="utf-8")
        if as_json:
            print_json(comparison.model_dump())
        else:
            print_comparison(comparison, out)
