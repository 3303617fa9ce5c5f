"""Finding passages: dense search in Chroma and BM25 in SQLite, fused by reciprocal rank."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from agentrt.errors import RetrievalError
from agentrt.rag.corpus import Corpus, corpus_at
from agentrt.rag.embed import chosen_model, embedder
from agentrt.rag.fuse import diversify, fuse
from agentrt.rag.index import Index, open_index
from agentrt.rag.manifest import Stored
from agentrt.rag.passage import Passage
from agentrt.rag.rerank import reranker
from agentrt.rag.update import OnStep, Update, update
from agentrt.timing import timed

_CANDIDATES = 50
_RERANKED = 30
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Search:
    """How to search.

    Args:
        mode: by meaning, by words, or both, fused.
        rerank: whether a cross-encoder orders the best again; its name or folder, True for the
            one that AGENTRT_RERANKER names.
        sources: globs, one of which a passage's document must match; ``*`` crosses folders.
        kinds: suffixes such as ``.md``, one of which the document must have.
        mmr: how much being good counts against being unlike those before, from 0 to 1.
    """

    mode: Literal["hybrid", "dense", "bm25"] = "hybrid"
    rerank: bool | str = False
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    mmr: float | None = None


class Retriever:
    """Searches one indexed corpus; safe for any number of searches at once."""

    def __init__(self, corpus: Corpus, index: Index) -> None:
        self._corpus, self._index = corpus, index
        self._manifest = index.manifest
        # BM25 runs beside the embedding of the query.
        self._beside = ThreadPoolExecutor(4, thread_name_prefix="agentrt-bm25")

    @property
    def size(self) -> int:
        """How many passages the corpus has."""
        return self._manifest.counts()["passages"]

    async def search(self, query: str, *, top_k: int = 4, how: Search = Search()) -> list[Passage]:
        """The passages that fit a query best, best first, with their scores.

        One ``retrieval`` span with an ``embed`` and a ``query`` part, and a ``rerank`` part where
        that is asked for.

        Raises:
            RetrievalError: the reranker can't be loaded.
        """
        with timed("retrieval", "search", query=query, top_k=top_k, mode=how.mode) as span:
            found = await asyncio.to_thread(self._search, query, top_k, how)
            span.set(passages=[passage.id for passage in found])
            return found

    def close(self) -> None:
        """Let go of the tables and of the threads; searches under way are waited for."""
        self._beside.shutdown()
        self._manifest.close()

    async def documents(self) -> list[str]:
        """The sources of all documents, sorted."""
        return sorted(await asyncio.to_thread(self._manifest.sources))

    async def text(self, source: str) -> str:
        """A document as it was indexed: its passages in order, where they overlap once.

        Raises:
            RetrievalError: there is none; names the nearest.
        """
        passages = await asyncio.to_thread(self._manifest.passages_of, source)
        if not passages:
            raise _missing("document", source, await self.documents())
        parts, end = list[str](), 0
        for passage in passages:
            if passage.end > end:
                apart = "" if passage.start <= end else "\n"
                parts += [apart, passage.text[max(0, end - passage.start) :]]
                end = passage.end
        return "".join(parts).strip()

    async def read(self, passage_id: str) -> Passage:
        """One passage by its id.

        Raises:
            RetrievalError: there is none; names the nearest.
        """
        return await asyncio.to_thread(self._read, passage_id)

    def _read(self, passage_id: str) -> Passage:
        source = passage_id.rpartition("@")[0]
        near = [self._passage(stored) for stored in self._manifest.passages_of(source)]
        for passage in near:
            if passage.id == passage_id:
                return passage
        known = [passage.id for passage in near] or self._manifest.sources()
        raise _missing("passage", passage_id, known)

    def _search(self, query: str, top_k: int, how: Search) -> list[Passage]:
        among = None
        if how.sources or how.kinds or not self._manifest.settled():
            among = self._manifest.documents(how.sources, how.kinds)
            if not among:
                return []
        count = max(_CANDIDATES, top_k)
        rankings = self._rankings(query, count, among, how)
        with timed("query", "fuse"):
            scores = fuse(rankings)
            stored = self._manifest.passages(list(scores)[: max(count, top_k)])
            scores = {number: score for number, score in scores.items() if number in stored}
        if how.rerank:
            scores = self._reranked(query, scores, stored, how.rerank)
        with timed("query", "choose"):
            best = self._best(scores, top_k, how.mmr)
            return [self._passage(stored[number], scores[number]) for number in best]

    def _rankings(
        self, query: str, count: int, among: Sequence[int] | None, how: Search
    ) -> list[list[int]]:
        words = list(dict.fromkeys(_WORD.findall(query.lower())))
        if how.mode == "bm25":
            with timed("query", "bm25"):
                return [self._manifest.match(words, count, among)]
        by_words = None
        if how.mode == "hybrid":
            by_words = self._beside.submit(self._manifest.match, words, count, among)
        with timed("embed", "embed"):
            vector = embedder(self._index.model).embed_query(query)
        with timed("query", "query"):
            rankings = [self._index.fresh_vectors().nearest(vector, count, among)]
            if by_words is not None:
                rankings.append(by_words.result())
            return rankings

    def _reranked(
        self, query: str, scores: Mapping[int, float], stored: Mapping[int, Stored],
        rerank: bool | str,
    ) -> dict[int, float]:  # fmt: skip
        with timed("query", "rerank"):
            best = list(scores)[:_RERANKED]
            texts = [f"{stored[number].heading}\n{stored[number].text}" for number in best]
            model = reranker(None if rerank is True else str(rerank))
            found = zip(best, model.score(query, texts), strict=True)
            return dict(sorted(found, key=lambda pair: -pair[1]))

    def _best(self, scores: Mapping[int, float], top_k: int, mmr: float | None) -> list[int]:
        if mmr is None:
            return list(scores)[:top_k]
        vectors = self._index.fresh_vectors().of(list(scores))
        return diversify(scores, vectors, top_k, mmr)

    def _passage(self, stored: Stored, score: float = 0.0) -> Passage:
        return Passage(
            id=f"{stored.source}@{stored.start}",
            text=stored.text,
            source=stored.source,
            heading=stored.heading,
            start=stored.start,
            end=stored.end,
            tokens=stored.tokens,
            location=self._corpus.locate(stored.source, stored.place),
            score=score,
        )


def _missing(what: str, name: str, known: Sequence[str]) -> RetrievalError:
    close = get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return RetrievalError(f"no {what} is called {name!r}{hint}")


def open_corpus(
    source: str | Path, *, model: str | None = None, on_step: OnStep = lambda _: None
) -> Retriever:
    """Open a corpus for searching; what changed since the last time is indexed first.

    Args:
        source: ``python-reference``, a folder of documents or a git repository.
        model: the embedding model, by name or folder; else AGENTRT_EMBEDDING_MODEL's.
        on_step: told how far indexing is.

    Raises:
        RetrievalError: it can't be read, is empty, or the embedding model is missing.
    """
    corpus = corpus_at(source)
    index, _ = index_corpus(corpus, model=model, on_step=on_step)
    # Loaded now, so that the first search does not wait for them.
    embedder(index.model)
    index.fresh_vectors()
    return Retriever(corpus, index)


def index_corpus(
    corpus: Corpus, *, model: str | None = None, on_step: OnStep = lambda _: None
) -> tuple[Index, Update]:
    """Bring the index of a corpus up to date.

    Raises:
        RetrievalError: it can't be read, is empty, or the embedding model is missing.
    """
    index = open_index(corpus, chosen_model(model))
    return index, update(index, corpus, on_step)
