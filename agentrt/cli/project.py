"""``agentrt project``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentrt.cli.console import out, print_json, reported
from agentrt.cli.options import JsonOption

if TYPE_CHECKING:
    from agentrt.bench.calibration import Calibration, Transfer
    from agentrt.timing import Trace


def project(
    traces: Annotated[list[Path], typer.Argument(help="Traces of one workflow.", metavar="TRACE…")],
    decode: Annotated[
        float | None, typer.Option(help="Decode at so many tokens a second.", min=0.001)
    ] = None,
    prefill: Annotated[
        float | None, typer.Option(help="Prefill at so many tokens a second.", min=0.001)
    ] = None,
    acceptance: Annotated[
        float | None, typer.Option(help="Speculate with this acceptance length.", min=1)
    ] = None,
    overhead: Annotated[
        float, typer.Option(help="What drafting and verifying add to a decode step.", min=0)
    ] = 0.18,
    setup: Annotated[
        str | None, typer.Option(help="A published set-up, such as rtx5090-gemma4-dflash.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="What `agentrt calibrate` wrote: project between its sides.")
    ] = None,
    side: Annotated[
        str | None, typer.Option(help="The side of the calibration to project to.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would take at other rates, and where faster decoding stops paying.

    Examples:

      agentrt project .agentrt/traces/research-*.jsonl --decode 600

      agentrt project trace.jsonl --acceptance 3.5 --overhead 0.2

      agentrt project trace.jsonl --setup rtx5090-gemma4-dflash

      agentrt project baseline.jsonl --calibration calibration.json --side dflash
    """
    with reported(as_json=as_json):
        from agentrt.bench.calibration import read_calibration
        from agentrt.bench.projection import Rates, speedup_of
        from agentrt.bench.projection import project as project_traces
        from agentrt.bench.setups import setup as published
        from agentrt.errors import UserError
        from agentrt.report.projection import print_projection
        from agentrt.timing import read_trace

        wanted = (decode, acceptance, setup, calibration)
        if sum(option is not None for option in wanted) > 1:
            raise UserError(
                "--decode, --acceptance, --setup and --calibration all set the decode rate: "
                "take one"
            )
        read = [read_trace(path) for path in traces]
        chosen = published(setup) if setup else None
        rates: Rates | Transfer = Rates(
            decode=chosen.decode if chosen else decode,
            decode_speedup=speedup_of(acceptance, overhead) if acceptance else None,
            prefill=prefill,
        )
        if calibration is not None:
            rates = _between(read_calibration(calibration), read, side)
        found = project_traces(read, rates)
        if as_json:
            print_json({**found.model_dump(), "source": chosen.source if chosen else None})
            return
        print_projection(found, out)
        if chosen:
            out.print(f"{chosen.about}. Source: {chosen.source}", highlight=False)


def _between(calibration: Calibration, traces: Sequence[Trace], side: str | None) -> Transfer:
    """From the side that the traces were measured on to the wanted one, or the only other."""
    from agentrt.errors import UserError

    methods = {trace.header.attributes.get("speculation") or "baseline" for trace in traces}
    sources = [method for method in methods if method in calibration.sides]
    if len(methods) != 1 or not sources:
        raise UserError(
            f"the traces were measured with {', '.join(sorted(map(str, methods)))}, and the "
            f"calibration has {', '.join(calibration.sides)}"
        )
    others = [label for label in calibration.sides if label != sources[0]]
    if side is None and len(others) != 1:
        raise UserError(f"say which --side to project to: {', '.join(others)}")
    return calibration.transfer(sources[0], side or others[0], traces[0].header.workflow)
