"""One SQLite file with one writer: what is waiting together is committed together."""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from agentrt.errors import StoreError

Work = Callable[[sqlite3.Connection], Any]
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON")


def private_file(path: Path) -> Path:
    """Make a file, where there is none, that only this user reads; SQLite's others follow it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: runs can't be kept there: {error.strerror}") from error
    return path


class Database:
    """A SQLite database whose writes go through one thread, several to a transaction.

    A write that is not waited for still comes before every later one, and is durable when a later
    one is: SQLite's log is committed in order.

    Raises:
        StoreError: the file can't be opened, or is no database of this version.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = private_file(path)
        self._jobs: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        try:
            self._writer, self._reader = self._connect(), self._connect()
            self._writer.executescript(schema)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from error
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="agentrt-store", daemon=True)
        self._thread.start()

    def write(self, sql: str, *values: Any) -> Future[Any]:
        """Execute a statement in a coming transaction; done when that is on disk."""
        return self.transact(lambda connection: connection.execute(sql, values).rowcount)

    def transact(self, work: Work) -> Future[Any]:
        """Do work in a coming transaction; its result is there when that is on disk."""
        future: Future[Any] = Future()
        # From now on nobody can cancel it: whoever stops waiting, it is written.
        future.set_running_or_notify_cancel()
        self._jobs.put((work, future))
        return future

    def read(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """What is on disk now.

        Raises:
            StoreError: it can't be read.
        """
        try:
            with self._reading:
                return self._reader.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Write what is waiting, and close."""
        self._jobs.put(None)
        self._thread.join()
        self._reader.close()
        self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30
        )
        connection.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _write_all(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, more = [first], True
            while more and not self._jobs.empty():
                job = self._jobs.get()
                more = job is not None
                if job is not None:
                    batch.append(job)
            self._commit(batch)
            if not more:
                return

    def _commit(self, batch: list[tuple[Work, Future[Any]]]) -> None:
        """One transaction for all; where one job fails, each has its own."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            results = [work(self._writer) for work, _ in batch]
            self._writer.execute("COMMIT")
        except Exception as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            if len(batch) > 1:
                for job in batch:
                    self._commit([job])
            else:
                batch[0][1].set_exception(self._explained(error))
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)

    def _explained(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            return StoreError(f"{self._path}: {error}")
        return error


async def on_disk(written: Future[Any]) -> Any:
    """Wait until a write is durable. Being cancelled meanwhile does not undo it."""
    return await asyncio.wrap_future(written)
