"""Cutting documents into passages along their structure, none longer than the model reads."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agentrt.rag.blocks import Block, blocks
from agentrt.rag.load import Document

CHUNK_TOKENS = 256
OVERLAP_TOKENS = 32
_HEADING_TOKENS = 32
_SMALL_TOKENS = 24
# A word that a tokenizer does not know is one token however long it is: so long it counts as more.
_CHARACTERS_A_TOKEN = 12
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*")
_AT_ONCE = 256


@dataclass(frozen=True)
class Chunk:
    """``text[start:end]`` of its document, with what stands above it."""

    text: str
    start: int
    end: int
    heading: str
    place: str
    tokens: int

    @property
    def embedded(self) -> str:
        """What the embedding model is given: the passage under its headings."""
        return f"{self.heading}\n{self.text}"


@dataclass(frozen=True)
class _Sized:
    """A block, or a part of one, with where its tokens begin in the document."""

    block: Block
    token_starts: tuple[int, ...]

    @property
    def tokens(self) -> int:
        size = self.block.end - self.block.start
        return max(len(self.token_starts), size // _CHARACTERS_A_TOKEN)


class Chunker:
    """Packs blocks under the same heading into passages.

    Args:
        tokenizer: the embedding model's own.
        max_tokens: what the model reads at most.
    """

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        marks = int(tokenizer.num_special_tokens_to_add())
        self.limit = min(max_tokens, CHUNK_TOKENS) - marks - _HEADING_TOKENS
        # A heading still goes before the longest block.
        self._block_limit = self.limit - _SMALL_TOKENS

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """The passages of a document, in order."""
        held: list[_Sized] = []
        tokens = 0
        for sized in self._sized(document):
            if held and not (
                _belongs(sized, held[-1], tokens) and tokens + sized.tokens <= self.limit
            ):
                yield _made(document, held, tokens)
                held = _overlap(document.text, held, sized, self.limit)
                tokens = sum(each.tokens for each in held)
            held.append(sized)
            tokens += sized.tokens
        if held:
            yield _made(document, held, tokens)

    def _sized(self, document: Document) -> Iterator[_Sized]:
        """Blocks with their tokens; those that are too long in parts."""
        coming = blocks(document)
        while some := list(islice(coming, _AT_ONCE)):
            for block, starts in zip(some, self._token_starts(document.text, some), strict=True):
                yield from self._parts(document.text, _Sized(block, starts))

    def _token_starts(self, text: str, some: Iterable[Block]) -> Iterator[tuple[int, ...]]:
        encoded = self._tokenizer(
            [text[block.start : block.end] for block in some],
            add_special_tokens=False, truncation=False, padding=False, verbose=False,
            return_offsets_mapping=True, return_attention_mask=False, return_token_type_ids=False,
        )  # fmt: skip
        for block, offsets in zip(some, encoded["offset_mapping"], strict=True):
            yield tuple(block.start + start for start, _ in offsets)

    def _parts(self, text: str, sized: _Sized) -> Iterator[_Sized]:
        block, starts = sized.block, sized.token_starts
        at = block.start
        while True:
            rest = _Sized(Block(at, block.end, block.path), starts[bisect_left(starts, at) :])
            if rest.tokens <= self._block_limit:
                break
            cut = _cut(text, at, self._furthest(rest))
            part = starts[bisect_left(starts, at) : bisect_left(starts, cut)]
            yield _Sized(Block(at, at + len(text[at:cut].rstrip()), block.path), part)
            at = cut + len(text[cut : block.end]) - len(text[cut : block.end].lstrip())
        if rest.block.start < rest.block.end:
            yield rest

    def _furthest(self, rest: _Sized) -> int:
        by_size = rest.block.start + self._block_limit * _CHARACTERS_A_TOKEN
        if len(rest.token_starts) <= self._block_limit:
            return by_size
        return min(rest.token_starts[self._block_limit], by_size)


def _cut(text: str, start: int, end: int) -> int:
    """The best place to end a part: after a line, else a sentence, else a word."""
    for sign in ("\n", ". ", " "):
        found = text.rfind(sign, start + (end - start) // 2, end)
        if found > start:
            return found + len(sign)
    return end


def _belongs(sized: _Sized, last: _Sized, tokens: int) -> bool:
    """Whether a block goes with those before it: it has their heading, or they are little else."""
    path = last.block.path
    if sized.block.path == path:
        return True
    return tokens < _SMALL_TOKENS and sized.block.path[: len(path)] == path


def _overlap(text: str, held: list[_Sized], coming: _Sized, limit: int) -> list[_Sized]:
    """The last sentences of a passage, where the next one goes on under the same heading."""
    last = held[-1]
    if coming.block.path != last.block.path:
        return []
    room = min(OVERLAP_TOKENS, limit - coming.tokens)
    for sentence in _SENTENCE.finditer(text, last.block.start, last.block.end):
        starts = last.token_starts[bisect_left(last.token_starts, sentence.end()) :]
        tail = _Sized(Block(sentence.end(), last.block.end, last.block.path), starts)
        if starts and tail.tokens <= room:
            return [tail]
    return []


def _made(document: Document, held: list[_Sized], tokens: int) -> Chunk:
    start, end = held[0].block.start, held[-1].block.end
    return Chunk(
        text=document.text[start:end],
        start=start,
        end=end,
        heading=" › ".join(held[-1].block.path) or document.source,
        place=document.places.at(start),
        tokens=tokens,
    )
