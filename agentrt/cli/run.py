"""``agentrt run``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import (
    InputOption,
    InputsFileOption,
    JsonOption,
    ModelRoleOption,
    NoCacheOption,
    OtlpOption,
    PerfettoOption,
    ProfileOption,
    SpeculationOption,
    WorkflowArgument,
    load_with_inputs,
    read_roles,
    require_roles,
)
from agentrt.cli.trace import write_perfetto
from agentrt.errors import UserError

if TYPE_CHECKING:
    from agentrt.llm import Endpoint
    from agentrt.result import Result
    from agentrt.runtime import Runtime
    from agentrt.timing import SpanHook


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
    model_role: ModelRoleOption = None,
    no_cache: NoCacheOption = False,
    trace: Annotated[Path | None, typer.Option(help="Where to write the trace.")] = None,
    record_text: Annotated[
        bool, typer.Option("--record-text", help="Keep prompts and answers in the trace.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the waterfall while it grows.")
    ] = False,
    perfetto: PerfettoOption = None,
    otlp: OtlpOption = None,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the outputs.")] = False,
) -> None:
    """Run a workflow and show where the time went.

    Examples:

      agentrt run workflows/research.yaml

      agentrt run workflows/research.yaml -i question="What is a generator?" --trace out.jsonl

      agentrt run my.yaml --base-url http://127.0.0.1:8000/v1 --model my-model --json

      agentrt run my.yaml --model-role fast=http://127.0.0.1:8001/v1#small

      agentrt run my.yaml --watch --otlp http://127.0.0.1:4318
    """  # fmt: skip
    with reported(as_json=as_json):
        from agentrt.cli.progress import RunProgress
        from agentrt.cli.shipped import shipped_or_given
        from agentrt.cli.watch import Watch

        watching = Watch(err) if watch else None
        view = watching or RunProgress(err, quiet=quiet or as_json)
        hooks: list[SpanHook] = [watching.span] if watching else []
        # The collector comes last: where it fails, the answer has been shown.
        with _collector(otlp) as collecting:
            with view:
                roles = read_roles(model_role)
                runtime = _runtime(
                    profile, base_url, model, speculation == "on", view.say,
                    [*hooks, *collecting], record_text, roles, not no_cache,
                )  # fmt: skip
                loaded, inputs = load_with_inputs(
                    runtime, shipped_or_given(workflow), input_, inputs_file
                )
                require_roles(roles, loaded)
                file = trace or _default_trace(loaded.spec.name)
                with runtime:
                    if watching:
                        watching.server = runtime.server
                    result = runtime.run(loaded, inputs, trace_file=file, on_event=view.event)
            _show(result, as_json=as_json, quiet=quiet)
            if perfetto is not None:
                write_perfetto(perfetto, result.trace)


@contextmanager
def _collector(endpoint: str | None) -> Iterator[list[SpanHook]]:
    if endpoint is None:
        yield []
        return
    from agentrt.timing.otel import otlp

    with otlp(endpoint) as hook:
        yield [hook]


def _runtime(
    profile: str,
    base_url: str | None,
    model: str | None,
    speculation: bool,
    say: Callable[[str], None],
    hooks: list[SpanHook],
    record_text: bool,
    roles: dict[str, Endpoint],
    cache: bool,
) -> Runtime:
    from agentrt.runtime import Runtime

    if (base_url is None) != (model is None):
        raise UserError("--base-url and --model go together")
    return Runtime(
        profile,
        base_url=base_url,
        model=model,
        api_key=os.environ.get("OPENAI_API_KEY", "none"),
        speculation=speculation,
        hooks=hooks,
        on_progress=say,
        record_text=record_text,
        models=roles,
        cache=cache,
    )


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
        "artefacts": [
            {**made.described(), "tool": made.tool, "path": str(made.path)}
            for made in result.artefacts
        ],
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
        place = f"{_openable(passage.location)} › {passage.heading} [{passage.start}:{passage.end}]"
        out.print(f"  cited: {place}", style="cyan", highlight=False, markup=False)
    for made in result.artefacts:
        place = f"{made.name} ({made.media_type}, {made.size:,} bytes) by {made.tool}: {made.path}"
        out.print(f"  artefact: {place}", style="cyan", highlight=False, markup=False)
    for number in result.unknown_citations:
        out.print(f"  [red]cited, but not retrieved:[/red] {number}")


def _openable(location: str) -> str:
    """A place as terminals and editors open it: from here where it is below, else whole."""
    here = f"{Path.cwd()}/"
    return location.removeprefix(here)
