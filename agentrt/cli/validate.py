"""``agentrt validate`` and ``agentrt schema``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption
from agentrt.errors import SpecError, UserError

if TYPE_CHECKING:
    from agentrt.spec import Complaint

_COLOURS = {"error": "bold red", "warning": "bold yellow"}


def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Workflow files, or folders of them.")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Take a warning for an error.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check workflow files as a compiler does: all that is wrong, each with its line and column.

    Names, types, schemas, tools and their arguments, files and the order of nodes are errors. What
    only looks wrong is a warning: what nobody reads, what is never reached, what may be missing.

    Exit code 2 where there is an error.

    Examples:

      agentrt validate workflows/*.yaml

      agentrt validate workflows --strict

      agentrt validate my.yaml --json
    """
    with reported(as_json=as_json):
        found = {file: _examined(file) for file in _expanded(files)}
    if as_json:
        print_json([_as_json(file, complaints, strict) for file, complaints in found.items()])
    else:
        _show(found)
    if any(_is_wrong(complaints, strict) for complaints in found.values()):
        raise typer.Exit(2)


def _expanded(files: list[str]) -> list[str]:
    """The files themselves, and those in the folders among them."""
    expanded: list[str] = []
    for file in files:
        folder = Path(file)
        if not folder.is_dir():
            expanded.append(file)
            continue
        inside = sorted(str(path) for path in folder.rglob("*.y*ml"))
        if not inside:
            raise UserError(f"{file}: there is no .yaml file in this folder")
        expanded += inside
    return list(dict.fromkeys(expanded))


def _examined(file: str) -> list[Complaint]:
    from agentrt.cli.shipped import shipped_or_given
    from agentrt.runtime import Runtime
    from agentrt.spec import Complaint

    try:
        return Runtime().examine(shipped_or_given(file))
    except SpecError as error:
        return [
            Complaint(error.message, error.source, error.line or 1, error.column or 1,
                      hint=error.hint)
        ]  # fmt: skip


def _is_wrong(complaints: list[Complaint], strict: bool) -> bool:
    return any(strict or complaint.severity == "error" for complaint in complaints)


def _show(found: dict[str, list[Complaint]]) -> None:
    shown = list(dict.fromkeys(c for complaints in found.values() for c in complaints))
    for complaint in shown:
        err.print(complaint_text(complaint), highlight=False, soft_wrap=True)
    for file, complaints in found.items():
        if not complaints:
            out.print(f"{file}: ok", highlight=False, soft_wrap=True)
    if shown:
        err.print(_summary(shown), highlight=False)


def complaint_text(complaint: Complaint) -> Text:
    """A complaint as compilers show it: place and sentence, then the line with a mark under it."""
    colour = _COLOURS[complaint.severity]
    text = Text.assemble(
        (f"{complaint.place}: ", "bold"), (f"{complaint.severity}: ", colour), complaint.text
    )
    if complaint.excerpt:
        number = f"{complaint.line:>5}"
        # A tab is as wide in the mark's line as in the line above it.
        before = "".join(c if c == "\t" else " " for c in complaint.excerpt[: complaint.column - 1])
        room = max(1, len(complaint.excerpt) - complaint.column + 1)
        mark = "^" * min(complaint.length, room)
        text.append(f"\n{number} | {complaint.excerpt}\n{' ' * len(number)} | {before}")
        text.append(mark, colour)
    return text


def _summary(complaints: list[Complaint]) -> str:
    counts = {
        severity: sum(complaint.severity == severity for complaint in complaints)
        for severity in _COLOURS
    }
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n)


def _as_json(file: str, complaints: list[Complaint], strict: bool) -> dict[str, Any]:
    fields = ("severity", "source", "line", "column", "length", "message", "hint")
    return {
        "file": file,
        "ok": not _is_wrong(complaints, strict),
        "complaints": [{name: getattr(c, name) for name in fields} for c in complaints],
    }


def schema() -> None:
    """Print the JSON Schema of workflow files, for editors.

    Examples:

      agentrt schema > workflow.schema.json
    """
    from agentrt.spec import json_schema

    print_json(json_schema())
