"""The index as a corpus changes, is broken off, and is shared."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from agentrt.cli.main import app
from agentrt.errors import RetrievalError
from agentrt.rag import Search, open_corpus
from agentrt.rag.corpus import corpus_at
from agentrt.rag.index import indexes
from agentrt.rag.retrieve import index_corpus


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["index", *words])
    return done.exit_code, done.output


def told(*words: str) -> list[dict]:
    code, shown = command(*words, "--json")
    assert code == 0, shown
    return json.loads(shown)


def test_only_what_is_new_is_embedded_again(corpus: Path) -> None:
    [first] = told(str(corpus))
    assert (first["read"], first["embedded"], first["documents"]) == (2, 2, 2)
    (corpus / "tides.txt").write_text("The moon pulls at the sea, and makes the tides.\n")
    [second] = told(str(corpus))
    assert (second["read"], second["embedded"], second["documents"]) == (1, 1, 3)


def test_an_unchanged_corpus_is_not_even_read(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = time.time() - 60
    for file in corpus.iterdir():
        os.utime(file, (long_ago, long_ago))
    told(str(corpus))
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    [again] = told(str(corpus))
    assert (again["read"], again["embedded"], again["documents"]) == (0, 0, 2)


def test_a_change_right_after_indexing_is_seen_though_size_and_time_are_the_same(
    corpus: Path,
) -> None:
    told(str(corpus))
    file = corpus / "lava.txt"
    before = file.stat()
    file.write_text(file.read_text().replace("Lava", "Mead"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told(str(corpus))[0]["read"] == 1


def test_a_file_that_moved_is_not_embedded_again(corpus: Path) -> None:
    (corpus / "lava.txt").write_text("# Lava\n\nLava is molten rock.\n")
    (corpus / "lava.txt").rename(corpus / "lava.md")
    told(str(corpus))
    (corpus / "lava.md").rename(corpus / "rock.md")
    [row] = told(str(corpus))
    assert (row["read"], row["embedded"], row["removed"]) == (1, 0, 1)


async def test_what_is_gone_is_not_found_any_more(corpus: Path) -> None:
    old = open_corpus(corpus)
    (corpus / "lava.txt").unlink()
    new = open_corpus(corpus)
    for retriever in (old, new):
        found = await retriever.search("molten rock", top_k=5)
        assert {passage.source for passage in found} == {"bees.md"}


async def test_vectors_that_were_taken_over_find_as_well_as_new_ones(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_corpus(corpus)
    (corpus / "tides.txt").write_text("The moon pulls at the sea, and makes the tides.\n")
    queries = ("insects making sweet food", "a mountain that spits fire", "high water")
    taken_over = [await open_corpus(corpus).search(query, top_k=3) for query in queries]
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "another"))
    anew = [await open_corpus(corpus).search(query, top_k=3) for query in queries]
    assert taken_over == anew


def test_the_list_the_stats_and_the_drop_of_an_index(corpus: Path, own_cache: Path) -> None:
    (corpus / "broken.pdf").write_bytes(b"no")
    assert told("--list") == []
    told(str(corpus))
    [entry] = told("--list")
    assert entry["corpus"] == str(corpus.resolve())
    assert entry["bytes"] > 0
    [stats] = told(str(corpus), "--stats")
    assert stats["kinds"] == {".md": 1, ".txt": 1}
    assert command(str(corpus), "--stats")[0] == command("--list")[0] == 0
    assert "broken.pdf" in command(str(corpus), "--stats")[1]
    told(str(corpus), "--drop")
    assert told("--list") == []
    assert [path for path in (own_cache / "indexes").iterdir() if path.is_dir()] == []
    assert command(str(corpus), "--drop")[0] == 2


def test_what_was_left_out_is_shown_with_its_reason(corpus: Path) -> None:
    (corpus / "broken.pdf").write_bytes(b"not a pdf")
    (corpus / "picture.png").write_bytes(b"png")
    code, shown = command(str(corpus))
    assert code == 0
    assert "broken.pdf: broken" in shown
    assert "*.png: not a kind that is read" in shown


@pytest.mark.parametrize(
    "words", [(), ("x", "--list"), ("--drop",), ("--stats",), ("x", "--drop", "--stats")]
)
def test_a_wrong_request_is_refused(words: tuple[str, ...]) -> None:
    assert command(*words)[0] == 2


def test_a_corpus_without_text_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(b"not a pdf")
    with pytest.raises(RetrievalError, match=r"no documents with text(.|\n)*a\.pdf: broken"):
        open_corpus(tmp_path / "docs")


def test_an_embedding_model_that_is_not_there_is_named(corpus: Path) -> None:
    (corpus / "empty").mkdir()
    code, shown = command(str(corpus), "--model", str(corpus / "empty"))
    assert code == 1
    assert "cannot be loaded" in shown


@pytest.fixture
def large(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    folder.mkdir()
    for n in range(20):
        sections = "".join(
            f"## Section {s}\n\nWord{n}x{s} " + "and more of it " * 8 + "\n\n" for s in range(100)
        )
        (folder / f"{n:02d}.md").write_text(f"# File {n}\n\n{sections}")
    return folder


INDEX = (
    "import sys; from agentrt.rag.retrieve import index_corpus; from agentrt.rag.corpus import "
    "corpus_at; d = index_corpus(corpus_at(sys.argv[1]), model=sys.argv[2], "
    "on_step=lambda s: print(s.passages, flush=True))[1]; print('embedded', d.embedded)"
)


def indexing(folder: Path, model: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", INDEX, str(folder), str(model)],
        stdout=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip


async def test_what_a_kill_left_finished_is_kept_and_nothing_half_is_seen(
    large: Path, random_embedding_model: Path
) -> None:
    killed = indexing(large, random_embedding_model)
    assert killed.stdout is not None
    for line in killed.stdout:
        if int(line) >= 1200:
            break
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    [half] = indexes()
    assert half.manifest.counts()["documents"] == 0, "a killed update is not seen"
    half.close()
    index, done = index_corpus(corpus_at(large), model=str(random_embedding_model))
    counts = index.manifest.counts()
    assert counts["documents"] == 20
    assert done.embedded <= counts["passages"] - 1000, "finished batches are kept"
    assert index.fresh_vectors().count() == counts["passages"]
    retriever = open_corpus(large, model=str(random_embedding_model))
    [best] = await retriever.search("Word19x99", top_k=1, how=Search(mode="bm25"))
    assert best.source == "19.md"


def test_two_processes_index_once(large: Path, random_embedding_model: Path) -> None:
    both = [indexing(large, random_embedding_model) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    embedded = sorted(int(output.split("embedded ")[1]) for output in outputs)
    [index] = indexes()
    passages = index.manifest.counts()["passages"]
    assert embedded == [0, passages]
    assert index.fresh_vectors().count() == passages


async def test_an_open_retriever_sees_what_another_process_indexed(
    corpus: Path, random_embedding_model: Path
) -> None:
    retriever = open_corpus(corpus, model=str(random_embedding_model))
    await retriever.search("honey")
    (corpus / "tides.md").write_text("# Tides\n\nThe moon pulls at the sea.\n")
    indexing(corpus, random_embedding_model).communicate()
    for mode in ("dense", "bm25"):
        found = await retriever.search("the moon pulls", how=Search(mode=mode))
        assert "tides.md" in {passage.source for passage in found}, mode


def test_vectors_can_lie_on_a_chroma_server(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    server = subprocess.Popen(
        [chroma, "run", "--path", tmp_path / "served", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        monkeypatch.setenv("AGENTRT_CHROMA_URL", f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        indexed = agentrt("index", str(corpus), "--json")
        assert json.loads(indexed.stdout)[0]["chroma"] == f"http://127.0.0.1:{port}"
        assert agentrt("index", str(corpus), "--drop").returncode == 0
    finally:
        server.terminate()
        server.wait()
    assert "cannot be opened" in agentrt("index", str(corpus)).stderr


def agentrt(*words: str) -> subprocess.CompletedProcess[str]:
    # In a process of its own: Chroma's client leaves its sockets open.
    return subprocess.run(
        [sys.executable, "-m", "agentrt", *words], capture_output=True, text=True, check=False
    )
