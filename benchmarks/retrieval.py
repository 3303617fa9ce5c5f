"""How well retrieval finds what a book's own index points to, beside LangChain with Chroma.

The questions are the entries of the general index of Python's and of PostgreSQL's documentation,
as Debian packages them; the answer to each is the text that the entry points to. The indexes
themselves are not searched. Settings were chosen on entries that point to other chapters of the
same manuals, and on none of these.

Writes benchmarks/results/retrieval.json.
Run: make peers; python benchmarks/retrieval.py [QUESTIONS]
"""

import asyncio
import json
import math
import random
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag

from agentrt.bench.evidence import circumstances
from agentrt.bundled import cache_root
from agentrt.rag import Search, open_corpus
from agentrt.rag.blocks import blocks
from agentrt.rag.embed import DEFAULT_MODEL, _packaged
from agentrt.rag.load import load

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PEERS = ROOT / ".venv-langchain"
_MARK = re.compile("\ue002([^\ue003]*)\ue003")
# What an anchor points to: the text behind it, up to so many characters, inside its section.
_ANSWER = 1500
_WITH_ID = re.compile(r"""<[a-z][^<>]*\bid="([^"]+)"[^<>]*>""")


@dataclass(frozen=True)
class Book:
    """A package of documentation with a general index."""

    package: str
    folder: str
    index: str
    pages: tuple[str, ...]


BOOKS = {
    "python": Book(
        "python3.11-doc", "usr/share/doc/python3.11/html", "genindex-all.html",
        ("reference/*",),
    ),
    "postgresql": Book(
        "postgresql-doc-15", "usr/share/doc/postgresql-doc-15/html", "bookindex.html",
        ("ddl*", "indexes*", "queries*"),
    ),
}  # fmt: skip

Span = tuple[int, int]
Target = tuple[str, Span]
Found = list[tuple[str, int, int]]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    sys.path.insert(0, str(PEERS))
    with tempfile.TemporaryDirectory() as scratch:
        evidence = {
            **circumstances(" ".join(["python", "benchmarks/retrieval.py", *sys.argv[1:]])),
            "model": DEFAULT_MODEL,
            "books": {
                name: measured(book, Path(scratch) / name, count) for name, book in BOOKS.items()
            },
        }
    (RESULTS / "retrieval.json").write_text(json.dumps(evidence, indent=1) + "\n", "utf-8")
    print(json.dumps(evidence, indent=1))


def measured(book: Book, folder: Path, count: int) -> dict[str, object]:
    """Each side's figures on one book."""
    html = unpacked(book)
    questions = dict(asked(book, html, folder))
    chosen = random.Random(0).sample(sorted(questions), min(count, len(questions)))
    found: dict[str, object] = {
        "package": book.package,
        "pages": list(book.pages),
        "documents": len(list(folder.rglob("*.md"))),
        "questions": len(chosen),
        "examples": chosen[:5],
        "sides": {},
    }
    for side, (search, passages) in sides(folder).items():
        scores = [judged(search(question), questions[question]) for question in chosen]
        found["sides"][side] = {  # type: ignore[index]
            "passages": passages,
            "recall_at_5": sum(recall for recall, _ in scores) / len(scores),
            "ndcg_at_10": sum(gain for _, gain in scores) / len(scores),
        }
        print(book.package, side, found["sides"][side], flush=True)  # type: ignore[index]
    return found


def unpacked(book: Book) -> Path:
    """The package's files, from Debian's archive the first time."""
    cache = cache_root() / "corpora" / book.package
    if not (cache / book.folder).is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", book.package], cwd=cache, check=True)
        [package] = cache.glob("*.deb")
        subprocess.run(["dpkg", "-x", package, cache], check=True)
    return (cache / book.folder).resolve()


def asked(book: Book, html: Path, folder: Path) -> Iterator[tuple[str, set[Target]]]:
    """Index entries with what they point to; writes the pages, as text, to a folder."""
    entries = defaultdict(set)
    for question, page, anchor in entries_of(book, html):
        if any(fnmatch(page, pattern) for pattern in book.pages):
            entries[question].add((page, anchor))
    pages = [p for pattern in book.pages for p in sorted(html.glob(f"{pattern}.html"))]
    sections: dict[tuple[str, str], Target] = {}
    for path in pages:
        page = path.relative_to(html).as_posix()
        for anchor, span in written(path, folder / f"{page}.md"):
            sections[page, anchor] = (f"{page}.md", span)
    for question, targets in entries.items():
        known = {sections[target] for target in targets if target in sections}
        if known and len(question) > 3:
            yield question, known


def entries_of(book: Book, html: Path) -> Iterator[tuple[str, str, str]]:
    soup = BeautifulSoup((html / book.index).read_bytes(), "html.parser")
    for link in soup.select("a[href*='#']"):
        page, _, anchor = unquote(str(link["href"])).partition("#")
        holder = link.find_parent(["li", "dt"])
        if page and isinstance(holder, Tag):
            yield " ".join([*outer_terms(holder), term(holder)]).strip(), page, anchor


def outer_terms(holder: Tag) -> list[str]:
    if holder.name == "li":
        return [term(li) for li in holder.find_parents("li")[:1]]
    above = [dd.find_previous_sibling("dt") for dd in holder.find_parents("dd")[:1]]
    return [term(dt) for dt in above if isinstance(dt, Tag)]


def term(holder: Tag) -> str:
    """What an entry says of itself: in DocBook before its links, in Sphinx as its first link."""
    first = next((each for each in holder.children if str(each).strip()), None)
    text = first.get_text() if isinstance(first, Tag) else str(first or "")
    return " ".join(re.sub(r"\[\d+\]|,\s*$", "", text).split()).rstrip(",")


def written(path: Path, file: Path) -> Iterator[tuple[str, Span]]:
    """Write a page as text; what each of its anchors points to there."""
    html = _WITH_ID.sub(lambda tag: f"{tag[0]}\ue002{tag[1]}\ue003", path.read_text("utf-8"))
    marked = load("page.html", html.encode()).text
    places, parts, length, rest = [], [], 0, 0
    for mark in _MARK.finditer(marked):
        parts.append(marked[rest : mark.start()])
        length += len(parts[-1])
        places.append((mark[1], length))
        rest = mark.end()
    text = "".join([*parts, marked[rest:]])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    sections = []
    for _, group in groupby(blocks(load("page.md", text.encode())), key=lambda each: each.path):
        own = list(group)
        sections.append((own[0].start, own[-1].end))
    for anchor, place in places:
        # An anchor right before a heading is the heading's.
        after = place + len(text[place:]) - len(text[place:].lstrip())
        inside = [span for span in sections if span[0] <= after < span[1]]
        if inside:
            yield anchor, (after, min(inside[0][1], after + _ANSWER))


Side = tuple[Callable[[str], Found], int]


def sides(folder: Path) -> dict[str, Side]:
    """Ways to find passages, by name, with how many passages each has."""
    return {**ours(folder), **langchain(folder)}


def ours(folder: Path) -> dict[str, Side]:
    retriever = open_corpus(folder, on_step=lambda step: print(step, file=sys.stderr))

    def way(mode: str) -> Callable[[str], Found]:
        def search(question: str) -> Found:
            how = Search(mode=mode)  # type: ignore[arg-type]
            found = asyncio.run(retriever.search(question, top_k=10, how=how))
            return [(p.source, p.start, p.end) for p in found]

        return search

    return {f"agentrt {mode}": (way(mode), retriever.size) for mode in ("dense", "bm25", "hybrid")}


def langchain(folder: Path) -> dict[str, Side]:
    """As a user sets it up: the splitter's defaults, and the sizes that its tutorials use."""
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    embeddings = HuggingFaceEmbeddings(model_name=str(_packaged()))
    texts = [
        Document(path.read_text("utf-8"), metadata={"source": str(path.relative_to(folder))})
        for path in sorted(folder.rglob("*.md"))
    ]
    splitters = {
        "defaults": RecursiveCharacterTextSplitter(add_start_index=True),
        "1000/200": RecursiveCharacterTextSplitter(
            chunk_size=1000, chunk_overlap=200, add_start_index=True
        ),
    }
    made: dict[str, Side] = {}
    for name, splitter in splitters.items():
        parts = splitter.split_documents(texts)
        store = Chroma.from_documents(
            parts, embeddings, collection_name=f"{folder.name}-{len(parts)}"
        )

        def search(question: str, store: Chroma = store) -> Found:
            found = store.similarity_search(question, k=10)
            return [
                (d.metadata["source"], d.metadata["start_index"],
                 d.metadata["start_index"] + len(d.page_content))
                for d in found
            ]  # fmt: skip

        made[f"LangChain + Chroma, {name}"] = (search, len(parts))
    return made


def judged(found: Found, targets: set[Target]) -> tuple[float, float]:
    """Recall@5 and nDCG@10; each answer counts where it is first found."""
    ranks = []
    for source, (start, end) in targets:
        for rank, (of, first, last) in enumerate(found, start=1):
            shared = min(end, last) - max(start, first)
            if of == source and shared > 0 and shared >= min(end - start, last - first) / 2:
                ranks.append(rank)
                break
    recall = sum(rank <= 5 for rank in ranks) / len(targets)
    gain = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= 10)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(targets), 10) + 1))
    return recall, min(gain / best, 1.0)


if __name__ == "__main__":
    main()
