"""The index of a corpus: where it lies, what it holds, and the model that it was made with."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agentrt.bundled import cache_root
from agentrt.rag.chunk import CHUNK_TOKENS, OVERLAP_TOKENS
from agentrt.rag.corpus import Corpus
from agentrt.rag.manifest import Manifest
from agentrt.rag.vectors import Vectors, vectors_at

_FORMAT = 2
_TABLES = "passages.sqlite"


@dataclass(frozen=True)
class Index:
    """An opened index."""

    folder: Path
    corpus: str
    model: str
    manifest: Manifest
    vectors: Vectors

    def fresh_vectors(self) -> Vectors:
        """Its vectors, as the last update of any process left them."""
        return self.vectors.at(self.manifest.generation())

    def size_on_disk(self) -> int:
        """Bytes of all its files."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def close(self) -> None:
        """Let go of its files."""
        self.manifest.close()
        self.vectors.close()

    def drop(self) -> None:
        """Delete it, on a Chroma server too."""
        if self.manifest.about().get("chroma"):
            self.fresh_vectors().drop()
        self.close()
        shutil.rmtree(self.folder)


def chroma_url() -> str | None:
    """The Chroma server that vectors are kept on, if one is set by AGENTRT_CHROMA_URL."""
    return os.environ.get("AGENTRT_CHROMA_URL") or None


def open_index(corpus: Corpus, model: str) -> Index:
    """The index of a corpus with a model; empty where there was none."""
    url = chroma_url()
    made_of = [str(_FORMAT), str(CHUNK_TOKENS), str(OVERLAP_TOKENS), corpus.name, url or ""]
    made_of += [model, _state_of(model)]
    digest = hashlib.sha256("\0".join(made_of).encode(errors="surrogateescape")).hexdigest()
    folder = index_root() / digest[:24]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    index = _opened(folder)
    if not index.model:
        index.manifest.note(
            corpus=corpus.name, model=model, chroma=url or "", collection=f"agentrt-{uuid.uuid4()}"
        )
        index.manifest.close()
        index = _opened(folder)
    return index


def indexes() -> Iterator[Index]:
    """All indexes there are."""
    for file in sorted(index_root().glob(f"*/{_TABLES}")):
        index = _opened(file.parent)
        if index.model:
            yield index


def index_root() -> Path:
    """Where all indexes lie."""
    return cache_root() / "indexes"


def _opened(folder: Path) -> Index:
    manifest = Manifest(folder / _TABLES)
    about = manifest.about()
    vectors = vectors_at(
        folder / "chroma", about.get("chroma") or None, about.get("collection", "")
    )
    return Index(folder, about.get("corpus", ""), about.get("model", ""), manifest, vectors)


def _state_of(model: str) -> str:
    """A folder's weights by size and time: other weights need another index."""
    folder = Path(model)
    if not folder.is_dir():
        return ""
    files = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.bin"))
    return " ".join(f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files)
