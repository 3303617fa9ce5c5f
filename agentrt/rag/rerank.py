"""Reranking: a cross-encoder reads the query and a passage together."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from agentrt.errors import RetrievalError

DEFAULT_RERANKER = "cross-encoder/ms-marco-MiniLM-L6-v2"


class Reranker:
    """A cross-encoder of sentence-transformers."""

    def __init__(self, model: str) -> None:
        from sentence_transformers import CrossEncoder

        try:
            folder = Path(model)
            self._model: Any = CrossEncoder(model, device="cpu", local_files_only=folder.is_dir())
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RetrievalError(
                f"the reranker {model!r} cannot be loaded: {reason} (name a cross-encoder that is "
                "here with 'rerank' or AGENTRT_RERANKER)"
            ) from error
        self._lock = threading.Lock()

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the query."""
        with self._lock:
            found = self._model.predict(
                [(query, text) for text in texts], show_progress_bar=False, batch_size=16
            )
        return [float(score) for score in found]


@lru_cache(maxsize=2)
def reranker(model: str | None) -> Reranker:
    """A cross-encoder by name or folder, loaded once; None is AGENTRT_RERANKER's or the default.

    Raises:
        RetrievalError: it is not there, or is broken.
    """
    return Reranker(model or os.environ.get("AGENTRT_RERANKER") or DEFAULT_RERANKER)
