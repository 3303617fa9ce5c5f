"""What keeps a runtime's runs: their store and checkpoints, and how each run begins and ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentrt.errors import AgentrtError, RunCancelled, RunWaiting, UserError
from agentrt.graph.person import Question, fitting
from agentrt.graph.thread import Thread
from agentrt.runs import Entry, Ledger, RunRecord, RunStore, runs_folder
from agentrt.runs.checkpoints import open_checkpoints
from agentrt.runs.database import on_disk
from agentrt.spec import Surroundings, Workflow, load_workflow
from agentrt.spec.parts import changed_parts, parts

_POLL_S = 0.2


@dataclass(frozen=True)
class Kept:
    """A run that is kept: under its id, with its ledger, its checkpoints on their thread."""

    id: str
    ledger: Ledger
    thread: Thread


@dataclass
class Keeper:
    """The open store of a runtime, on the runtime's event loop."""

    store: RunStore
    saver: Any
    cancelled: set[str] = field(default_factory=set)
    running: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    def begin(
        self,
        run_id: str,
        workflow: Workflow,
        inputs: dict[str, Any],
        server: dict[str, Any],
        parent: str | None = None,
    ) -> Kept:
        """Put a new run down."""
        name = Path(workflow.source.name)
        record = RunRecord(
            id=run_id,
            workflow=workflow.spec.name,
            path=str(name.resolve()) if name.is_file() else None,
            folder=str(workflow.folder),
            text=workflow.source.text,
            files=parts(workflow),
            inputs=inputs,
            server=server,
            parent=parent,
            state="running",
            pid=os.getpid(),
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        ledger = self.store.begin(record)
        return Kept(run_id, ledger, Thread(run_id, self.saver, begun=parent is not None))

    def take_up(self, run_id: str) -> Kept:
        """Carry a run on that an earlier process began.

        Raises:
            UserError: it has finished, or another process has it.
        """
        return Kept(run_id, self.store.claim(run_id), Thread(run_id, self.saver, begun=True))

    @asynccontextmanager
    async def carrying(self, kept: Kept) -> AsyncIterator[None]:
        """The time in which a run is carried out; where it breaks off, the store tells how.

        Raises:
            RunCancelled: another process asked it to end.
        """
        task = asyncio.current_task()
        assert task is not None
        self.running[kept.id] = task
        try:
            yield
        except RunWaiting:
            await on_disk(self.store.settle(kept.id, "waiting"))
            raise
        except asyncio.CancelledError:
            await on_disk(self.store.settle(kept.id, "cancelled"))
            if kept.id in self.cancelled:
                raise RunCancelled(f"run {kept.id} was cancelled from outside") from None
            raise
        except Exception as error:
            if isinstance(error, AgentrtError):
                kept.ledger.void(error)
            told = f"{type(error).__name__}: {error}"
            await on_disk(self.store.settle(kept.id, "failed", error=told))
            raise
        finally:
            del self.running[kept.id]
            self.cancelled.discard(kept.id)

    async def finish(self, kept: Kept, outputs: dict[str, Any]) -> None:
        """Put down what a run gave."""
        await on_disk(self.store.settle(kept.id, "finished", outputs=outputs))

    async def watch(self) -> None:
        """Cancel the runs of this process that another one asks to end; never returns."""
        while True:
            await asyncio.sleep(_POLL_S)
            if self.running:
                for run_id in self.store.to_cancel():
                    if run_id in self.running and run_id not in self.cancelled:
                        self.cancelled.add(run_id)
                        self.running[run_id].cancel()


@asynccontextmanager
async def open_keeper(where: Path | str) -> AsyncIterator[Keeper]:
    """Open a store of runs: a folder, or a folder of the state with checkpoints in PostgreSQL.

    Raises:
        StoreError: it can't be used.
    """
    async with AsyncExitStack() as stack:
        store = RunStore(where if isinstance(where, Path) else None)
        stack.callback(store.close)
        checkpoints = where if isinstance(where, str) else store.folder / "checkpoints.sqlite"
        keeper = Keeper(store, await stack.enter_async_context(open_checkpoints(checkpoints)))
        watcher = asyncio.ensure_future(keeper.watch())
        try:
            yield keeper
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher


def default_store() -> Path | str | None:
    """Where runs are kept: what ``AGENTRT_STORE`` says (``none`` for nowhere), or the state."""
    told = os.environ.get("AGENTRT_STORE")
    if not told:
        return runs_folder()
    if told == "none":
        return None
    return told if is_address(told) else Path(told)


def is_address(where: str) -> bool:
    """Whether a store is a database server's address and no folder."""
    return where.startswith(("postgresql://", "postgres://"))


def stored_workflow(
    record: RunRecord, around: Surroundings, *, allow_changes: bool = False
) -> Workflow:
    """The workflow of a run, as its text was when the run began.

    Raises:
        UserError: a file that the text builds on has changed since.
        SpecError: such a file is gone, or a tool that it grants.
    """
    # With a line break at its end it can't be taken for a path.
    workflow = load_workflow(record.text + "\n", around, folder=Path(record.folder))
    changed = changed_parts(workflow, record.files)
    if changed and not allow_changes:
        raise UserError(
            f"run {record.id} was begun with other content of: {', '.join(changed)}; "
            "--allow-changes goes on all the same"
        )
    return workflow


def open_runs() -> RunStore:
    """The store of runs that the environment names, to look into it.

    Raises:
        UserError: it names none.
    """
    where = default_store()
    if where is None:
        raise UserError("AGENTRT_STORE=none: no runs are kept")
    return RunStore(where if isinstance(where, Path) else None)


def put_answers(store: RunStore, run_id: str, answers: dict[str, Any]) -> None:
    """Write down answers, by the asking node's name, to the open questions of a run.

    Raises:
        UserError: nothing such was asked.
        RunError: an answer does not fit its question.
    """
    asked = {entry.key.step: entry for entry in _asked(store, run_id)}
    for node, answer in answers.items():
        if node not in asked:
            known = ", ".join(asked) or "none"
            raise UserError(f"run {run_id} has no open question of {node!r} (open: {known})")
        store.answer(asked[node], fitting(Question(**asked[node].arguments), answer))


def open_questions(store: RunStore, run_id: str) -> list[Question]:
    """What a run asked people, and was not answered."""
    return [Question(**entry.arguments) for entry in _asked(store, run_id)]


def _asked(store: RunStore, run_id: str) -> list[Entry]:
    return [entry for entry in store.entries(run_id) if entry.state == "asked"]
