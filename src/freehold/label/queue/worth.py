"""The built-in strategies: by chance, by doubt, and by how much doubt an answer is expected to settle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.label.queue.coverage import cover, find_alike, narrow, tell_alike
from freehold.label.queue.strategies import STRATEGIES, Pick, Pool

__all__ = ["pick_random", "pick_uncertain", "pick_worth"]

_STRANGE = 0.8
"""From here on it is told that a row is unlike all others."""
_DISCORD = 0.5


@STRATEGIES.register("random.v1")
def pick_random(pool: Pool, *, count: int) -> Sequence[Pick]:
    """Returns rows by chance."""
    drawn = sorted(range(len(pool)), key=lambda row: _draw(pool, row))
    return [Pick(row, 0.5, "picked at random") for row in drawn[:count]]


def _draw(pool: Pool, row: int) -> bytes:
    return hashlib.sha256(f"{pool.seed}:{pool.names[row]}".encode()).digest()


@STRATEGIES.register("uncertainty.v1")
def pick_uncertain(pool: Pool, *, count: int) -> Sequence[Pick]:
    """Returns the rows whose likeliest label is least likely."""
    doubt = pool.doubt
    rows = np.argsort(-doubt, kind="stable")[:count]
    return [Pick(int(row), float(doubt[row]), _tell_doubt(pool, int(row))) for row in rows]


@STRATEGIES.register("worth.v1")
def pick_worth(pool: Pool, *, count: int) -> Sequence[Pick]:
    """Returns rows that stand for much doubt: unsure themselves, near others that are, and near none before them.

    What is unsure: which of the two likeliest labels it has, and whether anything labelled is like the row.
    """
    weights = weigh(pool)
    rows = narrow(pool, weights)
    picks = []
    for each in cover(find_alike(pool.take(rows)), weights[rows], count=count):
        row = int(rows[each.row])
        picks.append(Pick(row, float(weights[row]) * each.open, _tell(pool, row, each.alike)))
    return picks


def weigh(pool: Pool) -> NDArray[np.float64]:
    """Returns how much an answer is expected to tell of the row itself, 0 to 1, shape (rows,)."""
    return np.asarray(1 - (1 - pool.doubt) * (1 - 0.5 * pool.strange))


def _tell(pool: Pool, row: int, alike: int) -> str:
    if pool.strange[row] >= _STRANGE:
        return f"unlike everything that has a label; {tell_alike(alike)}"
    if not pool.labels:
        return f"typical: {tell_alike(alike)}"
    said = _tell_doubt(pool, row)
    if pool.discord[row] >= _DISCORD:
        said = f"{said}; those who guess disagree"
    return f"{said}; {tell_alike(alike)}" if alike else said


def _tell_doubt(pool: Pool, row: int) -> str:
    """Returns the one or two likeliest labels in words."""
    if not pool.labels:
        return "nothing is known of its label"
    best = np.argsort(-pool.chances[row], kind="stable")[:2].tolist()
    words = " or ".join(f"`{pool.labels[column]}` ({pool.chances[row, column]:.2f})" for column in best)
    return f"unsure: {words}"
