"""The ledger of a run: what it meant to do, before it did it, and what came of it, after.

An effect is known by the step it belongs to, its name, its arguments, and the how-manieth such call
of the step it is. A step that is run again asks for the same effects, and is given what came of
them; an intent without an outcome is an effect that may or may not have happened.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal

from agentrt.errors import ToolError
from agentrt.runs.database import Database, on_disk

Replay = Literal["pure", "idempotent", "once"]
"""May be run again; may with the same key; never without asking."""

EntryState = Literal["intent", "done", "failed", "asked", "void"]
"""``void`` is a failure that ended its run: a resumed run tries it again."""

EFFECTS_SCHEMA = """
CREATE TABLE IF NOT EXISTS effects (
    run TEXT NOT NULL, step TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
    nth INTEGER NOT NULL, kind TEXT NOT NULL, arguments TEXT NOT NULL, state TEXT NOT NULL,
    outcome TEXT, at REAL NOT NULL, PRIMARY KEY (run, step, name, digest, nth)
) STRICT, WITHOUT ROWID;
"""

_step: ContextVar[str] = ContextVar("agentrt_step", default="")


@dataclass(frozen=True)
class Key:
    """Which effect of a run."""

    step: str
    name: str
    digest: str
    nth: int


@dataclass(frozen=True)
class Entry:
    """A line of the ledger. ``kind`` is an effect's, or ``llm`` or ``question``."""

    run: str
    key: Key
    kind: str
    arguments: Any
    state: EntryState
    outcome: Any = None
    at: float = 0.0

    @property
    def token(self) -> str:
        """What stays the same each time this very effect is tried: for services that take a key."""
        key = self.key
        text = f"{self.run}\n{key.step}\n{key.name}\n{key.digest}\n{key.nth}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextmanager
def at_step(label: str) -> Iterator[None]:
    """What is done in the block belongs to this step; its label is its own in the whole run."""
    token = _step.set(label)
    try:
        yield
    finally:
        _step.reset(token)


Resolve = Callable[[Entry], Awaitable[str | None]]
"""For an effect in doubt: what came of it, or None where it is to be done again."""


class Ledger:
    """One run's ledger.

    Args:
        entries: what earlier processes wrote into it.
    """

    def __init__(
        self, database: Database, run_id: str, entries: dict[Key, Entry] | None = None
    ) -> None:
        self._database, self.run_id = database, run_id
        self._entries = entries or {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._under_way: set[Key] = set()
        self._failures: list[tuple[BaseException, Entry]] = []

    def next(self, name: str, kind: str, arguments: Any) -> Entry:
        """The entry of the step's next such call: what is known of it, or a blank intent."""
        text = _canonical(arguments)
        digest = hashlib.sha256(text.encode()).hexdigest()[:24]
        which = (_step.get(), name, digest)
        key = Key(*which, self._counts[which])
        self._counts[which] += 1
        return self._entries.get(key) or Entry(self.run_id, key, kind, arguments, "void")

    def note(self, entry: Entry, state: EntryState, outcome: Any = None) -> Future[Any]:
        """Write an entry down; durable when the future is done, and before all later ones."""
        noted = replace(entry, state=state, outcome=outcome, at=time.time())
        self._entries[entry.key] = noted
        key = noted.key
        return self._database.write(
            "INSERT INTO effects VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
            "state=excluded.state, outcome=excluded.outcome, at=excluded.at",
            self.run_id, key.step, key.name, key.digest, key.nth, noted.kind,
            _canonical(noted.arguments), state, _canonical(outcome), noted.at,
        )  # fmt: skip

    def answered(self, entry: Entry, answer: Any) -> Future[Any]:
        """Write down what a person answered."""
        return self.note(entry, "done", answer)

    async def perform(
        self,
        name: str,
        kind: Replay,
        arguments: Any,
        act: Callable[[str], Awaitable[str]],
        resolve: Resolve,
    ) -> str:
        """Carry an effect out, or give what came of it when it was.

        Args:
            act: does it; given the effect's key.
            resolve: asked about a ``once`` effect whose intent is there and whose outcome is not.

        Raises:
            ToolError: it failed, now or then.
        """
        entry = self._continued(self.next(name, kind, arguments))
        if entry.state == "done":
            return str(entry.outcome)
        if entry.state == "failed":
            raise self._failed(entry, ToolError(entry.outcome))
        if entry.state == "intent" and kind == "once":
            known = await resolve(entry)
            if known is not None:
                await on_disk(self.note(entry, "done", known))
                return known
        if kind != "pure":
            await on_disk(self.note(entry, "intent"))
        outcome = await self._acted(entry, act)
        written = self.note(entry, "done", outcome)
        if kind != "pure":
            await on_disk(written)
        return outcome

    def void(self, error: BaseException) -> None:
        """A failure ended the run: when it is resumed, that effect is tried again."""
        chain = {id(error), id(error.__cause__), id(error.__context__)}
        for failure, entry in self._failures:
            if id(failure) in chain:
                self.note(entry, "void")

    def spent(self) -> tuple[int, int, int]:
        """Model calls, tool calls and tokens that the run has had so far."""
        ended = [entry for entry in self._entries.values() if entry.state in ("done", "failed")]
        calls = [entry for entry in ended if entry.kind == "llm"]
        tools = [entry for entry in ended if entry.kind in ("pure", "idempotent", "once")]
        tokens = sum(entry.outcome.get("output_tokens") or 0 for entry in calls)
        return len(calls), len(tools), tokens

    def _continued(self, entry: Entry) -> Entry:
        """The same call of the step, where an earlier one broke off in doubt and this goes on."""
        if entry.state != "void" or entry.key in self._entries:
            return entry
        for nth in range(entry.key.nth):
            earlier = self._entries.get(replace(entry.key, nth=nth))
            if earlier and earlier.state == "intent" and earlier.key not in self._under_way:
                return earlier
        return entry

    async def _acted(self, entry: Entry, act: Callable[[str], Awaitable[str]]) -> str:
        self._under_way.add(entry.key)
        try:
            return await act(entry.token)
        except ToolError as error:
            # A tool that ran out of time may have had its effect: the intent stays open.
            if not isinstance(error.__cause__, TimeoutError) or entry.kind == "pure":
                await on_disk(self.note(entry, "failed", str(error)))
                raise self._failed(entry, error) from error.__cause__
            raise
        finally:
            self._under_way.discard(entry.key)

    def _failed(self, entry: Entry, error: ToolError) -> ToolError:
        self._failures.append((error, entry))
        return error


def read_entries(database: Database, run_id: str) -> dict[Key, Entry]:
    """A run's entries by key, in the order in which they were written last."""
    rows = database.read("SELECT * FROM effects WHERE run=? ORDER BY at", run_id)
    entries = [_entry(row) for row in rows]
    return {entry.key: entry for entry in entries}


def _entry(row: sqlite3.Row) -> Entry:
    key = Key(row["step"], row["name"], row["digest"], row["nth"])
    arguments, outcome = json.loads(row["arguments"]), json.loads(row["outcome"])
    return Entry(row["run"], key, row["kind"], arguments, row["state"], outcome, row["at"])


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
