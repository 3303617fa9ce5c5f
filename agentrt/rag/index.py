"""The index of a corpus: Chroma on disk, named by the hash of what it was made from.

It is built beside its final name and moved there when whole, under a lock: a kill leaves no half
index, and two processes build it once.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from agentrt.bundled import cache_root
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
    return cache_root() / "indexes" / digest.hexdigest()[:24]


def open_index(documents: Sequence[Document], say: Say) -> tuple[Any, list[Passage]]:
    """The Chroma collection of these documents and their passages; built where it is missing."""
    from filelock import FileLock

    folder = index_folder(documents)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                _build(folder, chunk(documents), say)
    collection = _client(folder).get_collection(_COLLECTION, embedding_function=None)
    return collection, _passages(collection)


def _build(folder: Path, passages: Sequence[Passage], say: Say) -> None:
    # Nobody else builds while the lock is held, so what lies here was left by a kill.
    for stale in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(stale)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    total = len(passages)
    say(f"indexing {total} passages: loading the embedding model")
    vectors = default_embedder().embed(
        [passage.text for passage in passages],
        on_done=lambda done: say(f"indexing {done} of {total} passages"),
    )
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
