"""``agentrt report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentrt.cli.console import err, reported, write_whole

if TYPE_CHECKING:
    from agentrt.timing import Trace

_KINDS = (".html", ".md", ".svg", ".png")


def report(
    traces: Annotated[list[Path], typer.Argument(help="Trace files.", metavar="TRACE…")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="An .html, .md, .svg or .png file.")
    ] = Path("report.html"),
    redact: Annotated[
        bool, typer.Option("--redact", help="Leave out prompts, answers and inputs.")
    ] = False,
) -> None:
    """Write a report of one run or several: one file that needs nothing else.

    Examples:

      agentrt report .agentrt/traces/*.jsonl -o report.html

      agentrt report trace.jsonl -o report.md

      agentrt report trace.jsonl -o waterfall.svg
    """
    with reported():
        from agentrt.errors import UserError
        from agentrt.timing import read_trace

        if output.suffix not in _KINDS:
            raise UserError(f"{output}: a report ends in one of {', '.join(_KINDS)}")
        if output.suffix in (".svg", ".png") and len(traces) > 1:
            raise UserError(f"{output}: a picture shows one trace, not {len(traces)}")
        content = _content([read_trace(path) for path in traces], output.suffix, redact=redact)
        write_whole(output, content)
        err.print(f"report: {output}", style="dim", highlight=False)


def _content(traces: Sequence[Trace], kind: str, *, redact: bool) -> bytes:
    if kind == ".md":
        from agentrt.report.markdown import markdown_report

        return markdown_report(traces).encode()
    if kind == ".html":
        from agentrt.report.page import report_page

        return report_page(traces, redact=redact).encode()
    from agentrt.report.image import waterfall_png, waterfall_svg

    return waterfall_png(traces[0]) if kind == ".png" else waterfall_svg(traces[0]).encode()
