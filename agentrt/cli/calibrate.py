"""``agentrt calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentrt.cli.console import err, out, print_json, reported, write_whole
from agentrt.cli.options import JsonOption, ProfileOption

if TYPE_CHECKING:
    from agentrt.bench.calibration import Calibration


def calibrate(
    profile: ProfileOption = "cpu-smollm2",
    against: Annotated[
        list[str] | None,
        typer.Option(help="What to measure beside it: baseline, ngram or a profile; may repeat."),
    ] = None,
    trace: Annotated[
        list[Path] | None,
        typer.Option(
            help="Measure on this run's prompts (recorded with --record-text); may repeat."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = Path(
        "calibration.json"
    ),
    as_json: JsonOption = False,
) -> None:
    """Measure how fast this machine prefills and decodes, with and without speculation.

    It takes about two minutes once the servers are up. `agentrt project --calibration` uses it.

    Examples:

      agentrt calibrate

      agentrt calibrate --against baseline --against ngram --trace run.jsonl -o mine.json
    """
    with reported(as_json=as_json):
        from agentrt.bench.calibrate import calibrate as measure
        from agentrt.bench.sides import sides
        from agentrt.cli.progress import RunProgress
        from agentrt.serving import load_profile
        from agentrt.timing import read_trace

        loaded = load_profile(profile)
        recorded = [read_trace(path) for path in trace or []]
        references = [sides(loaded, against=name)[0] for name in against or ["baseline"]]
        chosen = [*references, sides(loaded, against=(against or ["baseline"])[0])[-1]]
        with RunProgress(err, quiet=as_json) as progress:
            found = measure(loaded.name, chosen, traces=recorded, on_progress=progress.say)
        write_whole(output, found.model_dump_json(indent=1).encode() + b"\n")
        if as_json:
            print_json(found.model_dump())
            return
        _show(found)
        err.print(f"calibration: {output}", style="dim", highlight=False)


def _show(found: Calibration) -> None:
    from rich.table import Table

    table = Table(title=found.profile)
    for head in ("", "prefill (tok/s)", "step (ms)", "at 2,000 tokens", "2 at once", "4 at once",
                 "tokens a step", "in JSON"):  # fmt: skip
        table.add_column(head, justify="right" if head else "left")
    for label, rates in found.sides.items():
        per_token = rates.prefill.per_token_s
        table.add_row(
            label,
            f"{1 / per_token:.0f}" if per_token > 0 else "?",
            f"{1000 * rates.step.at(64):.1f}",
            f"{1000 * rates.step.at(2000):.1f}",
            *(f"{rates.batch[batch]:.2f}x" for batch in (2, 4)),
            *(f"{rates.acceptance.get(kind, 0):.2f}" for kind in ("free", "constrained")),
        )
    out.print(table)
