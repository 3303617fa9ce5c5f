"""The index of a corpus: Chroma on disk, named by the hash of what it was made from.

It is built beside its final name and moved there when whole, under a lock: a kill leaves no half
index, and two processes build it once. Where the corpus was indexed before, only passages that are
new to it are embedded; those that are gone are not taken over.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from agentrt.rag.catalog import Entry, find, index_root, record
from agentrt.rag.chunk import CHUNK_CHARACTERS, OVERLAP_CHARACTERS, chunk
from agentrt.rag.embed import MODEL, default_embedder
from agentrt.rag.load import Document
from agentrt.rag.passage import Passage

_COLLECTION = "passages"
_FORMAT = 1
_ADD = 1000

Say = Callable[[str], None]


def index_folder(documents: Sequence[Document]) -> Path:
    """Where the index of these very documents lies."""
    digest = hashlib.sha256(f"{_FORMAT} {MODEL} {CHUNK_CHARACTERS} {OVERLAP_CHARACTERS}".encode())
    for document in documents:
        for part in (document.source, document.text):
            encoded = part.encode(errors="replace")
            digest.update(f"{len(encoded)}:".encode() + encoded)
    return index_root() / digest.hexdigest()[:24]


def open_index(
    corpus: str | Path, documents: Sequence[Document], say: Say
) -> tuple[Any, list[Passage]]:
    """The Chroma collection of a corpus and its passages; built where it is missing."""
    from filelock import FileLock

    folder = index_folder(documents)
    folder.parent.mkdir(parents=True, exist_ok=True)
    embedded = 0
    if not folder.is_dir():
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                embedded = _build(folder, chunk(documents), _vectors(find(corpus)), say)
    collection = _client(folder).get_collection(_COLLECTION, embedding_function=None)
    passages = _passages(collection)
    entry = find(corpus)
    if entry is None or entry.index != folder.name:
        record(
            corpus, folder.name, model=MODEL, documents=len(documents),
            passages=len(passages), embedded=embedded,
        )  # fmt: skip
    return collection, passages


def _vectors(entry: Entry | None) -> dict[str, list[float]]:
    """The vectors that a corpus's last index holds, by text."""
    if entry is None or entry.model != MODEL:
        return {}
    collection = _client(entry.folder).get_collection(_COLLECTION, embedding_function=None)
    stored = collection.get(include=["documents", "embeddings"])
    return dict(zip(stored["documents"], stored["embeddings"].tolist(), strict=True))


def _build(
    folder: Path, passages: Sequence[Passage], known: dict[str, list[float]], say: Say
) -> int:
    """Build an index, and give how many passages had to be embedded."""
    # Nobody else builds while the lock is held, so what lies here was left by a kill.
    for stale in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(stale)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    total = len(passages)
    new = list(dict.fromkeys(p.text for p in passages if p.text not in known))
    say(f"indexing {total} passages, {len(new)} of them new: loading the embedding model")
    made = default_embedder().embed(
        new, on_done=lambda done: say(f"indexing {done} of {len(new)} passages")
    )
    by_text = {**known, **dict(zip(new, made, strict=True))}
    vectors = [by_text[passage.text] for passage in passages]
    client = _client(partial)
    collection = client.create_collection(
        _COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )
    for start in range(0, total, _ADD):
        part = passages[start : start + _ADD]
        collection.add(
            ids=[f"{start + offset:08d}" for offset in range(len(part))],
            embeddings=vectors[start : start + _ADD],
            documents=[passage.text for passage in part],
            metadatas=[passage.model_dump(exclude={"text", "score"}) for passage in part],
        )
    client.close()
    _client.cache_clear()
    partial.rename(folder)
    return len(new)


@lru_cache(maxsize=8)
def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False, allow_reset=False)
    return chromadb.PersistentClient(path=str(folder), settings=settings)


def _passages(collection: Any) -> list[Passage]:
    stored = collection.get(include=["documents", "metadatas"])
    rows = sorted(zip(stored["ids"], stored["documents"], stored["metadatas"], strict=True))
    return [Passage(text=text, **metadata) for _, text, metadata in rows]
