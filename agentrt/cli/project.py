"""``agentrt project``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentrt.cli.console import out, print_json, reported
from agentrt.cli.options import JsonOption


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
    as_json: JsonOption = False,
) -> None:
    """Say what a run would take at other rates, and where faster decoding stops paying.

    Examples:

      agentrt project .agentrt/traces/research-*.jsonl --decode 600

      agentrt project trace.jsonl --acceptance 3.5 --overhead 0.2

      agentrt project trace.jsonl --setup rtx5090-gemma4-dflash
    """
    with reported(as_json=as_json):
        from agentrt.bench.projection import Rates, speedup_of
        from agentrt.bench.projection import project as project_traces
        from agentrt.bench.setups import setup as published
        from agentrt.errors import UserError
        from agentrt.report.projection import print_projection
        from agentrt.timing import read_trace

        if sum(wanted is not None for wanted in (decode, acceptance, setup)) > 1:
            raise UserError("--decode, --acceptance and --setup all set the decode rate: take one")
        chosen = published(setup) if setup else None
        rates = Rates(
            decode=chosen.decode if chosen else decode,
            decode_speedup=speedup_of(acceptance, overhead) if acceptance else None,
            prefill=prefill,
        )
        found = project_traces([read_trace(path) for path in traces], rates)
        if as_json:
            print_json({**found.model_dump(), "source": chosen.source if chosen else None})
            return
        print_projection(found, out)
        if chosen:
            out.print(f"{chosen.about}. Source: {chosen.source}", highlight=False)
