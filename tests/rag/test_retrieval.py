"""Retrieval on real documents, real embeddings and a real Chroma."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentrt.errors import RetrievalError
from agentrt.rag import check_citations, open_corpus
from agentrt.rag.chunk import chunk
from agentrt.rag.index import index_folder
from agentrt.rag.load import load_documents
from agentrt.timing import Tracer


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


async def test_meaning_and_words_both_find(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    assert retriever.size == 3
    assert (await retriever.search("insects making sweet food", top_k=1))[0].source == "bees.md"
    assert (await retriever.search("molten", top_k=1))[0].source == "volcano.txt"


async def test_a_search_is_timed_in_its_parts(small_corpus: Path) -> None:
    retriever, tracer = open_corpus(small_corpus), Tracer()
    with tracer.span("run", "test"):
        await retriever.search("honey")
    assert [span.kind for span in tracer.spans] == ["embed", "query", "retrieval", "run"]


def test_an_unchanged_corpus_is_not_indexed_again(small_corpus: Path) -> None:
    said: list[str] = []
    open_corpus(small_corpus, on_progress=said.append)
    assert any("indexing" in message for message in said)
    said.clear()
    open_corpus(small_corpus, on_progress=said.append)
    assert said == []


def test_passages_are_cut_out_exactly() -> None:
    documents = {d.source: d.text for d in load_documents("python-reference")}
    passages = chunk(load_documents("python-reference"))
    assert len(passages) > 500
    for passage in passages:
        assert documents[passage.source][passage.start : passage.end] == passage.text
    assert len({passage.id for passage in passages}) == len(passages)


def test_scripts_are_no_text_and_links_do_not_lead_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (inside / "link.txt").symlink_to(outside / "secret.txt")
    (inside / "page.html").write_text("<script>alert()</script><p>shown</p>")
    documents = load_documents(inside)
    assert [(d.source, d.text) for d in documents] == [("page.html", "shown")]


@pytest.mark.parametrize(("name", "content"), [("broken.pdf", b"not a pdf")])
def test_an_unreadable_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RetrievalError, match=name):
        load_documents(tmp_path)


def test_an_empty_or_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RetrievalError, match="no documents with text"):
        open_corpus(tmp_path / "empty")
    with pytest.raises(RetrievalError, match="no such folder"):
        open_corpus(tmp_path / "missing")


async def test_an_unknown_passage_names_the_nearest(small_corpus: Path) -> None:
    retriever = open_corpus(small_corpus)
    with pytest.raises(RetrievalError, match=r"did you mean 'bees\.md@0'"):
        await retriever.read("bees.md@1")


def test_a_kill_leaves_no_half_index(own_cache: Path) -> None:
    code = "from agentrt.rag import open_corpus; open_corpus('python-reference', on_progress=print)"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "AGENTRT_CACHE": str(own_cache)},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("indexing 64 of"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    time.sleep(0.1)
    assert not index_folder(load_documents("python-reference")).exists()
    assert not [
        p for p in (own_cache / "indexes").iterdir() if p.is_dir() and ".tmp-" not in p.name
    ]


def test_what_an_earlier_kill_left_is_swept_up(small_corpus: Path) -> None:
    folder = index_folder(load_documents(small_corpus))
    stale = folder.parent / f"{folder.name}.tmp-left"
    stale.mkdir(parents=True)
    open_corpus(small_corpus)
    assert folder.is_dir()
    assert not stale.exists()


def test_citations_are_numbers_of_passages(small_corpus: Path) -> None:
    passages = chunk(load_documents(small_corpus))
    checked = check_citations("One [1]. Two [2, 9]. Not one: [a] [0].", passages)
    assert checked.cited == ("1", "2")
    assert checked.unknown == ("9", "0")
    assert not checked.ok
    assert check_citations("Fine [1].", passages).ok
    assert not check_citations("None at all.", passages).ok


def test_tables_and_records_keep_the_names_of_their_values(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("city,river\nAlbany,Hudson\nParis,Seine\n")
    (tmp_path / "b.json").write_text('{"canal": {"opened": 1825}}')
    (tmp_path / "c.jsonl").write_text('{"n": 1}\n\n{"n": 2}\n')
    texts = {document.source: document.text for document in load_documents(tmp_path)}
    assert texts["a.csv"] == "city: Albany\nriver: Hudson\n\ncity: Paris\nriver: Seine"
    assert '"opened": 1825' in texts["b.json"]
    assert texts["c.jsonl"].count('"n"') == 2


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(RetrievalError, match=r"b\.json: cannot be read"):
        load_documents(tmp_path)
