"""Drafts of two sources: what followed the last tokens before, and what the drafter foresees.

Prompt lookup (n-gram speculation) costs nothing and is nearly always right where a text repeats
itself or quotes its prompt; a drafter is better everywhere else. Each tells how likely its next
token is, and a draft takes the likelier, place by place. ``lookup_worker`` lets vLLM do so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

Tokens = NDArray[numpy.int64]


@dataclass(frozen=True)
class Guess:
    """A token that may be the next, and how likely."""

    token: int
    chance: float


# What a drafter foresees of the next places: the guess at a place (from 0) after the text before
# it, shape (T,); None behind the last place that it foresees.
Foresee = Callable[[int, Tokens], Guess | None]


def nothing(place: int, text: Tokens) -> Guess | None:
    """What is foreseen where the drafter does not draft."""
    return None


@dataclass(frozen=True)
class Copy:
    """Where the end of a text stood before, and how many tokens agree there."""

    place: int
    agreed: int

    @property
    def chance(self) -> float:
        """How likely the token that followed there is to follow again.

        Of one agreeing token little can be told, and ever more of several. The form was chosen on
        held-out answers; ``benchmarks/drafting.py`` counts how often such copies are right.
        """
        return 1 - 0.9 / self.agreed


def last_copy(text: Tokens, longest: int) -> Copy:
    """The place that agrees with the longest stretch of the text's end; of several the last.

    Args:
        text: ids of prompt and answer so far, shape (T,).
        longest: tokens that are compared at most.
    """
    last = len(text) - 1
    found = numpy.flatnonzero(text[:last] == text[last]) if last > 0 else numpy.empty(0, int)
    agreed = place = 0
    while len(found):
        agreed, place = agreed + 1, int(found[-1])
        if agreed == longest:
            break
        inside = found[found >= agreed]
        found = inside[text[inside - agreed] == text[last - agreed]]
    return Copy(place, agreed)


def draft(history: Tokens, foresee: Foresee, *, longest: int, most: int, worth: float) -> list[int]:
    """What is likely to follow: at each place the likelier of a copy and the drafter's guess.

    Behind the last guess, and where there is none, it is copied as long as the whole draft is
    likely enough to be right. A copy that reaches the end of the text goes on with itself, so that
    a text that goes round in circles is foreseen for any length.

    Args:
        history: ids of prompt and answer so far, shape (T,).
        foresee: the drafter's guesses.
        longest: tokens that are compared at most.
        most: tokens that a draft has at most.
        worth: the least probability that a draft with a further copied token is right to its end.
    """
    begin = end = len(history)
    text = numpy.append(history, numpy.zeros(most, numpy.int64))
    copy, chance = last_copy(history, longest), 1.0
    while end < len(text):
        guess = foresee(end - begin, text[:end])
        following = Guess(int(text[copy.place + 1]), copy.chance) if copy.agreed else None
        chosen = _likelier(guess, following)
        chance *= chosen.chance if chosen else 0.0
        if chosen is None or (guess is None and chance < worth):
            break
        text[end], end = chosen.token, end + 1
        # What goes on with a copy agrees there by one token more, and with no other place by as
        # many; only after another token there is something to look up.
        if following and chosen.token == following.token:
            copy = Copy(copy.place + 1, min(copy.agreed + 1, longest))
        else:
            copy = last_copy(text[:end], longest)
    return [int(token) for token in text[begin:end]]


def _likelier(one: Guess | None, other: Guess | None) -> Guess | None:
    """The likelier of two; where they agree, that either is right."""
    if one is None or other is None:
        return one or other
    if one.token == other.token:
        return Guess(one.token, 1 - (1 - one.chance) * (1 - other.chance))
    return max(one, other, key=lambda guess: guess.chance)
