"""Which index each corpus has now, and which ones came before."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from agentrt.bundled import cache_root
from agentrt.rag.load import PYTHON_REFERENCE


class Entry(BaseModel):
    """A corpus that has been indexed."""

    corpus: str = Field(description="'python-reference' or the folder's whole path")
    index: str = Field(pattern="^[0-9a-f]{24}$", description="the name of its index's folder")
    model: str = Field(description="the embedding model")
    documents: int
    passages: int
    embedded: int = Field(description="passages that the index before did not hold already")
    indexed_at: str
    superseded: list[str] = Field(default_factory=list, description="earlier indexes of it")

    @property
    def folder(self) -> Path:
        """Where the index lies."""
        return index_root() / self.index


def index_root() -> Path:
    """Where all indexes lie."""
    return cache_root() / "indexes"


def find(corpus: str | Path) -> Entry | None:
    """The entry of a corpus whose index is still there."""
    return _read(_file(_identity(corpus)))


def entries() -> Iterator[Entry]:
    """All corpora whose indexes are still there."""
    for file in sorted((index_root() / "catalog").glob("*.json")):
        entry = _read(file)
        if entry is not None:
            yield entry


def record(
    corpus: str | Path, index: str, *, model: str, documents: int, passages: int, embedded: int
) -> Entry:
    """Note that a corpus has this index now."""
    identity, before = _identity(corpus), find(corpus)
    earlier = [*before.superseded, before.index] if before else []
    entry = Entry(
        corpus=identity,
        index=index,
        model=model,
        documents=documents,
        passages=passages,
        embedded=embedded,
        indexed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        superseded=[name for name in dict.fromkeys(earlier) if name != index],
    )
    file = _file(identity)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".partial")
    beside.write_text(entry.model_dump_json(indent=1), encoding="utf-8")
    beside.replace(file)
    return entry


def drop(corpus: str | Path) -> Entry | None:
    """Delete a corpus's indexes, this one and the earlier ones; None where it had none.

    Another corpus with the very same documents shares an index, which then stays.
    """
    entry = find(corpus)
    if entry is None:
        return None
    _file(entry.corpus).unlink()
    shared = {other.index for other in entries()}
    for name in {entry.index, *entry.superseded} - shared:
        shutil.rmtree(index_root() / name, ignore_errors=True)
    return entry


def _identity(corpus: str | Path) -> str:
    return str(corpus) if str(corpus) == PYTHON_REFERENCE else str(Path(corpus).resolve())


def _file(identity: str) -> Path:
    digest = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()
    return index_root() / "catalog" / f"{digest[:24]}.json"


def _read(file: Path) -> Entry | None:
    """An entry; one that is broken, or whose index is gone, counts as none: it is made again."""
    try:
        entry = Entry.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
    return entry if entry.folder.is_dir() else None
