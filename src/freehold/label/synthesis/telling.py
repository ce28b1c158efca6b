"""How well a judge tells made rows from real ones: a classifier two-sample test (Lopez-Paz and Oquab 2017).

A logistic regression on the base's vectors and hashed n-grams is fitted without each fifth of the rows and asked
about it; the area under its curve is 0.5 where made rows are like real ones, and 1 where each can be told. A made
row and the real row that it was made of lie in one fold. Reports; refuses nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Telling", "tell_apart"]

_STEPS = 25
_PENALTY = 1.0
_RESAMPLES = 1_000
_LEAST = 10
_SEED = 0

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


class Telling(NamedTuple):
    """The area under the curve with its 95 % interval, from so many rows of both kinds."""

    auc: float
    low: float
    high: float
    real: int
    made: int


def tell_apart(features: Floats, made: NDArray[np.bool_], *, folds: Whole, groups: Whole) -> Telling | None:
    """Returns how well made rows are told from real ones; None where there are too few of either.

    Args:
        features: Shape (rows, columns).
        made: Which rows are, shape (rows,).
        folds: Shape (rows,); rows of a group lie in one.
        groups: Rows that are not independent of each other have one number.
    """
    if min(made.sum(), (~made).sum()) < _LEAST:
        return None
    scores = np.zeros(len(made))
    for fold in np.unique(folds):
        out = folds == fold
        if len(np.unique(made[~out])) < 2:
            return None
        found = _fit(features[~out], made[~out])
        inner = features[out] @ found[:-1] + found[-1]
        scores[out] = inner
    low, high = _interval(scores, made, groups)
    return Telling(
        round(_area(scores, made), 4), round(low, 4), round(high, 4), int((~made).sum()), int(made.sum())
    )


def _fit(features: Floats, made: NDArray[np.bool_]) -> Floats:
    """Returns weights and, last, the bias: Newton's steps in the number of the rows, both kinds weigh the same."""
    rows = np.hstack([features, np.ones((len(features), 1), np.float32)]).astype(np.float64)
    target = made.astype(np.float64)
    share = target.mean()
    weight = np.where(made, 0.5 / share, 0.5 / (1 - share))
    kernel = rows @ rows.T
    alpha = np.zeros(len(rows))
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(kernel @ alpha, -30, 30)))
        curve = np.maximum(weight * chance * (1 - chance), 1e-6)
        wanted = kernel @ alpha + weight * (target - chance) / curve
        after = np.linalg.solve(kernel + _PENALTY * np.diag(1 / curve), wanted)
        step = np.abs(after - alpha).max()
        alpha = after
        if step < 1e-4:
            break
    return np.asarray(rows.T @ alpha, np.float32)


def _area(
    scores: NDArray[np.float64], made: NDArray[np.bool_], weight: NDArray[np.float64] | None = None
) -> float:
    """Returns how likely a made row scores above a real one; ties count half."""
    weight = np.ones(len(scores)) if weight is None else weight
    order = np.argsort(scores, kind="stable")
    ranked, is_made, heavy = scores[order], made[order], weight[order]
    real = np.where(is_made, 0.0, heavy)
    ends = np.concatenate([np.flatnonzero(np.diff(ranked)), [len(ranked) - 1]])
    starts = np.concatenate([[0], ends[:-1] + 1])
    real_sums, made_sums = np.add.reduceat(real, starts), np.add.reduceat(heavy - real, starts)
    below = np.cumsum(real_sums) - real_sums / 2
    total = real_sums.sum() * made_sums.sum()
    return float((below * made_sums).sum() / total) if total else 0.5


def _interval(scores: NDArray[np.float64], made: NDArray[np.bool_], groups: Whole) -> tuple[float, float]:
    """Returns a bootstrap interval over groups, seeded."""
    _, numbers = np.unique(groups, return_inverse=True)
    count = int(numbers.max()) + 1
    draws = np.random.default_rng(_SEED)
    areas = [
        _area(scores, made, np.bincount(draws.integers(0, count, count), minlength=count)[numbers].astype(float))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
