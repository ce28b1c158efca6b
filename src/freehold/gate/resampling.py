"""The bootstrap: how much a measure of some rows would vary with other rows like them.

Every metric is a function from rows' weights to values: with weight 1 for each row it gives the value itself,
with the number of times a resample drew each row it gives the resample's. So one set of resamples serves all
metrics of a field, and of two models on the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.gate.intervals import measured
from freehold.task import Measured

__all__ = [
    "NORMAL",
    "RESAMPLES",
    "Floats",
    "Statistic",
    "Whole",
    "bootstrap",
    "effective_units",
    "evaluate",
    "percentiles",
    "range_of",
    "resample",
    "student_over_normal",
    "widening",
]

Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""Weights, shape (resamples, rows), to values, shape (resamples,); NaN where it is not defined."""

NORMAL = 1.959963984540054
"""The 97.5 % point of the normal distribution."""
RESAMPLES = 1_000
_CELLS = 500_000
"""Weights held at a time: 4 MB, about what a core keeps at hand."""
_WIDEST = 1_000.0
_RANGES = {"brier": (0.0, 2.0), "mae": (0.0, float("inf")), "r2": (float("-inf"), 1.0)}
"""What a metric may be; others are shares."""


def effective_units(units: Whole) -> float:
    """Returns how many units of one size would tell as much: rows² / the sum of the units' squared sizes (Kish).

    Args:
        units: Each row's unit, from 0 on, shape (rows,).
    """
    sizes = np.bincount(units).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def student_over_normal(units: float) -> float:
    """Returns how much wider an interval is for standing on so few units: Student's t over the normal's point."""
    from scipy.special import stdtrit

    return min(_WIDEST, float(stdtrit(max(units - 1, 1e-6), 0.975)) / NORMAL)


def widening(units: Whole) -> float:
    """Returns by how much resampled units differ too little from each other; 1 where every row is a unit.

    Draws from k units vary by (k - 1) / k of what units vary, and there are only k of them.
    """
    if int(units.max()) + 1 == len(units):
        return 1.0
    count = effective_units(units)
    return min(_WIDEST, student_over_normal(count) * sqrt(count / max(count - 1, 1e-6)))


def range_of(metric: str) -> tuple[float, float]:
    """Returns the least and the greatest value of a metric."""
    return _RANGES.get(metric, (0.0, 1.0))


def evaluate(statistic: Statistic, n: int) -> float:
    """Returns a statistic of `n` rows as they are."""
    return float(statistic(np.ones((1, n)))[0])


def resample(statistics: Mapping[str, Statistic], units: Whole, *, seed: int) -> dict[str, Floats]:
    """Returns each statistic of 1,000 resamples of rows, drawn with replacement: whole units of them.

    Args:
        units: Each row's unit, from 0 on, shape (rows,).
    """
    random = np.random.default_rng(seed)
    count = int(units.max()) + 1
    block = max(1, min(RESAMPLES, _CELLS // len(units)))
    values: dict[str, list[Floats]] = {name: [] for name in statistics}
    for start in range(0, RESAMPLES, block):
        weights = _draw(random, min(block, RESAMPLES - start), count)[:, units]
        for name, statistic in statistics.items():
            values[name].append(statistic(weights))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _draw(random: np.random.Generator, count: int, n: int) -> Floats:
    """Returns how often each of `n` units is drawn, shape (count, n)."""
    drawn = random.integers(0, n, size=(count, n)) + np.arange(count)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


def bootstrap(statistics: Mapping[str, Statistic], units: Whole, *, seed: int) -> dict[str, Measured]:
    """Returns each statistic with its 95 % percentile interval; leaves out what these rows do not define.

    The value always lies within its interval: where a statistic is biased under resampling (calibration
    error is: noise only adds to it), the interval is widened to hold it.

    Units that are few, or of uneven size, vary less when they are drawn again than others would: the interval
    is widened for it, within what the metric can be.

    Args:
        units: Each row's unit, from 0 on, shape (rows,).

    Source:
        Efron, B. and Tibshirani, R. (1993). An Introduction to the Bootstrap, chapter 13; of whole units:
        Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, section 3.8.
    """
    n = len(units)
    values = {name: evaluate(statistic, n) for name, statistic in statistics.items()}
    defined = {name: statistic for name, statistic in statistics.items() if not np.isnan(values[name])}
    if not defined:
        return {}
    wider, found = widening(units), {}
    for name, drawn in resample(defined, units, seed=seed).items():
        low, high = range_of(name)
        spread = values[name] + wider * (drawn - values[name]) if wider > 1 else drawn
        found[name] = measured(values[name], *percentiles(np.clip(spread, low, high)), n=n)
    return found


def percentiles(drawn: Floats) -> tuple[float, float]:
    """Returns the 2.5 % and 97.5 % points of those values that are defined."""
    kept = drawn[~np.isnan(drawn)]
    low, high = np.percentile(kept, [2.5, 97.5]) if kept.size else (np.inf, -np.inf)
    return float(low), float(high)
