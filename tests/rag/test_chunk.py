"""Passages follow the structure of their document, and are cut out of it exactly."""

from itertools import pairwise
from pathlib import Path

import pytest

from agentrt.rag.chunk import Chunk, Chunker
from agentrt.rag.corpus import corpus_at
from agentrt.rag.embed import DEFAULT_MODEL, embedder
from agentrt.rag.load import load

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chunker() -> Chunker:
    model = embedder(DEFAULT_MODEL)
    return Chunker(model.tokenizer, model.max_tokens)


def cut(chunker: Chunker, name: str, text: str) -> list[Chunk]:
    return list(chunker.chunk(load(name, text.encode())))


@pytest.mark.parametrize("source", ["python-reference", ROOT / "agentrt", ROOT / "docs"])
def test_every_passage_is_its_range_and_fits_the_model(source: str | Path, chunker) -> None:
    corpus = corpus_at(source)
    tokens = chunker._tokenizer
    for file in corpus.scan().files[:60]:
        document = load(file.source, corpus.read(file.source))
        ranges = set()
        for chunk in chunker.chunk(document):
            assert document.text[chunk.start : chunk.end] == chunk.text == chunk.text.strip() != ""
            assert chunk.tokens <= chunker.limit
            ranges.add((chunk.start, chunk.end))
            if len(ranges) < 3:
                counted = tokens(chunk.text, add_special_tokens=False, verbose=False)["input_ids"]
                assert len(counted) == pytest.approx(chunk.tokens, abs=2)
        at = 0
        for start, end in sorted(ranges):
            assert document.text[at:start].strip() == "", "nothing is left out"
            at = max(at, end)
        assert document.text[at:].strip() == ""


def test_headings_are_a_path_and_code_is_kept_whole(chunker: Chunker) -> None:
    code = "```python\n# no heading\n\n\nx = 1\n```"
    said = "Install it. " * 60
    text = f"# Guide\n\n{said}\n\n## Install\n\n{said}\n\n{code}\n\n### On Linux\n\nx\n"
    chunks = cut(chunker, "a.md", text)
    headings = list(dict.fromkeys(chunk.heading for chunk in chunks))
    assert headings == ["Guide", "Guide › Install", "Guide › Install › On Linux"]
    assert chunks[-1].place == ":16"
    assert sum(code in chunk.text for chunk in chunks) == 1


def test_a_heading_without_text_goes_with_what_comes_below_it(chunker: Chunker) -> None:
    [only] = cut(chunker, "a.md", "# Guide\n\n## Install\n\nRun it.\n")
    assert only.heading == "Guide › Install"
    assert only.text.startswith("# Guide")


def test_a_passage_begins_with_the_end_of_the_one_before(chunker: Chunker) -> None:
    text = "# T\n\n" + " ".join(f"Sentence number {n} is here." for n in range(200))
    chunks = cut(chunker, "a.md", text)
    assert len(chunks) > 3
    for before, after in pairwise(chunks):
        assert before.start < after.start <= before.end


def test_functions_are_kept_whole_under_their_names(chunker: Chunker) -> None:
    says = '    """' + "It is a box that holds things and is opened. " * 4 + '"""'
    text = (
        "import os\n\n\n@cached\ndef first():\n    return 1\n\n\n"
        f"class Box:\n{says}\n\n    def open(self):\n        return os\n"
    )
    found = {chunk.heading: chunk.text for chunk in cut(chunker, "a.py", text)}
    assert list(found) == ["first", "Box", "Box › open"]
    assert found["first"].endswith("@cached\ndef first():\n    return 1")
    assert found["Box › open"] == "def open(self):\n        return os"


@pytest.mark.parametrize(
    ("name", "text", "heading"),
    [
        ("a.go", "package a\n\n// Doc.\nfunc Add(a int) int {\n\treturn a\n}\n", "func Add(a int)"),
        ("a.rs", "use a;\n\npub fn add(a: u8) -> u8 {\n    a\n}\n", "pub fn add(a: u8) -> u8"),
        ("a.ts", "const a = 1;\n\nexport class Box {\n}\n", "export class Box"),
        ("a.java", "package a;\n\npublic class Box {\n    int a;\n}\n", "public class Box"),
    ],
)  # fmt: skip
def test_other_languages_are_cut_at_definitions(chunker, name, text, heading) -> None:
    assert cut(chunker, name, text)[-1].heading.startswith(heading)


def test_titles_of_restructured_text(chunker: Chunker) -> None:
    text = "Book\n====\n\nHello.\n\nPart\n----\n\nCode::\n\n    a\n\n    b\n\nEnd.\n"
    chunks = cut(chunker, "a.rst", text)
    assert chunks[0].heading == "Book › Part"
    assert chunks[-1].text.endswith("End.")


def test_a_word_without_end_is_cut_too(chunker: Chunker) -> None:
    chunks = cut(chunker, "a.txt", "x" * 100_000)
    assert len(chunks) > 10
    assert "".join(chunk.text for chunk in chunks) == "x" * 100_000


def test_broken_code_is_read_as_text(chunker: Chunker) -> None:
    assert "def broken(" in cut(chunker, "a.py", "def broken(\n")[0].text
