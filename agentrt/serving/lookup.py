"""Drafts that are copied: what followed the last tokens where they stood before.

Prompt lookup (n-gram speculation) costs nothing and is nearly always right where a text repeats
itself or quotes its prompt; a drafter is better everywhere else. ``lookup_worker`` lets vLLM use
both in one server.
"""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

Tokens = NDArray[numpy.integer]


def copied(history: Tokens, *, least: int, longest: int, drafts: int) -> list[int]:
    """What followed the end of ``history`` where it stood before, or nothing.

    The place that agrees with the longest stretch of the end is taken, up to ``longest`` tokens;
    of several the last. A copy that reaches the end of the history goes on with itself, so that a
    text that goes round in circles is foreseen for as many tokens as are asked for.

    Args:
        history: ids of prompt and answer so far, shape (T,).
        least: tokens that must agree before anything is copied.
        longest: tokens that are compared at most.
        drafts: tokens wanted.
    """
    last = len(history) - 1
    found = numpy.flatnonzero(history[:last] == history[last]) if last > 0 else numpy.empty(0, int)
    agreed = 0
    while len(found):
        agreed, place = agreed + 1, int(found[-1])
        if agreed == longest:
            break
        inside = found[found >= agreed]
        found = inside[history[inside - agreed] == history[last - agreed]]
    if agreed < max(least, 1):
        return []
    span = last - place
    return [int(history[place + 1 + offset % span]) for offset in range(drafts)]
