"""Medians, ratios and their spread for paired samples."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict


class Ratio(BaseModel):
    """How many times longer A took than B: the median of the pairs' ratios, and its spread."""

    model_config = ConfigDict(frozen=True)

    median: float
    low: float
    high: float


def paired_ratio(a: Sequence[float], b: Sequence[float], *, resamples: int = 2000) -> Ratio:
    """The median of a/b over pairs with a bootstrap 95% interval (percentile method, seeded).

    Source: B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7
    (1979). With one pair the interval is that pair.

    Raises:
        ValueError: the samples differ in number, or there are none.
    """
    ratios = [x / y for x, y in zip(a, b, strict=True) if y > 0]
    if not ratios:
        raise ValueError("no pairs")
    draw = random.Random(0)  # noqa: S311 - statistics, not secrets
    medians = [median(draw.choices(ratios, k=len(ratios))) for _ in range(resamples)]
    return _interval(median(ratios), medians)


def independent_ratio(a: Sequence[float], b: Sequence[float], *, resamples: int = 2000) -> Ratio:
    """The ratio of the medians of two samples that were not taken in turn, with its interval.

    Both samples are drawn anew each time (the percentile bootstrap, as in ``paired_ratio``).

    Raises:
        ValueError: a sample is empty, or holds a number that is not above 0.
    """
    if not a or not b or min(*a, *b) <= 0:
        raise ValueError("both samples need times above 0")
    draw = random.Random(0)  # noqa: S311 - statistics, not secrets
    ratios = [
        median(draw.choices(a, k=len(a))) / median(draw.choices(b, k=len(b)))
        for _ in range(resamples)
    ]
    return _interval(median(a) / median(b), ratios)


def _interval(middle: float, resampled: list[float]) -> Ratio:
    ordered, n = sorted(resampled), len(resampled)
    return Ratio(median=middle, low=ordered[int(0.025 * n)], high=ordered[int(0.975 * n) - 1])
