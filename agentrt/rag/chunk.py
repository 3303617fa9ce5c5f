"""Cutting documents into passages that the embedding model can take in whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentrt.rag.load import Document
from agentrt.rag.passage import Passage

# all-MiniLM-L6-v2 reads 256 word pieces; technical English has about four characters to one.
CHUNK_CHARACTERS = 900
OVERLAP_CHARACTERS = 80

_HEADING = re.compile(
    r"^(?:#{1,6}[ \t]+(?P<hash>[^\n]+)|(?P<under>[^\s][^\n]*)\n(?:[=\-*~^\"]){3,}[ \t]*$)",
    re.MULTILINE,
)


def chunk(documents: Sequence[Document]) -> list[Passage]:
    """Passages of all documents; each one's range cuts exactly its text out of its document."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=CHUNK_CHARACTERS,
        chunk_overlap=OVERLAP_CHARACTERS,
        add_start_index=True,
        separators=["\n\n", "\n", ". ", " ", ""],
    )
    passages = []
    for document in documents:
        headings = [(m.start(), m["hash"] or m["under"]) for m in _HEADING.finditer(document.text)]
        for piece in splitter.create_documents([document.text]):
            start = int(piece.metadata["start_index"])
            text = piece.page_content
            passages.append(
                Passage(
                    id=f"{document.source}@{start}",
                    text=text,
                    source=document.source,
                    heading=_heading_at(headings, start, document.source),
                    start=start,
                    end=start + len(text),
                )
            )
    return passages


def _heading_at(headings: list[tuple[int, str]], start: int, source: str) -> str:
    before = [text for place, text in headings if place <= start]
    return before[-1].strip() if before else source
