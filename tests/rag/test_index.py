"""The index as a corpus changes, and the catalog of indexes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentrt.cli.main import app
from agentrt.rag import catalog, open_corpus


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "bees.md").write_text("# Bees\n\nA bee colony stores honey in wax combs.\n")
    (folder / "lava.txt").write_text("Lava is molten rock that a volcano throws out.\n")
    return folder


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["index", *words])
    return done.exit_code, done.output


def told(*words: str) -> list[dict]:
    code, shown = command(*words, "--json")
    assert code == 0, shown
    return json.loads(shown)


def test_only_what_is_new_is_embedded_again(corpus: Path) -> None:
    [first] = told(str(corpus))
    assert first["embedded"] == first["passages"]
    (corpus / "tides.txt").write_text("The moon pulls at the sea, and makes the tides.\n")
    [second] = told(str(corpus))
    assert second["documents"] == first["documents"] + 1
    assert second["embedded"] == 1


async def test_what_is_gone_is_not_found_any_more(corpus: Path) -> None:
    open_corpus(corpus)
    (corpus / "lava.txt").unlink()
    retriever = open_corpus(corpus)
    found = await retriever.search("molten rock", top_k=5)
    assert {passage.source for passage in found} == {"bees.md"}
    assert catalog.find(corpus).embedded == 0


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


def test_the_list_has_each_corpus_once(corpus: Path) -> None:
    assert told("--list") == []
    told(str(corpus))
    (corpus / "bees.md").write_text("Bees.")
    told(str(corpus))
    [entry] = told("--list")
    assert entry["corpus"] == str(corpus.resolve())
    assert entry["bytes"] > 0
    assert command("--list")[0] == 0


def test_dropping_a_corpus_deletes_its_indexes_earlier_ones_too(
    corpus: Path, own_cache: Path
) -> None:
    told(str(corpus))
    (corpus / "bees.md").write_text("Bees.")
    told(str(corpus))
    told(str(corpus), "--drop")
    assert told("--list") == []
    assert [path for path in (own_cache / "indexes").iterdir() if path.name != "catalog"
            and path.is_dir()] == []  # fmt: skip
    assert command(str(corpus), "--drop")[0] == 2


def test_an_index_that_two_corpora_share_survives_the_drop_of_one(
    corpus: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "twin"
    twin.mkdir()
    for file in corpus.iterdir():
        (twin / file.name).write_text(file.read_text())
    told(str(corpus))
    told(str(twin))
    told(str(corpus), "--drop")
    assert open_corpus(twin).size == 2


def test_a_broken_catalog_is_made_again(corpus: Path, own_cache: Path) -> None:
    open_corpus(corpus)
    for file in (own_cache / "indexes" / "catalog").iterdir():
        file.write_text("{")
    assert told("--list") == []
    assert open_corpus(corpus).size == 2
    assert len(told("--list")) == 1


@pytest.mark.parametrize("words", [(), ("x", "--list"), ("--drop",), ("/no/such/folder",)])
def test_a_wrong_request_is_refused(words: tuple[str, ...]) -> None:
    assert command(*words)[0] in (1, 2)
