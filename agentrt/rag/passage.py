"""A passage: the piece of a document that retrieval finds and answers cite."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Passage(BaseModel):
    """One chunk of a document. ``start`` and ``end`` are characters in the document's text."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    source: str = Field(description="the document: a path inside the corpus, or a topic")
    heading: str = Field(description="the headings above it, outermost first")
    start: int
    end: int
    tokens: int = Field(default=0, description="word pieces of the embedding model")
    location: str = Field(default="", description="what opens it: a path with line, page or anchor")
    score: float = 0.0
