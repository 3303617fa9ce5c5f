"""Asking a SQLite database, without any way to change it or to reach another file."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from agentrt.toolbox import WorkflowPath, tool

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_REFUSED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
_STEPS_BETWEEN_LOOKS = 10_000


class SqlOptions(BaseModel):
    """What a grant of ``sql`` may say."""

    model_config = ConfigDict(extra="forbid")

    database: WorkflowPath
    max_rows: int = Field(default=100, ge=1, le=10_000)
    timeout_s: float = Field(default=5.0, gt=0, le=60)


@tool(family="sql", effects=("read",), options=SqlOptions, timeout_s=70)
def sql_tables(options: SqlOptions) -> list[str]:
    """Say which tables the database has, as the statements that made them."""
    with closing(_open(options)) as database:
        found = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted(str(row["sql"]) for row in found)


@tool(family="sql", effects=("read",), options=SqlOptions, timeout_s=70)
def sql_query(query: str, options: SqlOptions) -> list[dict[str, Any]]:
    """Answer one SELECT on the SQLite database; gives rows by column name."""
    with closing(_open(options)) as database:
        try:
            answer = database.execute(query)
            found = answer.fetchmany(options.max_rows)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ValueError(_explained(str(error))) from error
        if answer.description is None:
            raise ValueError("refused: only SELECT is answered")
        return [{name: _plain(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118


def _open(options: SqlOptions) -> sqlite3.Connection:
    if not options.database.is_file():
        raise ValueError(f"there is no database {options.database.name!r}")
    place = f"file:{quote(str(Path(options.database)))}?mode=ro"
    database = sqlite3.connect(place, uri=True, timeout=1.0)
    database.row_factory = sqlite3.Row
    # A database may carry functions in its schema: those are not trusted either.
    database.execute("PRAGMA trusted_schema = OFF")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5_000_000)
    database.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 20_000)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.set_authorizer(_authorize)
    ends = time.monotonic() + options.timeout_s
    database.set_progress_handler(lambda: time.monotonic() > ends, _STEPS_BETWEEN_LOOKS)
    return database


def _authorize(action: int, _: str | None, name: str | None, *more: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        refused = (name or "").lower() in _REFUSED_FUNCTIONS
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _explained(message: str) -> str:
    if any(sign in message for sign in ("authoriz", "prohibited", "readonly", "one statement")):
        return f"refused: only SELECT is answered ({message})"
    if "interrupted" in message:
        return "refused: the query took too long"
    return message


def _plain(value: Any) -> Any:
    return f"<{len(value):,} bytes>" if isinstance(value, bytes) else value
