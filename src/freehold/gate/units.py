"""Rows that were drawn together: pieces of one text, what one author wrote. They say less than as many rows apart.

Owns what that does to shares, to differences and to the test of two models. Where every row was drawn alone, each
of these is the plain one of `intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freehold.gate.intervals import Pairs, mcnemar, paired_difference, wilson
from freehold.gate.resampling import Floats, Whole, effective_units, student_over_normal
from freehold.task import Measured

__all__ = ["compare_rights", "effective_rows", "number_units", "share", "sign_flip_test"]


def number_units(names: Sequence[str]) -> Whole:
    """Returns each row's unit as a number from 0 on, shape (rows,); a row without a name is a unit of its own."""
    known: dict[str, int] = {}
    alone = (f"row {row}" for row in range(len(names)))
    return np.array([known.setdefault(name or next(alone), len(known)) for name in names], np.int64)


def share(hits: ArrayLike, units: Whole) -> Measured:
    """Returns a proportion with its 95 % interval: Wilson's, of as many rows as these are worth.

    Args:
        hits: Whether each row counts, shape (rows,), at least one row.
        units: Of `number_units`.

    Source:
        Dean, N. and Pagano, M. (2015). Evaluating confidence interval methods for binomial proportions in
        clustered surveys. Journal of Survey Statistics and Methodology 3, 484-503.
    """
    caught = np.asarray(hits, np.float64)
    return wilson(int(caught.sum()), len(caught), worth=effective_rows(caught, units, least=0.0))


def effective_rows(values: Floats, units: Whole, *, least: float, most: float = 1.0) -> float:
    """Returns how many rows drawn alone would tell as much of the mean of `values`: the number of rows at most.

    The variance of the mean is that between units; a unit of half the usual size with the least value and one with
    the most are added, for a few units that all agree say nothing of the next one. Student's t in place of the
    normal distribution allows for few units; so many as they are worth, where some are much larger than others.
    Both were chosen in a simulation (decision 0019).

    Args:
        values: Shape (rows,).
        least, most: What a value may be.

    Source:
        Korn, E. L. and Graubard, B. I. (1998). Confidence intervals for proportions with small expected number of
        positive counts estimated from survey data. Survey Methodology 24, 193-201.
    """
    rows, count = len(values), int(units.max()) + 1
    if count == rows:
        return float(rows)
    if count == 1:
        return 0.0
    worth = effective_units(units)
    half = rows / worth / 2
    sizes = np.append(np.bincount(units), [half, half])
    totals = np.append(np.bincount(units, values), [half * least, half * most])
    mean = totals.sum() / sizes.sum()
    spread = (values**2).sum() + half * (least**2 + most**2) - sizes.sum() * mean**2
    between = (count + 2) / (count + 1) * ((totals - mean * sizes) ** 2).sum()
    effect = max(1.0, between / spread) if spread > 0 else rows / worth
    return float(rows / effect / student_over_normal(worth) ** 2)


def compare_rights(ours: NDArray[np.bool_], theirs: NDArray[np.bool_], units: Whole) -> tuple[Measured, float]:
    """Returns by how much more often the first is right, with a 95 % interval, and the p-value of no difference.

    McNemar's exact test where every row was drawn alone, `sign_flip_test` otherwise.
    """
    pairs = Pairs(
        both=int((ours & theirs).sum()),
        candidate=int((ours & ~theirs).sum()),
        champion=int((~ours & theirs).sum()),
        neither=int((~ours & ~theirs).sum()),
    )
    if int(units.max()) + 1 == len(units):
        return paired_difference(pairs), mcnemar(pairs)
    differences = ours.astype(np.int64) - theirs
    usual = float(np.abs(differences).mean()) ** 0.5  # a difference of two equal models: its standard deviation
    worth = effective_rows(differences.astype(np.float64), units, least=-usual, most=usual)
    by_unit = np.bincount(units, differences).astype(np.int64)
    return paired_difference(pairs, worth=worth), sign_flip_test(by_unit)


def sign_flip_test(differences: Whole) -> float:
    """Returns the two-sided p-value of units' differences being as likely to have the other sign: exact.

    With differences of 1 alone it is McNemar's test.

    Args:
        differences: Of each unit, in rows.

    Example:
        >>> sign_flip_test(np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, -1]))
        0.021484375

    Source:
        Fisher, R. A. (1935). The Design of Experiments, section 21; for pairs in clusters, Durkalski, V. L. et al.
        (2003). Analysis of clustered matched-pair data. Statistics in Medicine 22, 2417-2428.
    """
    sizes = np.abs(differences[differences != 0])
    reach = int(sizes.sum())
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for size in sizes.tolist():
        halved = chances / 2
        chances = np.zeros_like(halved)
        chances[size:] += halved[:-size]
        chances[:-size] += halved[size:]
    seen = abs(int(differences.sum()))
    far = np.abs(np.arange(-reach, reach + 1)) >= seen
    return min(1.0, float(chances[far].sum()))
