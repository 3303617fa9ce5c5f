"""``agentrt validate`` and ``agentrt schema``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption
from agentrt.errors import SpecError


def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Workflow files.")],
    as_json: JsonOption = False,
) -> None:
    """Check workflow files; the first fault of each is shown with its line and column.

    Exit code 2 where one is wrong.

    Examples:

      agentrt validate workflows/*.yaml
    """
    from agentrt.cli.shipped import shipped_or_given
    from agentrt.runtime import Runtime

    runtime, faults = Runtime(), {}
    with reported(as_json=as_json):
        for file in files:
            try:
                runtime.load(shipped_or_given(file))
            except SpecError as error:
                faults[file] = error
    if as_json:
        print_json([
            {"file": file, "ok": file not in faults, **_fault(faults.get(file))} for file in files
        ])  # fmt: skip
    else:
        for file in files:
            if file in faults:
                err.print(f"[red]error:[/red] {escape(str(faults[file]))}", highlight=False,
                          soft_wrap=True)  # fmt: skip
            else:
                out.print(f"{file}: ok", highlight=False)
    if faults:
        raise typer.Exit(2)


def _fault(error: SpecError | None) -> dict[str, object]:
    if error is None:
        return {}
    return {"line": error.line, "column": error.column, "message": error.message,
            "hint": error.hint}  # fmt: skip


def schema() -> None:
    """Print the JSON Schema of workflow files, for editors.

    Examples:

      agentrt schema > workflow.schema.json
    """
    from agentrt.spec import json_schema

    print_json(json_schema())
