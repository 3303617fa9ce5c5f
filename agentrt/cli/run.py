"""``agentrt run``."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import (
    InputOption,
    InputsFileOption,
    JsonOption,
    ProfileOption,
    SpeculationOption,
    WorkflowArgument,
    read_inputs,
)
from agentrt.errors import UserError

if TYPE_CHECKING:
    from agentrt.result import Result
    from agentrt.runtime import Runtime


def run(
    workflow: WorkflowArgument,
    input_: InputOption = None,
    inputs_file: InputsFileOption = None,
    profile: ProfileOption = "cpu-smollm2",
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Use this OpenAI-compatible server; the key is read from OPENAI_API_KEY."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name there.")] = None,
    speculation: SpeculationOption = "on",
    trace: Annotated[Path | None, typer.Option(help="Where to write the trace.")] = None,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the outputs.")] = False,
) -> None:
    """Run a workflow and show where the time went.

    Examples:

      agentrt run workflows/research.yaml

      agentrt run workflows/research.yaml -i question="What is a generator?" --trace out.jsonl

      agentrt run my.yaml --base-url http://127.0.0.1:8000/v1 --model my-model --json
    """  # fmt: skip
    with reported(as_json=as_json):
        from agentrt.cli.progress import RunProgress
        from agentrt.cli.shipped import shipped_or_given

        with RunProgress(err, quiet=quiet or as_json) as progress:
            path = shipped_or_given(workflow)
            runtime, loaded, inputs = _prepare(
                path, input_, inputs_file, profile, base_url, model, speculation, progress.say
            )
            file = trace or _default_trace(loaded.spec.name)
            with runtime:
                result = runtime.run(loaded, inputs, trace_file=file, on_event=progress.event)
        _show(result, as_json=as_json, quiet=quiet)


def _prepare(
    path: str,
    words: list[str] | None,
    file: Path | None,
    profile: str,
    base_url: str | None,
    model: str | None,
    speculation: str,
    say: Any,
) -> tuple[Runtime, Any, dict[str, Any]]:
    """Everything that can be wrong with the request is found here, before a server starts."""
    from agentrt.runtime import Runtime
    from agentrt.spec import resolve_inputs

    if (base_url is None) != (model is None):
        raise UserError("--base-url and --model go together")
    runtime = Runtime(
        profile,
        base_url=base_url,
        model=model,
        api_key=os.environ.get("OPENAI_API_KEY", "none"),
        speculation=speculation == "on",
        on_progress=say,
    )
    loaded = runtime.load(path)
    from_file, from_words = read_inputs(words, file)
    inputs = resolve_inputs(loaded, {**from_file, **from_words}, as_text=True)
    return runtime, loaded, inputs


def _default_trace(name: str) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path(".agentrt") / "traces" / f"{name}-{stamp}-{os.getpid()}.jsonl"


def _show(result: Result, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(result_json(result))
        return
    _show_outputs(result)
    if quiet:
        return
    from agentrt.report.waterfall import print_waterfall

    out.print()
    print_waterfall(result.trace, out)
    out.print(f"trace: {result.trace_file}", style="dim", highlight=False)


def result_json(result: Result) -> dict[str, Any]:
    """A result for machines: outputs, citations, shares, totals and where the trace is."""
    breakdown = result.breakdown
    return {
        "run_id": result.run_id,
        "workflow": result.workflow,
        "outputs": result.outputs,
        "citations": [passage.model_dump() for passage in result.citations],
        "unknown_citations": list(result.unknown_citations),
        "wall_s": breakdown.wall_s,
        "seconds": breakdown.seconds,
        "unattributed_s": breakdown.unattributed_s,
        "llm": result.llm.model_dump(),
        "trace_file": str(result.trace_file),
    }


def _show_outputs(result: Result) -> None:
    for name, value in result.outputs.items():
        if isinstance(value, str):
            out.print(f"[bold]{name}[/bold]")
            out.print(value, highlight=False, markup=False)
        else:
            out.print(f"[bold]{name}[/bold]", end=" ")
            out.print(value)
    for passage in result.citations:
        place = f"{passage.source} › {passage.heading} [{passage.start}:{passage.end}]"
        out.print(f"  cited: {place}", style="cyan", highlight=False, markup=False)
    for number in result.unknown_citations:
        out.print(f"  [red]cited, but not retrieved:[/red] {number}")
