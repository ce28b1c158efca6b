"""The bootstrap over items: how much a measure of agreement would vary with other items like these.

Owns the drawing and what is said where a measure is not defined. Knows no measure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from freehold.label.crowd.votes import Floats, Whole
from freehold.task import Measured

__all__ = ["RESAMPLES", "Coefficient", "Statistic", "bootstrap", "undefined"]

RESAMPLES = 1_000

Statistic: TypeAlias = Callable[[Floats], Floats]
"""Weights of patterns, shape (patterns,), to values, shape (values,); NaN where one is not defined."""


class Coefficient(NamedTuple):
    """A measure of agreement, or why there is none.

    Attributes:
        measured: With its 95 % interval over items, and the number of items; None where it is not defined.
        why: In one plain sentence, why it is not defined; empty where it is.
    """

    measured: Measured | None
    why: str = ""


def undefined(why: str) -> Coefficient:
    """Returns a measure that is not defined."""
    return Coefficient(None, why)


def bootstrap(statistic: Statistic, items: Whole, *, seed: int, why: Sequence[str]) -> list[Coefficient]:
    """Returns each value of a statistic with its 95 % percentile interval.

    Resamples in which a value is not defined are left out; the value always lies within its interval.

    Args:
        items: How many items have each pattern, shape (patterns,): the weights of the items as they are.
        why: What is said where a value is not defined, one for each.

    Source:
        Efron, B. and Tibshirani, R. (1993). An Introduction to the Bootstrap, chapter 13.
    """
    random, n = np.random.default_rng(seed), int(items.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        values = statistic(items.astype(np.float64))
        drawn = np.stack([statistic(_draw(random, items)) for _ in range(RESAMPLES)])
    columns = zip(values.tolist(), drawn.T, why, strict=True)
    return [
        _measured(value, each, n=n) if np.isfinite(value) else undefined(said) for value, each, said in columns
    ]


def _measured(value: float, drawn: Floats, *, n: int) -> Coefficient:
    kept = drawn[np.isfinite(drawn)]
    low, high = np.percentile(kept, [2.5, 97.5]).tolist() if kept.size else (value, value)
    low, high = min(low, value), max(high, value)
    value, low, high = (round(each, 9) + 0.0 for each in (value, low, high))
    return Coefficient(Measured(value, low, high, n))


def _draw(random: np.random.Generator, items: Whole) -> Floats:
    """Returns how many items of each pattern a resample has."""
    n = int(items.sum())
    if 2 * len(items) > n:  # nearly every item is a pattern: one draw for each item is faster
        owners = np.repeat(np.arange(len(items)), items)
        return np.bincount(owners[random.integers(0, n, n)], minlength=len(items)).astype(np.float64)
    return random.multinomial(n, items / n).astype(np.float64)
