"""The store of runs: which there are, how they stand, and who may carry them on."""

from __future__ import annotations

import json
import os
import sqlite3
from concurrent.futures import Future
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentrt.bundled import state_root
from agentrt.errors import UserError
from agentrt.runs.database import Database
from agentrt.runs.holder import Holder, is_locked
from agentrt.runs.ledger import EFFECTS_SCHEMA, Entry, Ledger, read_entries
from agentrt.runs.record import RunRecord, RunState

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, workflow TEXT NOT NULL, path TEXT, folder TEXT NOT NULL,
    text TEXT NOT NULL, files TEXT NOT NULL, inputs TEXT NOT NULL, server TEXT NOT NULL,
    parent TEXT, state TEXT NOT NULL, error TEXT, outputs TEXT, holder TEXT, pid INTEGER,
    cancel INTEGER NOT NULL DEFAULT 0, started_at TEXT NOT NULL, ended_at TEXT
) STRICT;
{EFFECTS_SCHEMA}
"""
_AS_JSON = ("files", "inputs", "server", "outputs")


def runs_folder() -> Path:
    """Where runs are kept by default."""
    return state_root() / "runs"


class RunStore:
    """The runs in a folder. Any number of processes may have it open; a run has one at a time.

    Raises:
        StoreError: the folder can't be used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or runs_folder()
        self._database = Database(self.folder / "runs.sqlite", _SCHEMA)
        self._holder: Holder | None = None

    def close(self) -> None:
        """Write what is waiting, and let go of all runs."""
        self._database.close()
        if self._holder is not None:
            self._holder.release()

    def begin(self, record: RunRecord) -> Ledger:
        """Put a new run down as this process's, and give its ledger.

        Not waited for: whatever the run does first is written down after it.
        """
        row = {**record.model_dump(), "holder": self._mine().id, "pid": os.getpid()}
        row.update({name: _json(row[name]) for name in _AS_JSON})
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        self._database.write(f"INSERT INTO runs ({columns}) VALUES ({marks})", *row.values())  # noqa: S608
        return Ledger(self._database, record.id)

    def claim(self, run_id: str) -> Ledger:
        """Take a run over that nobody carries on, and give its ledger with all that it holds.

        Raises:
            UserError: a living process has it, or it has finished.
        """
        mine = self._mine()

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT * FROM runs WHERE id=?", (run_id,)).fetchone()
            if row["state"] == "finished":
                raise UserError(f"run {run_id} has finished; `agentrt replay` runs it again")
            if row["state"] == "running" and mine.alive(row["holder"]):
                raise UserError(f"run {run_id} is being carried on by process {row['pid']}")
            connection.execute(
                "UPDATE runs SET state='running', holder=?, pid=?, cancel=0, error=NULL, "
                "ended_at=NULL WHERE id=?",
                (mine.id, os.getpid(), run_id),
            )

        self._database.transact(work).result()
        return Ledger(self._database, run_id, read_entries(self._database, run_id))

    def settle(
        self,
        run_id: str,
        state: RunState,
        *,
        error: str | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> Future[Any]:
        """Say how a run of this process ended, and let go of it."""
        ended = None if state == "waiting" else _now()
        return self._database.write(
            "UPDATE runs SET state=?, error=?, outputs=?, ended_at=?, holder=NULL WHERE id=?",
            state, error, _json(outputs), ended, run_id,
        )  # fmt: skip

    def cancel(self, run_id: str) -> RunState:
        """Ask the process that has a run to cancel it, or cancel one that nobody has.

        Returns:
            ``running`` where a process was asked, which takes up to a second.

        Raises:
            UserError: it has ended.
        """
        record = self.get(run_id)
        if record.state in ("finished", "failed", "cancelled"):
            raise UserError(f"run {record.id} has ended already: {record.state}")
        if record.state == "running":
            self._database.write("UPDATE runs SET cancel=1 WHERE id=?", record.id).result()
            return "running"
        self.settle(record.id, "cancelled").result()
        return "cancelled"

    def to_cancel(self) -> list[str]:
        """The runs of this process that were asked to end."""
        rows = self._database.read(
            "SELECT id FROM runs WHERE cancel=1 AND state='running' AND holder=?", self._mine().id
        )
        return [row["id"] for row in rows]

    def latest(self, limit: int = 50) -> list[RunRecord]:
        """The latest runs, the newest first."""
        rows = self._database.read("SELECT * FROM runs ORDER BY started_at DESC LIMIT ?", limit)
        return [self._record(row) for row in rows]

    def get(self, run_id: str) -> RunRecord:
        """A run by its id, or by a beginning of it that no other has.

        Raises:
            UserError: there is none, or several.
        """
        rows = self._database.read(
            "SELECT * FROM runs WHERE substr(id, 1, ?)=? LIMIT 3", len(run_id), run_id
        )
        if len(rows) == 1 and run_id:
            return self._record(rows[0])
        if rows and run_id:
            raise UserError(f"several runs begin with {run_id!r}: say more of the id")
        known = [row["id"] for row in self._database.read("SELECT id FROM runs")]
        close = get_close_matches(run_id, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else "; `agentrt runs` lists them"
        raise UserError(f"no run is called {run_id!r}{hint}")

    def entries(self, run_id: str) -> list[Entry]:
        """What a run's ledger holds, in the order in which it was begun."""
        return list(read_entries(self._database, run_id).values())

    def answer(self, entry: Entry, answer: Any) -> None:
        """Put down what a person answered to a question of a waiting run."""
        ledger = Ledger(self._database, entry.run, {entry.key: entry})
        ledger.answered(entry, answer).result()

    def _mine(self) -> Holder:
        if self._holder is None:
            self._holder = Holder(self.folder / "holders")
        return self._holder

    def _record(self, row: sqlite3.Row) -> RunRecord:
        values = {name: row[name] for name in RunRecord.model_fields}
        values.update({name: json.loads(values[name]) for name in _AS_JSON if values[name]})
        if row["state"] == "running" and not self._lives(row["holder"]):
            values["state"] = "interrupted"
        return RunRecord(**values)

    def _lives(self, holder: str | None) -> bool:
        mine = self._holder is not None and holder == self._holder.id
        return mine or (holder is not None and is_locked(self.folder / "holders" / holder))


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
