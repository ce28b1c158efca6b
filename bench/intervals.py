"""Intervals and tests for benchmarks, in plain Python.

Owns the arithmetic only. It is written apart from `freehold.gate`, so that the two can check each other.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import linear_regression, median
from typing import NamedTuple

__all__ = ["Interval", "McNemar", "mcnemar", "ratio", "slope", "wilson"]

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


class Interval(NamedTuple):
    """A number with its 95 % interval and the number of items or repetitions behind it."""

    value: float
    low: float
    high: float
    n: int


class McNemar(NamedTuple):
    """Two models on the same items.

    Attributes:
        difference: Accuracy of ours minus accuracy of theirs.
        ours: Items that only ours got right.
        theirs: Items that only theirs got right.
        p: Exact two-sided p-value.
    """

    difference: Interval
    ours: int
    theirs: int
    p: float


def wilson(right: int, n: int) -> Interval:
    """Returns a proportion with Wilson's score interval.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    Example:
        >>> wilson(9, 10)
        Interval(value=0.9, low=0.5958499732047615, high=0.9821237869049271, n=10)
    """
    if n <= 0:
        raise ValueError(f"A proportion needs at least one item, not {n!r}.")
    share, z2 = right / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(share, middle - half, middle + half, n)


def mcnemar(ours: Sequence[bool], theirs: Sequence[bool]) -> McNemar:
    """Compares two models item by item: the exact test, and the paired difference with its interval.

    Args:
        ours: Whether ours was right, one for each item.
        theirs: Whether theirs was right, in the same order.

    Source: the interval is D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference
    of binomial proportions based on paired data", 2012.
    """
    n = len(ours)
    only_ours = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    only_theirs = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    apart = only_ours + only_theirs
    tail = sum(math.comb(apart, k) for k in range(min(only_ours, only_theirs) + 1))
    p = min(1.0, float(2 * tail / 2**apart)) if apart else 1.0
    high, low = (only_ours + 1) / (n + 2), (only_theirs + 1) / (n + 2)
    half = Z * math.sqrt((high + low - (high - low) ** 2) / (n + 2))
    difference = Interval((only_ours - only_theirs) / n, high - low - half, high - low + half, n)
    return McNemar(difference, only_ours, only_theirs, p)


def ratio(ours: Sequence[float], theirs: Sequence[float], *, seed: int, resamples: int = 2000) -> Interval:
    """Returns median(ours) / median(theirs), with a bootstrap interval over the paired repetitions.

    Args:
        ours: Seconds of each repetition.
        theirs: Seconds of the repetitions that ran beside them, in the same order.
        seed: Of the resampling.
        resamples: How many times to draw the repetitions with replacement.
    """
    pairs = list(zip(ours, theirs, strict=True))
    draw = random.Random(seed)
    drawn = sorted(_ratio(draw.choices(pairs, k=len(pairs))) for _ in range(resamples))
    cut = round(0.025 * (resamples - 1))
    return Interval(_ratio(pairs), drawn[cut], drawn[-1 - cut], len(pairs))


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return median(a for a, _ in pairs) / median(b for _, b in pairs)


def slope(times: Sequence[float], values: Sequence[float], *, seed: int, resamples: int = 2000) -> Interval:
    """Returns how much the values rise in a unit of time, by least squares.

    What follows one another is alike, so the interval is a bootstrap over blocks of residuals, a tenth of the
    values each.

    Args:
        times: When each value was taken, evenly apart.
        values: At least three.
        seed: Of the resampling.
        resamples: How many times to draw the blocks with replacement.

    Source: H. R. Künsch, "The jackknife and the bootstrap for general stationary observations", 1989.
    """
    n = len(times)
    if n < 3:
        raise ValueError(f"A slope needs at least three values, not {n!r}.")
    fitted = linear_regression(times, values)
    line = [fitted.intercept + fitted.slope * time for time in times]
    left = [value - on for value, on in zip(values, line, strict=True)]
    block = max(1, n // 10)
    draw = random.Random(seed)
    drawn = []
    for _ in range(resamples):
        starts = [draw.randrange(n - block + 1) for _ in range(-(-n // block))]
        noise = [each for start in starts for each in left[start : start + block]][:n]
        again = [on + each for on, each in zip(line, noise, strict=True)]
        drawn.append(linear_regression(times, again).slope)
    drawn.sort()
    cut = round(0.025 * (resamples - 1))
    return Interval(fitted.slope, drawn[cut], drawn[-1 - cut], n)
