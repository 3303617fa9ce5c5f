"""What all commands share: where they print to, and how a failure ends the process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from agentrt.errors import AgentrtError, RunWaiting, UserError

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print machine-readable output, and nothing else, on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its name first, so that a killed command leaves no half of one.

    Raises:
        UserError: it can't be written.
    """
    beside = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn an agentrt error into one line on standard error and its exit code.

    Exit codes: 0 done, 1 the run failed, 2 the request was wrong, 3 it waits for a person,
    130 interrupted.
    """
    try:
        yield
    except RunWaiting as waiting:
        _tell_waiting(waiting, as_json)
        raise typer.Exit(waiting.exit_code) from None
    except AgentrtError as error:
        notes = "".join(
            f" [{note}]" for note in getattr(error, "__notes__", ()) if note.startswith("in node")
        )
        if as_json:
            print_json({"error": type(error).__name__, "message": f"{error}{notes}"})
        err.print(
            f"[red]error:[/red] {escape(str(error) + notes)}", highlight=False, soft_wrap=True
        )
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(130) from None


def _tell_waiting(waiting: RunWaiting, as_json: bool) -> None:
    """What is asked, and how it is answered."""
    if as_json:
        print_json(
            {
                "error": "RunWaiting",
                "message": str(waiting),
                "run_id": waiting.run_id,
                "questions": [question.model_dump() for question in waiting.questions],
            }
        )
    err.print(f"run {waiting.run_id} waits for a person:", highlight=False)
    for question in waiting.questions:
        err.print(f"  {question.node}: {question.message}", markup=False, highlight=False)
    asked = " ".join(f"-a '{question.node}=…'" for question in waiting.questions)
    err.print(f"agentrt resume {waiting.run_id} {asked}", markup=False, highlight=False)
