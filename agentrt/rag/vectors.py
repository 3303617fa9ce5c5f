"""The vectors of an index: a Chroma collection, in a folder of its own or on a Chroma server."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from agentrt.errors import RetrievalError

_ADD = 1000


class Vectors:
    """One collection. Its calls take turns, so that it can be opened anew between them.

    Chroma's client in a folder does not see what another process has written since it was opened.
    """

    def __init__(self, folder: Path, url: str | None, name: str) -> None:
        self._folder, self._url, self._name = folder, url, name
        self._lock = threading.RLock()
        self._generation = -1
        self._client: Any = None
        self._collection: Any = None

    def at(self, generation: int) -> Vectors:
        """Opened anew where the index has changed since it was opened."""
        with self._lock:
            if self._client is None or (self._url is None and generation != self._generation):
                self._open()
                self._generation = generation
        return self

    def count(self) -> int:
        """How many vectors there are."""
        with self._lock:
            return int(self._collection.count())

    def add(
        self, ids: Sequence[int], vectors: Sequence[list[float]], documents: Sequence[int]
    ) -> None:
        """Store vectors with the numbers of their passages and of their documents."""
        with self._lock:
            # What a killed update wrote under the same numbers is written over.
            self._collection.upsert(
                ids=[str(each) for each in ids],
                embeddings=vectors,
                metadatas=[{"document": each} for each in documents],
            )

    def nearest(
        self, vector: list[float], count: int, among: Sequence[int] | None = None
    ) -> list[int]:
        """The passages with the nearest vectors, of all documents or of some."""
        where = None if among is None else {"document": {"$in": list(among)}}
        with self._lock:
            found = self._collection.query(
                query_embeddings=[vector], n_results=count, where=where, include=[]
            )
        return [int(each) for each in found["ids"][0]]

    def of(self, ids: Sequence[int]) -> dict[int, list[float]]:
        """The vectors of passages."""
        found: dict[int, list[float]] = {}
        with self._lock:
            for start in range(0, len(ids), _ADD):
                wanted = [str(each) for each in ids[start : start + _ADD]]
                stored = self._collection.get(ids=wanted, include=["embeddings"])
                for each, vector in zip(stored["ids"], stored["embeddings"], strict=True):
                    found[int(each)] = vector.tolist()
        return found

    def delete(self, ids: Sequence[int]) -> None:
        """Delete vectors."""
        with self._lock:
            for start in range(0, len(ids), _ADD):
                self._collection.delete(ids=[str(each) for each in ids[start : start + _ADD]])

    def drop(self) -> None:
        """Delete the collection."""
        with self._lock:
            self._client.delete_collection(self._name)
            self.close()

    def close(self) -> None:
        """Let go of the client; the next use opens it again."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = self._collection = None

    def _open(self) -> None:
        self.close()
        try:
            self._client = _client(self._folder, self._url)
            self._collection = self._client.get_or_create_collection(
                self._name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )
        except Exception as error:
            place = self._url or self._folder
            raise RetrievalError(f"Chroma at {place} cannot be opened: {error}") from error


_open_ones: WeakValueDictionary[tuple[Path, str], Vectors] = WeakValueDictionary()
_opening = threading.Lock()


def vectors_at(folder: Path, url: str | None, name: str) -> Vectors:
    """The collection of that name; one object a process, since Chroma shares its clients."""
    with _opening:
        found = _open_ones.get((folder, name))
        if found is None:
            found = _open_ones[folder, name] = Vectors(folder, url, name)
        return found


def _client(folder: Path, url: str | None) -> Any:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False, allow_reset=False)
    if url is None:
        return chromadb.PersistentClient(path=str(folder), settings=settings)
    server = urlsplit(url)
    if server.scheme not in ("http", "https") or not server.hostname:
        raise RetrievalError(f"{url!r} is no address of a Chroma server, such as http://host:8000")
    return chromadb.HttpClient(
        host=server.hostname,
        port=server.port or (443 if server.scheme == "https" else 80),
        ssl=server.scheme == "https",
        settings=settings,
    )
