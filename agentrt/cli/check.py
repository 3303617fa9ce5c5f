"""``agentrt check``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentrt.cli.console import err, out, print_json, reported, write_whole
from agentrt.cli.options import (
    InputOption,
    InputsFileOption,
    JsonOption,
    ProfileOption,
    load_with_inputs,
)

if TYPE_CHECKING:
    from agentrt.bench.gate import Gate
    from agentrt.bench.sample import Sample


def check(
    what: Annotated[
        list[Path], typer.Argument(help="A workflow to run, or traces.", metavar="WORKFLOW|TRACE…")
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            help="A baseline (.json), an older workflow (.yaml, run in turn with the new one), "
            "or a trace (.jsonl)."
        ),
    ] = None,
    max_regression: Annotated[
        str, typer.Option(help="How much slower it may be, such as 10%.")
    ] = "10%",
    runs: Annotated[int, typer.Option(min=1, help="Runs of a workflow, after a warm-up.")] = 5,
    save: Annotated[
        Path | None, typer.Option(help="Write what was measured as a baseline.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail as well where the verdict is not clear.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Write a summary for a pull request.")
    ] = None,
    input_: InputOption = None,
    inputs_file: InputsFileOption = None,
    profile: ProfileOption = "cpu-smollm2",
    as_json: JsonOption = False,
) -> None:
    """Fail where a workflow has become slower than it may, beyond what noise explains.

    Exit code 0: within what is allowed, or not clear; 1: slower; 2: the request was wrong.

    Examples:

      agentrt check workflows/research.yaml --save baseline.json

      agentrt check workflows/research.yaml --against baseline.json --max-regression 10%

      agentrt check new.yaml --against old.yaml --runs 7 --markdown summary.md

      agentrt check .agentrt/traces/research-*.jsonl --against baseline.json
    """
    with reported(as_json=as_json):
        from agentrt.bench.gate import judge_change
        from agentrt.cli.progress import RunProgress
        from agentrt.errors import UserError
        from agentrt.report.gate import gate_markdown, print_gate

        allowed = _share(max_regression)
        if against is None and save is None:
            raise UserError("say what to check against (--against), or where to --save a baseline")
        with RunProgress(err, quiet=as_json) as progress:
            name, before, after, paired = _measure(
                what, against, profile, (input_, inputs_file), runs, progress.say
            )
        if save is not None:
            _save(save, name, after)
        if before is None:
            return
        gate = judge_change(name, before, after, max_regression=allowed, paired=paired)
        if markdown is not None:
            write_whole(markdown, gate_markdown(gate).encode())
        print_json(gate.model_dump()) if as_json else print_gate(gate, out)
        if _fails(gate, strict=strict):
            raise typer.Exit(1)


def _fails(gate: Gate, *, strict: bool) -> bool:
    return gate.verdict == "fail" or (strict and gate.verdict == "unclear")


def _share(text: str) -> float:
    from agentrt.errors import UserError

    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        raise UserError(
            f"--max-regression takes a share such as 10% or 0.1, not {text!r}"
        ) from None
    if not 0 <= share < float("inf"):
        raise UserError(f"--max-regression is 0 or more, not {text!r}")
    return share


def _measure(
    what: list[Path],
    against: Path | None,
    profile: str,
    given: tuple[list[str] | None, Path | None],
    runs: int,
    say: Callable[[str], None],
) -> tuple[str, list[Sample] | None, list[Sample], bool]:
    """The name, the samples before (None: there are none) and after, and whether they pair."""
    from agentrt.bench.collect import run_in_turn, samples_of
    from agentrt.cli.shipped import shipped_or_given
    from agentrt.errors import UserError
    from agentrt.runtime import Runtime
    from agentrt.timing import read_trace

    older = against is not None and against.suffix in (".yaml", ".yml")
    if all(path.suffix == ".jsonl" for path in what):
        if older:
            raise UserError(f"{against}: traces are checked against a baseline or a trace")
        traces = [read_trace(path) for path in what]
        names = sorted({trace.header.workflow for trace in traces})
        if len(names) > 1:
            raise UserError(f"traces of one workflow are checked at a time, not {names}")
        return names[0], _known(against, names[0]), samples_of(traces), False
    if len(what) > 1:
        raise UserError("one workflow is checked at a time")
    runtime = Runtime(profile, on_progress=say, store=None)
    chosen = [load_with_inputs(runtime, shipped_or_given(str(what[0])), *given)]
    name = chosen[0][0].spec.name
    # Read before a server starts: a wrong file should cost no minute.
    known = None if older else _known(against, name)
    if older:
        chosen.insert(0, load_with_inputs(runtime, str(against), *given))
    with runtime:
        found = run_in_turn(runtime, chosen, runs, say)
    return (name, found[0], found[1], True) if older else (name, known, found[0], False)


def _known(against: Path | None, workflow: str) -> list[Sample] | None:
    from agentrt.bench.collect import samples_of
    from agentrt.bench.gate import read_baseline
    from agentrt.errors import UserError
    from agentrt.timing import read_trace

    if against is None:
        return None
    if against.suffix == ".jsonl":
        trace = read_trace(against)
        name, samples = trace.header.workflow, samples_of([trace])
    else:
        baseline = read_baseline(against)
        name, samples = baseline.workflow, baseline.samples
    if name != workflow:
        raise UserError(f"{against}: is of workflow {name!r}, not {workflow!r}")
    return samples


def _save(path: Path, workflow: str, samples: list[Sample]) -> None:
    from agentrt.bench.evidence import cores, machine, versions
    from agentrt.bench.gate import Baseline

    baseline = Baseline(
        workflow=workflow,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(),
        cores=cores(),
        versions=versions(),
        samples=samples,
    )
    write_whole(path, baseline.model_dump_json(indent=1).encode() + b"\n")
    err.print(f"baseline of {len(samples)} runs: {path}", style="dim", highlight=False)
