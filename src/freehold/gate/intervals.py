"""Intervals and tests for counts of right and wrong answers. Exact arithmetic, no numpy.

Owns what has a closed form; `resampling` owns the rest.
"""

from __future__ import annotations

from math import comb, sqrt
from typing import NamedTuple

from freehold.task import Measured, wilson_bounds

__all__ = ["Pairs", "mcnemar", "measured", "paired_difference", "wilson"]


def measured(value: float, low: float, high: float, *, n: int) -> Measured:
    """Returns a measurement rounded to six decimals (the same bytes on every machine), value inside."""
    low, high = min(low, value), max(high, value)
    value, low, high = (round(number, 6) + 0.0 for number in (value, low, high))  # + 0.0: no minus zero
    return Measured(value, low, high, n)


def wilson(hits: int, n: int, *, worth: float | None = None) -> Measured:
    """Returns a proportion with Wilson's 95 % score interval.

    The interval is (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). It stays within 0 and 1 and does not
    collapse where all answers are right.

    Args:
        hits: How many of the `n` items count.
        n: The number of items, at least 1.
        worth: As how many items they count, where some were drawn together; 0 says nothing at all.

    Example:
        >>> wilson(9, 10)
        Measured(value=0.9, low=0.59585, high=0.982124, n=10)

    Source:
        Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of
        the American Statistical Association 22, 209-212.
    """
    low, high = wilson_bounds(hits / n, n if worth is None else worth)
    return measured(hits / n, low, high, n=n)


class Pairs(NamedTuple):
    """How often candidate and champion were right on the same items."""

    both: int
    candidate: int
    champion: int
    neither: int

    @property
    def n(self) -> int:
        """The number of items."""
        return self.both + self.candidate + self.champion + self.neither


def mcnemar(pairs: Pairs) -> float:
    """Returns the two-sided p-value of McNemar's exact test: is one of the two right more often?

    Only items count on which exactly one of them is right: where neither is better, each such item is a fair
    coin.

    Example:
        >>> mcnemar(Pairs(both=80, candidate=1, champion=9, neither=10))
        0.021484375

    Source:
        McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions or
        percentages. Psychometrika 12, 153-157. In its exact, binomial form.
    """
    tosses, fewer = pairs.candidate + pairs.champion, min(pairs.candidate, pairs.champion)
    term = tail = comb(tosses, 0)
    for k in range(1, fewer + 1):
        term = term * (tosses - k + 1) // k
        tail += term
    return min(1.0, 2 * tail / (1 << tosses))


def paired_difference(pairs: Pairs, *, worth: float | None = None) -> Measured:
    """Returns candidate minus champion, as shares of items right, with a 95 % interval.

    The interval joins the Wilson intervals of both shares, allowing for their correlation.

    Args:
        worth: As how many items they count, where some were drawn together; 0 says nothing at all.

    Source:
        Newcombe, R. G. (1998). Improved confidence intervals for the difference between binomial proportions
        based on paired data. Statistics in Medicine 17, 2635-2650. Method 10.
    """
    n = pairs.n
    counted = n if worth is None else worth
    difference = (pairs.candidate - pairs.champion) / n
    if not counted:
        return measured(difference, -1.0, 1.0, n=n)
    share_1, share_2 = (pairs.both + pairs.candidate) / n, (pairs.both + pairs.champion) / n
    low_1, high_1 = wilson_bounds(share_1, counted)
    low_2, high_2 = wilson_bounds(share_2, counted)
    phi = _correlation(pairs, scale=counted / n)
    low = difference - _joined(share_1 - low_1, high_2 - share_2, phi)
    high = difference + _joined(high_1 - share_1, share_2 - low_2, phi)
    return measured(difference, low, high, n=n)


def _joined(first: float, second: float, phi: float) -> float:
    return sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))


def _correlation(pairs: Pairs, *, scale: float) -> float:
    """Phi of the two-by-two table, with Newcombe's correction for continuity."""
    a, b, c, d = (scale * each for each in pairs)
    product = (a + b) * (c + d) * (a + c) * (b + d)
    if not product:
        return 0.0
    excess = a * d - b * c
    corrected = max(excess - scale * pairs.n / 2, 0.0) if excess > 0 else excess
    return corrected / sqrt(product)
