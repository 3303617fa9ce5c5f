"""What was said before in a conversation, by the name of its thread; it outlives a run."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from agentrt.bundled import state_root
from agentrt.toolbox import tool

MAX_TEXT = 8000


@tool(family="memory", effects=("read",))
def recall(thread: str, last: int = 3) -> list[dict[str, str]]:
    """The last questions and answers of a conversation, the oldest first."""
    with _turns() as db:
        rows = db.execute(
            "SELECT question, answer FROM turns WHERE thread = ? ORDER BY rowid DESC LIMIT ?",
            (thread, max(0, last)),
        ).fetchall()
    return [{"question": question, "answer": answer} for question, answer in reversed(rows)]


@tool(family="memory", effects=("write",), replay="idempotent", inject=("run_id",))
def remember(thread: str, question: str, answer: str, run_id: str) -> str:
    """Keep a question and its answer for the later runs of this conversation."""
    if max(len(question), len(answer)) > MAX_TEXT:
        raise ValueError(f"a question and an answer have at most {MAX_TEXT:,} characters each")
    # One run is one turn: a step that is run again adds none.
    with _turns() as db, db:
        db.execute("INSERT OR IGNORE INTO turns VALUES (?, ?, ?, ?)",
                   (thread, run_id, question, answer))  # fmt: skip
    return "remembered"


@tool(family="memory", effects=("write",), replay="idempotent")
def forget(thread: str) -> str:
    """Forget a whole conversation."""
    with _turns() as db, db:
        db.execute("DELETE FROM turns WHERE thread = ?", (thread,))
    return "forgotten"


@contextmanager
def _turns() -> Iterator[sqlite3.Connection]:
    file = state_root() / "memory.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(sqlite3.connect(file, timeout=30)) as db:
        file.chmod(0o600)
        db.execute(
            "CREATE TABLE IF NOT EXISTS turns (thread TEXT NOT NULL, run TEXT NOT NULL, "
            "question TEXT NOT NULL, answer TEXT NOT NULL, UNIQUE (thread, run))"
        )
        yield db
