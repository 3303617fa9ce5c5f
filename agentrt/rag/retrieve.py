"""Finding passages: dense search in Chroma and BM25, fused by reciprocal rank."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentrt.errors import RetrievalError
from agentrt.rag.embed import default_embedder
from agentrt.rag.index import open_index
from agentrt.rag.load import load_documents
from agentrt.rag.passage import Passage
from agentrt.timing import timed

# The constant of G. Cormack, C. Clarke, S. Büttcher, "Reciprocal Rank Fusion outperforms
# Condorcet and individual Rank Learning Methods", SIGIR 2009.
_RRF_K = 60
_CANDIDATES = 20
_WORD = re.compile(r"\w+")


class Retriever:
    """Searches one indexed corpus; safe for any number of searches at once."""

    def __init__(self, collection: Any, passages: Sequence[Passage]) -> None:
        from rank_bm25 import BM25Okapi

        self._collection = collection
        self._passages = list(passages)
        self._by_id = {passage.id: passage for passage in passages}
        self._bm25 = BM25Okapi([_words(f"{p.heading} {p.text}") for p in passages])

    @property
    def size(self) -> int:
        """How many passages the corpus has."""
        return len(self._passages)

    async def search(self, query: str, *, top_k: int = 4) -> list[Passage]:
        """The passages that fit a query best, best first, with the fused score.

        One ``retrieval`` span with an ``embed`` and a ``query`` part.
        """
        with timed("retrieval", "search", query=query, top_k=top_k) as span:
            found = await asyncio.to_thread(self._search, query, top_k)
            span.set(passages=[passage.id for passage in found])
            return found

    async def read(self, passage_id: str) -> Passage:
        """One passage by its id.

        Raises:
            RetrievalError: there is none; names the nearest.
        """
        if passage_id not in self._by_id:
            close = get_close_matches(passage_id, list(self._by_id), n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise RetrievalError(f"no passage is called {passage_id!r}{hint}")
        return self._by_id[passage_id]

    def _search(self, query: str, top_k: int) -> list[Passage]:
        with timed("embed", "embed"):
            vector = default_embedder().embed([query])[0]
        with timed("query", "query"):
            return self._fuse([self._dense(vector), self._sparse(query)], top_k)

    def _dense(self, vector: list[float]) -> list[int]:
        wanted = min(_CANDIDATES, self.size)
        found = self._collection.query(query_embeddings=[vector], n_results=wanted, include=[])
        return [int(identifier) for identifier in found["ids"][0]]

    def _sparse(self, query: str) -> list[int]:
        scores = self._bm25.get_scores(_words(query))
        best = scores.argsort()[::-1][:_CANDIDATES]
        return [int(index) for index in best if scores[index] > 0]

    def _fuse(self, rankings: list[list[int]], top_k: int) -> list[Passage]:
        fused: dict[int, float] = defaultdict(float)
        for ranking in rankings:
            for rank, index in enumerate(ranking, start=1):
                fused[index] += 1 / (_RRF_K + rank)
        best = sorted(fused, key=lambda index: (-fused[index], index))[:top_k]
        return [self._passages[i].model_copy(update={"score": fused[i]}) for i in best]


def open_corpus(
    source: str | Path, *, on_progress: Callable[[str], None] | None = None
) -> Retriever:
    """Open a corpus for searching; the first time it is indexed, later runs reuse that.

    Args:
        source: ``python-reference``, or a folder of .md, .txt, .rst, .html, .pdf, .csv, .json or
            .jsonl files.
        on_progress: told in a sentence how far indexing is.

    Raises:
        RetrievalError: it can't be read, is empty, or the embedding model is missing.
    """
    collection, passages = open_index(
        source, load_documents(source), on_progress or (lambda _: None)
    )
    default_embedder()
    return Retriever(collection, passages)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
