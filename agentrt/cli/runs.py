"""``agentrt runs`` and ``agentrt cancel``: which runs are kept, and what each one did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from agentrt.cli.console import out, print_json, reported
from agentrt.cli.options import JsonOption, RunArgument

if TYPE_CHECKING:
    from agentrt.runs import Entry, RunRecord, RunStore

app = typer.Typer(no_args_is_help=False)
_COLOURS = {"finished": "green", "failed": "red", "running": "cyan", "waiting": "yellow"}


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the runs that are kept, the newest first.

    Examples:

      agentrt runs

      agentrt runs show 3f2a
    """
    if context.invoked_subcommand is not None:
        return
    with reported(as_json=as_json), opened_store() as store:
        latest = store.latest(limit)
        if as_json:
            print_json([listed(record) for record in latest])
            return
        table = Table("run", "workflow", "state", "began", "", box=None, pad_edge=False)
        for record in latest:
            state = f"[{_COLOURS.get(record.state, 'dim')}]{record.state}"
            table.add_row(record.id, record.workflow, state, record.started_at[:19], _note(record))
        out.print(table if latest else "no runs are kept")


@app.command()
def show(run: RunArgument, as_json: JsonOption = False) -> None:
    """Show one run: its inputs, what it did, and what it waits for.

    Examples:

      agentrt runs show 3f2a --json
    """
    with reported(as_json=as_json), opened_store() as store:
        record = store.get(run)
        entries = store.entries(record.id)
        if as_json:
            print_json({**listed(record), "effects": [_effect(entry) for entry in entries]})
            return
        out.print(f"[bold]{record.id}[/bold] {record.workflow}: {record.state}")
        for name in ("path", "parent", "started_at", "ended_at", "inputs", "error", "outputs"):
            value = getattr(record, name)
            if value not in (None, {}):
                out.print(f"  {name}: {value}", markup=False, highlight=False)
        table = Table("node", "what", "kind", "state", box=None, pad_edge=False)
        for entry in entries:
            table.add_row(entry.key.step, entry.key.name, entry.kind, entry.state)
        out.print(table)


def cancel(run: RunArgument) -> None:
    """End a run, in whichever process it goes on; it can be resumed later.

    Examples:

      agentrt cancel 3f2a
    """
    with reported(), opened_store() as store:
        state = store.cancel(run)
        out.print("its process was asked to end it" if state == "running" else "cancelled")


@contextmanager
def opened_store() -> Iterator[RunStore]:
    """The store of runs that the environment names."""
    from agentrt.durable import open_runs

    store = open_runs()
    try:
        yield store
    finally:
        store.close()


def listed(record: RunRecord) -> dict[str, Any]:
    """A run for machines: all but the text of its workflow."""
    return record.model_dump(exclude={"text", "files"})


def _note(record: RunRecord) -> str:
    if record.state in ("waiting", "interrupted", "failed", "cancelled"):
        return f"agentrt resume {record.id}"
    return ""


def _effect(entry: Entry) -> dict[str, Any]:
    return {
        "node": entry.key.step,
        "name": entry.key.name,
        "kind": entry.kind,
        "arguments": entry.arguments,
        "state": entry.state,
        "outcome": entry.outcome,
        "key": entry.token,
    }
