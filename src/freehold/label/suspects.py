"""Labels that look wrong, from what held-out probabilities say: confident learning. Pure numpy.

Owns the confident joint, the share of wrong labels with its interval, and which labels are suspected, the most
suspect first. Knows nothing of texts, of examples or of how the probabilities were made.

Northcutt, Jiang, Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 1373-1411.
Rows are ranked by self-confidence, the held-out probability of the label that a row has, which is what the
authors' own library (cleanlab) takes unless told otherwise. As many are suspected as the joint says are wrong.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.task import wilson_bounds

__all__ = ["LEAST", "UNKNOWN", "Findings", "Share", "Suspect", "find_flipped", "find_suspects"]

UNKNOWN = -1
"""Stands in the place of a label that is missing."""
LEAST = 20
"""A label with fewer rows that do not depend on each other is not judged: what learned from so few errs itself."""
_ROUNDING = 1e-6

Labels = NDArray[np.int64]
Chances = NDArray[np.floating[Any]]


class Share(NamedTuple):
    """An estimated share with its 95 % interval, of `n` labels.

    The interval is about the draw of the rows. That the model errs in ways of its own is not in it.
    """

    value: float
    low: float
    high: float
    n: int


class Suspect(NamedTuple):
    """A label that looks wrong: where it stands, and what it looks like.

    Attributes:
        row: Place of the row.
        column: The label that the row has; of several labels, the one that is in doubt.
        likely: The label that it looks like; of several labels, 1 where it looks missing, 0 where superfluous.
        trust: Held-out probability that what the row says is right.
        chance: Held-out probability of `likely`.
    """

    row: int
    column: int
    likely: int
    trust: float
    chance: float


class Findings(NamedTuple):
    """What was found.

    Attributes:
        share: Of the judged labels, how many are estimated to be wrong; None where none could be judged.
        suspects: The most suspect first.
    """

    share: Share | None
    suspects: tuple[Suspect, ...]


class _Judged(NamedTuple):
    """One problem's rows, judged.

    Attributes:
        rows: Places of the judged rows.
        wrong: Estimated share of wrong labels.
        pull: What each judged row does to this estimate; they sum to 0.
        order: The suspects among `rows`, the most suspect first.
    """

    rows: NDArray[np.int64]
    wrong: float
    pull: NDArray[np.float64]
    order: NDArray[np.int64]


def find_suspects(
    chances: Chances, given: Labels, *, groups: Labels | None = None, open: NDArray[np.bool_] | None = None
) -> Findings:
    """Returns the labels that look wrong where each row has one of several labels.

    Args:
        chances: Held-out probabilities, shape (rows, labels).
        given: The label that each row has, `UNKNOWN` where it has none, shape (rows,).
        groups: Rows with the same number are not independent of each other; each is alone where None.
        open: Which rows may be suspected; all where None. Thresholds are learned from the others, too.

    Example:
        >>> given = np.repeat([0, 1], 30)
        >>> given[0] = 1
        >>> chances = np.where(np.arange(60)[:, None] < 30, [0.9, 0.1], [0.1, 0.9])
        >>> [each.row for each in find_suspects(chances, given).suspects]
        [0]
    """
    count = len(given)
    groups = np.arange(count) if groups is None else groups
    open = np.ones(count, bool) if open is None else open
    judged = _judge(chances, given, groups=groups, open=open)
    if judged is None:
        return Findings(None, ())
    rows = judged.rows[judged.order]
    best = chances[rows].argmax(1)
    found = zip(rows.tolist(), given[rows].tolist(), best.tolist(), strict=True)
    suspects = tuple(Suspect(r, g, b, float(chances[r, g]), float(chances[r, b])) for r, g, b in found)
    share = _interval(judged.wrong, _sum_by(groups[judged.rows], judged.pull), n=len(judged.rows))
    return Findings(share, suspects)


def find_flipped(
    chances: Chances, given: Labels, *, groups: Labels | None = None, open: NDArray[np.bool_] | None = None
) -> Findings:
    """Returns the labels that look wrong where a row has any number of them: each label is a question of its own.

    The share is that of wrong decisions, one for each row and label that could be judged.

    Args:
        chances: Held-out probability of each label, shape (rows, labels).
        given: 1 where a row has a label, 0 where not, `UNKNOWN` where nobody said, shape (rows, labels).
        groups: As in `find_suspects`.
        open: As in `find_suspects`.
    """
    count, columns = given.shape
    groups = np.arange(count) if groups is None else groups
    open = np.ones(count, bool) if open is None else open
    wrong, total, pulls, suspects = 0.0, 0, np.zeros(count), list[Suspect]()
    for column in range(columns):
        pair = np.column_stack([1 - chances[:, column], chances[:, column]])
        judged = _judge(pair, given[:, column].astype(np.int64), groups=groups, open=open)
        if judged is None or (given[judged.rows, column] == 0).all():
            continue
        size = len(judged.rows)
        wrong, total = wrong + judged.wrong * size, total + size
        pulls[judged.rows] += judged.pull * size
        for row in judged.rows[judged.order].tolist():
            said = int(given[row, column])
            suspects.append(Suspect(row, column, 1 - said, float(pair[row, said]), float(pair[row, 1 - said])))
    if not total:
        return Findings(None, ())
    share = _interval(wrong / total, _sum_by(groups, pulls / total), n=total)
    return Findings(share, tuple(sorted(suspects, key=lambda each: (each.trust, each.row, each.column))))


def _judge(chances: Chances, given: Labels, *, groups: Labels, open: NDArray[np.bool_]) -> _Judged | None:
    """Returns how wrong one problem's labels look; None where there is nothing to compare."""
    columns = chances.shape[1]
    known = given != UNKNOWN
    pairs = np.unique(np.column_stack([given[known], groups[known]]), axis=0)
    enough = np.bincount(pairs[:, 0], minlength=columns) >= LEAST
    rows = np.flatnonzero(known & open & enough[np.where(known, given, 0)])
    if enough.sum() < 2 or not len(rows):
        return None
    mine, label = chances[rows], given[rows]
    sure = mine >= _thresholds(chances[known], given[known], enough=enough)
    looks = np.where(sure, mine, -1.0).argmax(1)
    confident, off = sure.any(1), sure.any(1) & (looks != label)
    counts = np.bincount(label, minlength=columns)
    told = np.bincount(label[confident], minlength=columns)
    rates = np.bincount(label[off], minlength=columns) / np.maximum(told, 1)
    wrong = float(counts @ rates) / len(rows)
    # The estimate's influence function: what each row adds to the share of its label, and to its label's rate.
    weight = (counts / np.maximum(told, 1))[label]
    pull = (rates[label] - wrong + weight * confident * (off - rates[label])) / len(rows)
    trust = mine[np.arange(len(rows)), label]
    doubted = np.flatnonzero(mine.argmax(1) != label)
    order = doubted[np.argsort(trust[doubted], kind="stable")][: round(wrong * len(rows))]
    return _Judged(rows, wrong, pull, order)


def _thresholds(chances: Chances, given: Labels, *, enough: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns each label's mean self-confidence: from there on a row counts as one of it; never for a rare one."""
    columns = len(enough)
    own = chances[np.arange(len(given)), given]
    means = np.bincount(given, own, minlength=columns) / np.maximum(np.bincount(given, minlength=columns), 1)
    return np.where(enough, means - _ROUNDING, np.inf)


def _sum_by(groups: Labels, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the sum of each group's values."""
    _, places = np.unique(groups, return_inverse=True)
    return np.asarray(np.bincount(places, values), np.float64)


def _interval(value: float, pulls: NDArray[np.float64], *, n: int) -> Share:
    """Returns Wilson's interval of as many independent rows as the groups are worth."""
    variance = float((pulls**2).sum())
    worth = value * (1 - value) / variance if variance else float(len(pulls))
    return Share(value, *wilson_bounds(value, worth), n)
