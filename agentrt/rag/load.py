"""Reading a corpus: the language reference that Python carries, or a folder of documents."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agentrt.errors import RetrievalError

PYTHON_REFERENCE = "python-reference"
MAX_FILE_BYTES = 50_000_000


@dataclass(frozen=True)
class Document:
    """A document's name inside its corpus, and its text."""

    source: str
    text: str


def load_documents(corpus: str | Path) -> list[Document]:
    """All documents of a corpus, in a fixed order.

    Raises:
        RetrievalError: there is no such corpus, it is empty, or a file can't be read (named).
    """
    if str(corpus) == PYTHON_REFERENCE:
        return _python_reference()
    root = Path(corpus).resolve()
    if not root.is_dir():
        raise RetrievalError(f"{corpus}: no such folder (or {PYTHON_REFERENCE!r})")
    documents = [Document(str(path.relative_to(root)), _read(path)) for path in _files(root)]
    documents = [document for document in documents if document.text.strip()]
    if not documents:
        kinds = ", ".join(sorted(_READERS))
        raise RetrievalError(f"{corpus}: no documents with text in it (read are {kinds})")
    return documents


def _python_reference() -> list[Document]:
    from pydoc_data.topics import topics

    return [Document(name, topics[name]) for name in sorted(topics)]


def _files(root: Path) -> Iterator[Path]:
    """The readable files below a root; links that lead out of it are left alone."""
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or path.suffix.lower() not in _READERS or not path.is_file():
            continue
        if path.resolve().is_relative_to(root):
            yield path


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise RetrievalError(f"{path}: larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return _READERS[path.suffix.lower()](path)
    except RetrievalError:
        raise
    except Exception as error:
        raise RetrievalError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _read_html(path: Path) -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(path.read_bytes(), "html.parser")
    for tag in soup(["script", "style", "nav"]):
        tag.decompose()
    return soup.get_text("\n", strip=True)


def _read_pdf(path: Path) -> str:
    from pypdf import PdfReader

    return "\n\n".join(page.extract_text() or "" for page in PdfReader(path).pages)


def _read_csv(path: Path) -> str:
    """A paragraph a row, each value with the name of its column."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file, restkey="more", restval=""))
    return "\n\n".join(
        "\n".join(f"{name}: {value}" for name, value in row.items() if value) for row in rows
    )


def _read_json(path: Path) -> str:
    return _pretty(json.loads(path.read_text(encoding="utf-8-sig")))


def _read_json_lines(path: Path) -> str:
    """A paragraph a line."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return "\n\n".join(_pretty(json.loads(line)) for line in lines if line.strip())


def _pretty(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


_READERS: dict[str, Callable[[Path], str]] = {
    ".md": _read_text,
    ".txt": _read_text,
    ".rst": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
}
