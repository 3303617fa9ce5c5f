"""What a corpus is made of: files of a folder, those a repository tracks, Python's reference."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agentrt.errors import RetrievalError
from agentrt.rag.load import MAX_FILE_BYTES, is_read

PYTHON_REFERENCE = "python-reference"
_LEFT_OUT = {"node_modules", "__pycache__"}


@dataclass(frozen=True)
class File:
    """A document as it lies there; while its size and time stay, it is not read again."""

    source: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Skipped:
    """What was left out of a corpus, and why."""

    source: str
    reason: str


@dataclass
class Scan:
    """The documents of a corpus in a fixed order, and what is no document."""

    files: list[File] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class Corpus(Protocol):
    """Where documents come from."""

    @property
    def name(self) -> str:
        """What tells it from every other corpus."""
        ...

    def scan(self) -> Scan:
        """Its documents, without reading them."""
        ...

    def read(self, source: str) -> bytes:
        """One document's content.

        Raises:
            OSError: it is gone, or is not to be read.
        """
        ...

    def locate(self, source: str, place: str) -> str:
        """What a person opens to see a place in a document."""
        ...


def corpus_at(given: str | Path) -> Corpus:
    """The corpus of that name or folder.

    Raises:
        RetrievalError: there is none.
    """
    name = corpus_name(given)
    if name == PYTHON_REFERENCE:
        return PythonReference()
    root = Path(name)
    if not root.is_dir():
        raise RetrievalError(f"{given}: no such folder (or {PYTHON_REFERENCE!r})")
    return Folder(root)


def corpus_name(given: str | Path) -> str:
    """What tells a corpus from others, whether it is still there or not."""
    if str(given) == PYTHON_REFERENCE:
        return PYTHON_REFERENCE
    return str(Path(given).expanduser().resolve())


@dataclass(frozen=True)
class Folder:
    """A folder and all below it; of a git repository, only what it tracks."""

    root: Path

    @property
    def name(self) -> str:
        """The folder's whole path."""
        return str(self.root)

    def scan(self) -> Scan:
        """Its documents; hidden files and links that lead out are left alone."""
        found, unread = Scan(), Counter[str]()
        for path in sorted(self._candidates()):
            source = path.relative_to(self.root).as_posix()
            suffix = path.suffix.lower()
            if not is_read(suffix):
                unread[suffix] += 1
            elif not self._inside(path):
                found.skipped.append(Skipped(source, "a link that leads out of the corpus"))
            else:
                _take(found, path, source)
        for suffix, count in sorted(unread.items()):
            reason = f"not a kind that is read ({count} file{'s' * (count > 1)})"
            found.skipped.append(Skipped(f"*{suffix}", reason))
        return found

    def read(self, source: str) -> bytes:
        """One file's content; it must still lie inside, whatever its path has become."""
        path = self.root / source
        if not self._inside(path):
            raise OSError("a link that leads out of the corpus")
        return path.read_bytes()

    def locate(self, source: str, place: str) -> str:
        """The file's whole path with the place behind it."""
        return f"{self.root / source}{place}"

    def _inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root)

    def _candidates(self) -> Iterator[Path]:
        if (self.root / ".git").exists():
            yield from self._tracked()
            return
        for folder, below, names in os.walk(self.root):
            below[:] = [n for n in below if not n.startswith(".") and n not in _LEFT_OUT]
            yield from (Path(folder, name) for name in names if not name.startswith("."))

    def _tracked(self) -> Iterator[Path]:
        # Read by dulwich, not by git: a repository's own settings can make git run programs.
        from dulwich.errors import NotGitRepository
        from dulwich.repo import Repo

        try:
            with Repo(str(self.root)) as repository:
                paths = [os.fsdecode(path) for path in repository.open_index()]
        except (NotGitRepository, OSError, ValueError) as error:
            raise RetrievalError(f"{self.root}: its git index cannot be read: {error}") from error
        yield from (self.root / path for path in paths)


@dataclass(frozen=True)
class PythonReference:
    """The language reference that each Python carries, a document a topic."""

    name: str = PYTHON_REFERENCE

    def scan(self) -> Scan:
        """Its topics."""
        topics = _topics()
        return Scan([File(f"{name}.rst", len(topics[name]), 0) for name in sorted(topics)])

    def read(self, source: str) -> bytes:
        """One topic."""
        return _topics()[source.removesuffix(".rst")].encode()

    def locate(self, source: str, place: str) -> str:
        """The words that show it in a Python console."""
        return f"help({source.removesuffix('.rst')!r})"


def _topics() -> dict[str, str]:
    from pydoc_data.topics import topics

    return dict(topics)


def _take(found: Scan, path: Path, source: str) -> None:
    try:
        state = path.stat()
    except OSError as error:
        found.skipped.append(Skipped(source, error.strerror or str(error)))
        return
    if not stat.S_ISREG(state.st_mode):
        found.skipped.append(Skipped(source, "not a file"))
    elif state.st_size > MAX_FILE_BYTES:
        found.skipped.append(Skipped(source, f"larger than {MAX_FILE_BYTES // 1_000_000} MB"))
    else:
        found.files.append(File(source, state.st_size, state.st_mtime_ns))
