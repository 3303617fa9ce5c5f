"""Retrieval on real documents, real embeddings and a real Chroma."""

import sqlite3
from pathlib import Path

import pytest

from agentrt.errors import RetrievalError
from agentrt.rag import Passage, Search, check_citations, open_corpus
from agentrt.rag.fuse import diversify, fuse
from agentrt.timing import Tracer


async def test_meaning_and_words_both_find(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    assert retriever.size == 3
    assert (await retriever.search("insects making sweet food", top_k=1))[0].source == "bees.md"
    assert (await retriever.search("molten", top_k=1))[0].source == "volcano.txt"


async def test_a_mode_searches_only_its_way(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    by_words = Search(mode="bm25")
    assert await retriever.search("insects making sweet food", how=by_words) == []
    assert [p.source for p in await retriever.search("Volcanoes", how=by_words)] == ["volcano.txt"]
    dense = await retriever.search("insects", top_k=1, how=Search(mode="dense"))
    assert dense[0].source == "bees.md"


async def test_a_query_of_signs_alone_is_no_error(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    assert await retriever.search('"*()" OR -', how=Search(mode="bm25"), top_k=1) == []
    assert await retriever.search("?!", top_k=1)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
async def test_a_filter_leaves_only_what_it_names(corpus: Path, mode) -> None:
    (corpus / "sub").mkdir()
    (corpus / "sub" / "more.md").write_text("# More\n\nHoney and lava.\n")
    retriever = open_corpus(corpus)

    async def sources(**how) -> set[str]:
        found = await retriever.search("honey lava", top_k=9, how=Search(mode=mode, **how))
        return {passage.source for passage in found}

    assert await sources(sources=("sub/*",)) == {"sub/more.md"}
    assert await sources(kinds=(".md",)) == {"bees.md", "sub/more.md"}
    assert await sources(sources=("nothing/*",)) == set()


async def test_a_passage_says_what_opens_it(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    [bees] = await retriever.search("honey", top_k=1)
    assert bees.location == f"{small_corpus / 'bees.md'}:1"
    assert bees.heading == "Bees"
    text = (small_corpus / "bees.md").read_text()
    assert text[bees.start : bees.end] == bees.text


async def test_a_random_cross_encoder_orders_by_its_own_scores(
    small_corpus: Path, random_cross_encoder: Path
) -> None:
    retriever = open_corpus(small_corpus)
    how = Search(rerank=str(random_cross_encoder))
    found = await retriever.search("honey", top_k=3, how=how)
    assert len(found) == 3
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)


async def test_a_reranker_that_is_not_there_is_named(small_corpus: Path, tmp_path: Path) -> None:
    retriever = open_corpus(small_corpus)
    with pytest.raises(RetrievalError, match="reranker"):
        await retriever.search("honey", how=Search(rerank=str(tmp_path)))


async def test_mmr_prefers_what_differs(corpus: Path) -> None:
    for n in range(3):
        (corpus / f"copy{n}.md").write_text(f"# Bees\n\nA bee colony stores honey in combs {n}.\n")
    retriever = open_corpus(corpus)
    plain = await retriever.search("bee honey lava", top_k=2, how=Search(mode="dense"))
    mixed = await retriever.search("bee honey lava", top_k=2, how=Search(mode="dense", mmr=0.1))
    assert "lava.txt" not in {p.source for p in plain}
    assert "lava.txt" in {p.source for p in mixed}


def test_fusion_adds_reciprocal_ranks() -> None:
    assert fuse([[1, 2], [2, 3]]) == pytest.approx({2: 1 / 4 + 1 / 5, 1: 1 / 4, 3: 1 / 5})
    assert list(fuse([[1, 2], [2, 3]])) == [2, 1, 3]
    vectors = {1: [1.0, 0.0], 2: [1.0, 0.0], 3: [0.0, 1.0]}
    assert diversify({1: 0.9, 2: 0.8, 3: 0.5}, vectors, 2, 0.5) == [1, 3]


def test_scores_below_zero_can_be_diversified_too() -> None:
    vectors = {1: [1.0, 0.0], 2: [0.8, 0.6], 3: [0.0, 1.0]}
    assert diversify({1: -1.0, 2: -2.0, 3: -9.0}, vectors, 3, 1.0) == [1, 2, 3]
    assert diversify({1: -1.0, 2: -2.0, 3: -9.0}, vectors, 2, 0.1) == [1, 3]


async def test_a_word_in_a_heading_counts_more(corpus: Path) -> None:
    (corpus / "a.md").write_text("# Wax\n\nWhat candles are made of is told in this short text.\n")
    (corpus / "b.md").write_text("# Candles\n\nWhat wax is made of is told in this short text.\n")
    by_words = Search(mode="bm25", kinds=(".md",))
    retriever = open_corpus(corpus)
    found = [p.source for p in await retriever.search("candles", how=by_words)]
    assert found == ["b.md", "a.md"]


async def test_a_closed_retriever_lets_go_of_its_files(small_corpus: Path) -> None:
    retriever, other = open_corpus(small_corpus), open_corpus(small_corpus)
    retriever.close()
    with pytest.raises(sqlite3.ProgrammingError):
        await retriever.search("honey", how=Search(mode="bm25"))
    assert (await other.search("honey", top_k=1))[0].source == "bees.md"


async def test_a_search_is_timed_in_its_parts(small_corpus: Path) -> None:
    retriever, tracer = open_corpus(small_corpus), Tracer()
    with tracer.span("run", "test"):
        await retriever.search("honey")
    kinds = [span.kind for span in tracer.spans]
    assert kinds == ["embed", "query", "query", "query", "retrieval", "run"]


def test_an_unchanged_corpus_is_not_indexed_again(small_corpus: Path) -> None:
    said: list[str] = []
    open_corpus(small_corpus, on_step=lambda step: said.append(str(step)))
    assert said[-1] == "indexing: 3 passages, 100%"
    said.clear()
    open_corpus(small_corpus, on_step=lambda step: said.append(str(step)))
    assert said == []


async def test_an_unknown_passage_names_the_nearest(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    assert (await retriever.read("bees.md@0")).heading == "Bees"
    with pytest.raises(RetrievalError, match=r"did you mean 'bees\.md@0'"):
        await retriever.read("bees.md@1")


async def test_a_document_is_read_whole_as_it_was_indexed(
    small_corpus: Path, tmp_path: Path
) -> None:
    retriever = open_corpus(small_corpus)
    assert await retriever.documents() == ["bees.md", "page.html", "volcano.txt"]
    assert await retriever.text("bees.md") == (small_corpus / "bees.md").read_text().strip()
    with pytest.raises(
        RetrievalError, match=r"no document is called 'bee\.md' \(did you mean 'bees"
    ):
        await retriever.text("bee.md")
    long = "\n\n".join(f"Paragraph {n} tells of {n} bees in a comb." for n in range(400))
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "long.txt").write_text(long)
    assert (await open_corpus(tmp_path / "long").text("long.txt")).split() == long.split()


def test_citations_are_numbers_of_passages() -> None:
    passages = [
        Passage(id=str(n), text="", source="", heading="", start=0, end=0) for n in range(3)
    ]
    checked = check_citations("One [1]. Two [2, 9]. Not one: [a] [0].", passages)
    assert checked.cited == ("1", "2")
    assert checked.unknown == ("9", "0")
    assert not checked.ok
    assert check_citations("Fine [1].", passages).ok
    assert not check_citations("None at all.", passages).ok
