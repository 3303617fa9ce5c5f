"""Bringing an index up to date: only what changed is read, and only what is new is embedded."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath

from agentrt.errors import RetrievalError
from agentrt.rag.chunk import Chunk, Chunker
from agentrt.rag.corpus import Corpus, File, Skipped
from agentrt.rag.embed import Embedder, embedder
from agentrt.rag.index import Index
from agentrt.rag.load import Document, Unreadable, load
from agentrt.rag.manifest import Entry, Known

# Passages that are embedded and stored together: what a kill loses is less than that.
BATCH = 512
# A file that was written so shortly before it was read may change again within its time's grain.
_GRAIN_NS = 2_000_000_000


@dataclass(frozen=True)
class Step:
    """How far an update is."""

    passages: int
    done_bytes: int
    total_bytes: int

    def __str__(self) -> str:
        share = self.done_bytes / max(self.total_bytes, 1)
        return f"indexing: {self.passages} passages, {share:.0%}"


OnStep = Callable[[Step], None]


@dataclass
class Update:
    """What an update did."""

    read: int = 0
    removed: int = 0
    passages: int = 0
    embedded: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Changes:
    """What to look into, what is gone, and what is left out without a look."""

    files: list[File]
    gone: list[Known]
    skipped: list[Skipped]


def update(index: Index, corpus: Corpus, on_step: OnStep = lambda _: None) -> Update:
    """Bring an index up to date; two processes that want to take turns.

    Raises:
        RetrievalError: the corpus has no documents, or the embedding model is missing.
    """
    from filelock import FileLock

    started = time.monotonic()
    changes = _changes(index, corpus)
    done = Update(skipped=changes.skipped)
    if changes.files or changes.gone or not index.manifest.settled():
        with FileLock(f"{index.folder}.lock"):
            # Another process may have done it meanwhile.
            changes = _changes(index, corpus)
            _Updating(index, corpus, done, on_step).carry_out(changes)
    done.skipped = changes.skipped + index.manifest.skipped()
    done.seconds = time.monotonic() - started
    if not index.manifest.counts()["documents"]:
        why = "".join(f"\n  {each.source}: {each.reason}" for each in done.skipped[:5])
        raise RetrievalError(f"{corpus.name}: no documents with text in it{why}")
    return done


def _changes(index: Index, corpus: Corpus) -> _Changes:
    known, scan = index.manifest.live(), corpus.scan()
    there = {file.source for file in scan.files}
    return _Changes(
        [file for file in scan.files if not _unchanged(file, known.get(file.source))],
        [entry for source, entry in known.items() if source not in there],
        scan.skipped,
    )


def _unchanged(file: File, known: Known | None) -> bool:
    return (
        known is not None
        and known.settled
        and (known.size, known.mtime_ns) == (file.size, file.mtime_ns)
    )


class _Updating:
    """One update under way."""

    def __init__(self, index: Index, corpus: Corpus, done: Update, on_step: OnStep) -> None:
        self._index, self._corpus, self._done, self._on_step = index, corpus, done, on_step
        self._manifest = index.manifest
        self._known, self._whole = self._manifest.live(), self._manifest.whole()
        self._chunker: Chunker | None = None
        self._waiting: list[Entry] = []
        self._finished: list[int] = []
        self._new: list[int] = []
        self._gone: list[int] = []
        self._total_bytes = self._done_bytes = 0

    def carry_out(self, changes: _Changes) -> None:
        """Read, cut, embed and store, and then let searches see it."""
        self._total_bytes = sum(file.size for file in changes.files)
        for file in changes.files:
            self._take(file)
            self._done_bytes += file.size
            self._store_full_batches()
        self._store(len(self._waiting))
        self._gone += [entry.id for entry in changes.gone]
        if self._new or self._gone or not self._manifest.settled():
            self._publish(len(changes.gone))

    def _take(self, file: File) -> None:
        known = self._known.get(file.source)
        settled = file.mtime_ns < time.time_ns() - _GRAIN_NS
        try:
            content = self._corpus.read(file.source)
        except OSError as error:
            self._replace(known, self._skip(file, b"", str(error.strerror or error), settled=False))
            return
        digest = hashlib.sha256(content).digest()
        if known is not None and known.digest == digest:
            self._manifest.touch(known.id, file, settled=settled)
            return
        self._done.read += 1
        finished = self._whole.get((file.source, digest))
        if finished is not None:
            self._replace(known, finished)
            return
        try:
            document = load(file.source, content)
        except Unreadable as error:
            self._replace(known, self._skip(file, digest, str(error), settled=settled))
            return
        kind = PurePosixPath(file.source).suffix.lower()
        number = self._manifest.begin(file, kind, digest, settled=settled)
        for chunk in self._chunks(document):
            self._waiting.append(Entry(number, chunk, _digest(chunk)))
            self._store_full_batches()
        self._finished.append(number)
        self._replace(known, number)

    def _skip(self, file: File, digest: bytes, reason: str, *, settled: bool) -> int:
        kind = PurePosixPath(file.source).suffix.lower()
        return self._manifest.begin(file, kind, digest, settled=settled, skipped=reason)

    def _replace(self, known: Known | None, number: int) -> None:
        self._new.append(number)
        if known is not None:
            self._gone.append(known.id)

    def _chunks(self, document: Document) -> Iterator[Chunk]:
        if self._chunker is None:
            model = self._embedder()
            self._chunker = Chunker(model.tokenizer, model.max_tokens)
        return self._chunker.chunk(document)

    def _embedder(self) -> Embedder:
        return embedder(self._index.model)

    def _store_full_batches(self) -> None:
        while len(self._waiting) >= BATCH:
            self._store(BATCH)

    def _store(self, count: int) -> None:
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        # A document is whole when none of its passages waits any more.
        waiting = {entry.document for entry in self._waiting}
        finished = [number for number in self._finished if number not in waiting]
        self._finished = [number for number in self._finished if number in waiting]
        first = self._manifest.next_id()
        if batch:
            vectors = self._index.fresh_vectors()
            ids = range(first, first + len(batch))
            vectors.add(ids, self._vectors(batch), [entry.document for entry in batch])
        self._manifest.add(first, batch, finished)
        self._done.passages += len(batch)
        self._tell(0)

    def _vectors(self, batch: list[Entry]) -> list[list[float]]:
        """The vector of each passage: taken over where the index has its text, else made."""
        same = self._manifest.same_text({entry.digest for entry in batch})
        held = self._index.fresh_vectors().of(sorted(set(same.values()))) if same else {}
        known = {digest: held[number] for digest, number in same.items() if number in held}
        new = {e.digest: e.chunk.embedded for e in batch if e.digest not in known}
        if new:
            made = self._embedder().embed(list(new.values()), on_done=self._tell)
            known.update(zip(new, made, strict=True))
        self._done.embedded += len(new)
        return [known[entry.digest] for entry in batch]

    def _tell(self, under_way: int) -> None:
        passages = self._done.passages + under_way
        self._on_step(Step(passages, self._done_bytes, self._total_bytes))

    def _publish(self, removed: int) -> None:
        self._done.removed = removed
        self._manifest.publish(
            self._new,
            self._gone,
            embedded=self._done.embedded,
            indexed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        garbage = self._manifest.garbage()
        if garbage:
            self._index.fresh_vectors().delete(garbage)
            self._manifest.forget(garbage)


def _digest(chunk: Chunk) -> bytes:
    return hashlib.sha256(chunk.embedded.encode(errors="replace")).digest()[:16]
