"""What an index holds, in SQLite: documents, passages, and the words of them for BM25.

A document is being written, then whole, and then live: searches see only live ones, and a whole
update becomes live in one transaction. So a kill leaves the index as it was before, and what was
finished till then is found and used by the next update.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrt.rag.chunk import Chunk
from agentrt.rag.corpus import File, Skipped

_WRITING, _WHOLE, _LIVE = range(3)
# A word in a heading counts twice (docs/retrieval.md).
_BY_WORDS = "bm25(2.0, 1.0)"
_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, settled INTEGER NOT NULL,
    digest BLOB NOT NULL, skipped TEXT, state INTEGER NOT NULL
);
CREATE INDEX documents_by_state ON documents (state, source);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents,
    "start" INTEGER NOT NULL, "end" INTEGER NOT NULL, place TEXT NOT NULL, heading TEXT NOT NULL,
    text TEXT NOT NULL, tokens INTEGER NOT NULL, digest BLOB NOT NULL
);
CREATE INDEX passages_by_document ON passages (document, "start");
CREATE INDEX passages_by_digest ON passages (digest);
CREATE VIRTUAL TABLE words USING fts5 (
    heading, text, content = 'passages', content_rowid = 'id',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO words (rowid, heading, text) VALUES (new.id, new.heading, new.text);
END;
CREATE TRIGGER passage_deleted AFTER DELETE ON passages BEGIN
    INSERT INTO words (words, rowid, heading, text)
    VALUES ('delete', old.id, old.heading, old.text);
END;
CREATE TABLE garbage (id INTEGER PRIMARY KEY);
INSERT INTO about VALUES ('generation', 0);
"""


@dataclass(frozen=True)
class Known:
    """A document as the index has it."""

    id: int
    size: int
    mtime_ns: int
    settled: bool
    digest: bytes
    skipped: str | None


@dataclass(frozen=True)
class Entry:
    """A passage on its way into the index."""

    document: int
    chunk: Chunk
    digest: bytes


@dataclass(frozen=True)
class Stored:
    """A passage as the index has it."""

    id: int
    source: str
    start: int
    end: int
    place: str
    heading: str
    text: str
    tokens: int


class Manifest:
    """One index's tables; safe for several threads and processes."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'about'"):
                for statement in _statements(_SCHEMA):
                    self._db.execute(statement)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # -- about the index ------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """What is noted about the index."""
        return dict(self._rows("SELECT key, value FROM about"))

    def note(self, **values: str | int | float) -> None:
        """Note what is not noted yet: of two who open an index first, one is heard."""
        with self._transaction():
            self._many("INSERT OR IGNORE INTO about VALUES (?, ?)", values.items())

    def generation(self) -> int:
        """A number that grows with each change of what searches see."""
        return int(self._rows("SELECT value FROM about WHERE key = 'generation'")[0][0])

    def counts(self) -> dict[str, int]:
        """Documents, passages and tokens that are live."""
        documents = self._rows(
            "SELECT count(*) FROM documents WHERE state = 2 AND skipped IS NULL"
        )[0][0]
        passages, tokens = self._rows(
            "SELECT count(*), coalesce(sum(tokens), 0) FROM passages JOIN documents "
            "ON documents.id = document WHERE state = 2"
        )[0]
        return {"documents": documents, "passages": passages, "tokens": tokens}

    def kinds(self) -> dict[str, int]:
        """Live documents by kind."""
        return dict(
            self._rows(
                "SELECT kind, count(*) FROM documents WHERE state = 2 AND skipped IS NULL "
                "GROUP BY kind ORDER BY 2 DESC, 1"
            )
        )

    def skipped(self) -> list[Skipped]:
        """Files that were looked into and left out."""
        rows = self._rows(
            "SELECT source, skipped FROM documents WHERE state = 2 AND skipped IS NOT NULL "
            "ORDER BY source"
        )
        return [Skipped(*row) for row in rows]

    # -- updating -------------------------------------------------------------------------------

    def live(self) -> dict[str, Known]:
        """What searches see, by source."""
        rows = self._rows(
            "SELECT source, id, size, mtime_ns, settled, digest, skipped FROM documents "
            "WHERE state = 2"
        )
        return {row[0]: Known(row[1], row[2], row[3], bool(row[4]), *row[5:]) for row in rows}

    def whole(self) -> dict[tuple[str, bytes], int]:
        """Documents that an update finished which was then broken off, by source and content."""
        rows = self._rows("SELECT source, digest, id FROM documents WHERE state = 1")
        return {(source, digest): document for source, digest, document in rows}

    def begin(
        self, file: File, kind: str, digest: bytes, *, settled: bool, skipped: str | None = None
    ) -> int:
        """Enter a document whose passages are to come, or that is skipped."""
        state = _WRITING if skipped is None else _WHOLE
        with self._transaction():
            made = self._db.execute(
                "INSERT INTO documents (source, kind, size, mtime_ns, settled, digest, skipped, "
                "state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (file.source, kind, file.size, file.mtime_ns, settled, digest, skipped, state),
            )
        assert made.lastrowid is not None, "an insert gives a row"
        return made.lastrowid

    def touch(self, document: int, file: File, *, settled: bool) -> None:
        """Note a new size and time of a document whose content is the same."""
        with self._transaction():
            self._db.execute(
                "UPDATE documents SET size = ?, mtime_ns = ?, settled = ? WHERE id = ?",
                (file.size, file.mtime_ns, settled, document),
            )

    def same_text(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Passages, by digest, whose vectors can be used again."""
        found: dict[bytes, int] = {}
        for part in _parts(list(digests)):
            marks = ", ".join("?" * len(part))
            query = f"SELECT digest, id FROM passages WHERE digest IN ({marks})"  # noqa: S608
            found.update(self._rows(query, part))
        return found

    def next_id(self) -> int:
        """The number that the next passage gets; none is ever given twice."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
        return int(rows[0][0]) + 1 if rows else 1

    def add(self, first_id: int, entries: Sequence[Entry], finished: Iterable[int]) -> None:
        """Store passages under the numbers from ``first_id`` on, and which documents are whole."""
        rows = [
            (first_id + n, entry.document, c.start, c.end, c.place, c.heading, c.text, c.tokens,
             entry.digest)
            for n, entry in enumerate(entries)
            for c in (entry.chunk,)
        ]  # fmt: skip
        with self._transaction():
            self._many("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._many(
                "UPDATE documents SET state = 1 WHERE id = ?", [(each,) for each in finished]
            )

    def publish(self, new: Sequence[int], gone: Sequence[int], **about: str | int | float) -> None:
        """In one step: the new documents are live; those that are gone, or were left half, not."""
        with self._transaction():
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY)")
            self._db.execute("DELETE FROM kept")
            self._many("INSERT INTO kept VALUES (?)", [(each,) for each in new])
            self._db.execute("INSERT OR IGNORE INTO kept SELECT id FROM documents WHERE state = 2")
            self._many("DELETE FROM kept WHERE id = ?", [(each,) for each in gone])
            dead = "SELECT id FROM passages WHERE document NOT IN (SELECT id FROM kept)"
            self._db.execute(f"INSERT OR IGNORE INTO garbage {dead}")
            self._db.execute(f"DELETE FROM passages WHERE id IN ({dead})")  # noqa: S608
            self._db.execute("DELETE FROM documents WHERE id NOT IN (SELECT id FROM kept)")
            self._db.execute("UPDATE documents SET state = 2 WHERE state < 2")
            self._many("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())
            self._grow()

    def garbage(self) -> list[int]:
        """Passages that are gone, whose vectors are not yet."""
        return [row[0] for row in self._rows("SELECT id FROM garbage")]

    def forget(self, ids: Sequence[int]) -> None:
        """Their vectors are gone too."""
        with self._transaction():
            self._many("DELETE FROM garbage WHERE id = ?", [(each,) for each in ids])
            self._grow()

    # -- searching ------------------------------------------------------------------------------

    def settled(self) -> bool:
        """Whether every passage is live, as it is unless an update is under way."""
        return not self._rows("SELECT 1 FROM documents WHERE state < 2 LIMIT 1")

    def documents(self, sources: Sequence[str], kinds: Sequence[str]) -> list[int]:
        """Live documents whose source matches one of the globs, and of one of the kinds."""
        clauses, values = ["state = 2"], list[str]()
        for column, test, wanted in (("source", "GLOB", sources), ("kind", "=", kinds)):
            if wanted:
                clauses.append("(" + " OR ".join(f"{column} {test} ?" for _ in wanted) + ")")
                values += wanted
        query = f"SELECT id FROM documents WHERE {' AND '.join(clauses)}"  # noqa: S608
        return [row[0] for row in self._rows(query, values)]

    def match(self, words: Sequence[str], limit: int, among: Sequence[int] | None) -> list[int]:
        """The best passages by BM25 with any of the words, of all documents or of some."""
        query = " OR ".join(f'"{word}"' for word in words)
        if not query:
            return []
        if among is None:
            ranked = (
                "SELECT rowid FROM words WHERE words MATCH ? AND rank MATCH ? ORDER BY rank LIMIT ?"
            )
            return [row[0] for row in self._rows(ranked, (query, _BY_WORDS, limit))]
        with self._lock:
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS among (id INTEGER PRIMARY KEY)")
            self._db.execute("DELETE FROM among")
            self._many("INSERT INTO among VALUES (?)", [(each,) for each in among])
            ranked = (
                "SELECT words.rowid FROM words JOIN passages ON passages.id = words.rowid "
                "WHERE words MATCH ? AND rank MATCH ? AND document IN (SELECT id FROM among) "
                "ORDER BY rank LIMIT ?"
            )
            return [row[0] for row in self._rows(ranked, (query, _BY_WORDS, limit))]

    def passages(self, ids: Sequence[int]) -> dict[int, Stored]:
        """Those of the passages that are live."""
        marks = ", ".join("?" * len(ids))
        return {row.id: row for row in self._stored(f"passages.id IN ({marks})", ids)}

    def passages_of(self, source: str) -> list[Stored]:
        """All passages of a document, in order."""
        return self._stored('source = ? ORDER BY "start"', (source,))

    def sources(self) -> list[str]:
        """The names of all live documents."""
        return [row[0] for row in self._rows("SELECT source FROM documents WHERE state = 2")]

    def _stored(self, which: str, values: Sequence[Any]) -> list[Stored]:
        query = (
            'SELECT passages.id, source, "start", "end", place, heading, text, tokens '  # noqa: S608
            f"FROM passages JOIN documents ON documents.id = document WHERE state = 2 AND {which}"
        )
        return [Stored(*row) for row in self._rows(query, values)]

    # -- inside ---------------------------------------------------------------------------------

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        self._db.executemany(query, rows)

    def _grow(self) -> None:
        self._db.execute("UPDATE about SET value = value + 1 WHERE key = 'generation'")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""


def _parts(values: list[Any], size: int = 500) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
