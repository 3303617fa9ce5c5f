"""From several rankings to one: reciprocal rank fusion, and maximal marginal relevance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

# G. Cormack, C. Clarke, S. Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
# Rank Learning Methods", SIGIR 2009, take 60, for long lists. Few passages are wanted here: what
# one list has first stays ahead of what both have far down. Chosen as docs/retrieval.md says.
_RRF_K = 3


def fuse(rankings: Sequence[Sequence[int]]) -> dict[int, float]:
    """Scores by reciprocal rank, best first."""
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] += 1 / (_RRF_K + rank)
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])))


def diversify(
    scores: Mapping[int, float], vectors: Mapping[int, Sequence[float]], count: int, share: float
) -> list[int]:
    """Maximal marginal relevance: each next item is good, and unlike those before it.

    J. Carbonell, J. Goldstein, SIGIR 1998.

    Args:
        scores: how good each item is, best first.
        vectors: of length 1.
        count: how many to choose.
        share: how much being good counts against being unlike, from 0 to 1.
    """
    import numpy as np

    items = [item for item in scores if item in vectors]
    if not items:
        return []
    matrix = np.asarray([vectors[item] for item in items])
    # From 0 to 1 as likeness is: a cross-encoder's scores may be of any size, and below 0.
    given = np.asarray([scores[item] for item in items])
    relevance = (given - given.min()) / (np.ptp(given) or 1.0)
    likeness = np.zeros(len(items))
    chosen: list[int] = []
    for _ in range(min(count, len(items))):
        gain = share * relevance - (1 - share) * likeness
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        likeness = np.maximum(likeness, matrix @ matrix[chosen[-1]])
    return [items[place] for place in chosen]
