"""``agentrt run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentrt.cli.console import reported
from agentrt.cli.options import (
    BaseUrlOption,
    InputOption,
    InputsFileOption,
    JsonOption,
    ModelOption,
    ModelRoleOption,
    NoCacheOption,
    OtlpOption,
    PerfettoOption,
    ProfileOption,
    QuietOption,
    RecordTextOption,
    SpeculationOption,
    TraceOption,
    WatchOption,
    WorkflowArgument,
    load_with_inputs,
    read_roles,
    require_roles,
)
from agentrt.cli.session import Display, Hearing, Keeping, Serving, Start, show_run

if TYPE_CHECKING:
    from agentrt.result import Result
    from agentrt.runtime import Runtime


def run(
    workflow: WorkflowArgument,
    input_: InputOption = None,
    inputs_file: InputsFileOption = None,
    profile: ProfileOption = "cpu-smollm2",
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    speculation: SpeculationOption = "on",
    model_role: ModelRoleOption = None,
    no_cache: NoCacheOption = False,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Keep nothing to resume the run from.")
    ] = False,
    trace: TraceOption = None,
    record_text: RecordTextOption = False,
    watch: WatchOption = False,
    perfetto: PerfettoOption = None,
    otlp: OtlpOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a workflow and show where the time went.

    Examples:

      agentrt run workflows/research.yaml

      agentrt run workflows/research.yaml -i question="What is a generator?" --trace out.jsonl

      agentrt run my.yaml --base-url http://127.0.0.1:8000/v1 --model my-model --json

      agentrt run my.yaml --model-role fast=http://127.0.0.1:8001/v1#small

      agentrt run my.yaml --watch --otlp http://127.0.0.1:4318
    """  # fmt: skip
    serving = Serving(profile, base_url, model, speculation == "on")
    display = Display(trace, record_text, watch, perfetto, otlp, as_json, quiet)

    def prepare(runtime: Runtime) -> tuple[str, Start]:
        from agentrt.cli.shipped import shipped_or_given

        loaded, inputs = load_with_inputs(runtime, shipped_or_given(workflow), input_, inputs_file)
        require_roles(roles, loaded)
        runtime.expect(loaded)

        def start(hearing: Hearing) -> Result:
            return runtime.run(
                loaded, inputs, trace_file=hearing.trace_file,
                on_event=hearing.on_event, on_question=hearing.on_question,
            )  # fmt: skip

        return loaded.spec.name, start

    with reported(as_json=as_json):
        roles = read_roles(model_role)
        kept = Keeping("default" if not no_store else None, cache=not no_cache)
        show_run(serving, display, prepare, keeping=kept, roles=roles)
