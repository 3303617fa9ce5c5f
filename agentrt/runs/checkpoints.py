"""LangGraph's own checkpointers, opened so that what they were given survives a power cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentrt.errors import StoreError
from agentrt.runs.database import private_file

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_CONNECT_S = 10.0


@asynccontextmanager
async def open_checkpoints(where: Path | str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """The saver for a SQLite file, or for a ``postgresql://`` address.

    Raises:
        StoreError: it can't be opened, or the driver for it is not installed.
    """
    opened = _postgres(where) if isinstance(where, str) else _sqlite(where)
    async with opened as saver:
        yield saver


@asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with aiosqlite.connect(private_file(path), timeout=30) as connection:
        saver = AsyncSqliteSaver(connection, serde=_strict())
        try:
            await saver.setup()
            await connection.execute("PRAGMA synchronous=FULL")
        except aiosqlite.Error as error:
            raise StoreError(f"{path}: {error}") from error
        yield saver


@asynccontextmanager
async def _postgres(address: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    try:
        import psycopg
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool
    except ImportError as error:
        message = "checkpoints in PostgreSQL need `pip install agentrt[postgres]`"
        raise StoreError(message) from error
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool = AsyncConnectionPool(address, open=False, kwargs=settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        saver = AsyncPostgresSaver(pool, serde=_strict())  # type: ignore[arg-type]
        try:
            await pool.open(wait=True, timeout=_CONNECT_S)
            await saver.setup()
        except psycopg.Error as error:
            raise StoreError(f"the PostgreSQL store can't be used: {error}") from error
        yield saver


def _strict() -> Any:
    """Plain values and LangGraph's own types; nothing else is ever built from stored bytes."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
