"""Checking citations: is each number that an answer names one of the passages it was given?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentrt.rag.passage import Passage

_CITATION = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")


@dataclass(frozen=True)
class CitationCheck:
    """What an answer cites: numbers that are passages, numbers that are not, and the passages."""

    cited: tuple[str, ...]
    unknown: tuple[str, ...]
    passages: tuple[Passage, ...]

    @property
    def ok(self) -> bool:
        """Whether there is a citation, and each is a passage."""
        return bool(self.cited) and not self.unknown


def check_citations(answer: str, passages: Sequence[Passage]) -> CitationCheck:
    """Look up the citations of an answer, such as ``[1]`` or ``[1, 3]``.

    Args:
        answer: the text.
        passages: what the numbers count, from 1.
    """
    groups = _CITATION.findall(answer)
    numbers = dict.fromkeys(int(number) for group in groups for number in group.split(","))
    known = [number for number in numbers if 1 <= number <= len(passages)]
    return CitationCheck(
        cited=tuple(str(number) for number in known),
        unknown=tuple(str(number) for number in numbers if number not in known),
        passages=tuple(passages[number - 1] for number in known),
    )
