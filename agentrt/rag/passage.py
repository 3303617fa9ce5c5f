"""A passage: the piece of a document that retrieval finds and answers cite."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Passage(BaseModel):
    """One chunk of a document. ``start`` and ``end`` are characters in the document's text."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    source: str = Field(description="the document: a path inside the corpus, or a topic")
    heading: str
    start: int
    end: int
    score: float = 0.0
