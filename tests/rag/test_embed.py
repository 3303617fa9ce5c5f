"""Embedding many texts at once gives what embedding each alone gives."""

import math

import pytest

from agentrt.rag.embed import DEFAULT_MODEL, embedder


def test_each_text_has_its_own_vector_whatever_its_length() -> None:
    model = embedder(DEFAULT_MODEL)
    # Several batches, put together by tokens: of short words, of long words, of many words.
    texts = [("x" * (n % 7 + 1) + " ") * (n % 11 + 1) + f"topic {n}" for n in range(40)]
    done: list[int] = []
    together = model.embed(texts, on_done=done.append)
    for text, vector in zip(texts, together, strict=True):
        assert vector == pytest.approx(model.embed([text])[0], abs=1e-4)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-4)
    assert done == sorted(done)
    assert done[-1] == len(texts)


def test_no_texts_have_no_vectors() -> None:
    assert embedder(DEFAULT_MODEL).embed([]) == []
