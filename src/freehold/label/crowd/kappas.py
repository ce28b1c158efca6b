"""Kappa of two experts (Cohen) and of several (Fleiss): the share of agreement that chance alone does not bring.

Where items have different numbers of answers neither is defined; `alpha` is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from freehold.errors import NotFoundError
from freehold.label.crowd.overlap import Agreement, explain_labels, explain_overlap
from freehold.label.crowd.resampling import Statistic, bootstrap, undefined
from freehold.label.crowd.tallies import Tally, tally
from freehold.label.crowd.votes import Floats, Votes, Whole

__all__ = ["Weights", "cohen", "fleiss"]

Weights: TypeAlias = Literal["none", "linear", "quadratic"]
"""What a disagreement costs: the same always, the steps between the labels, or their square."""


class _Cells(NamedTuple):
    """The pairs of labels that two experts gave to the same items, and how many items have each."""

    one: Whole
    other: Whole
    items: Whole


def cohen(
    votes: Votes, *, experts: tuple[str, str] | None = None, weights: Weights = "none", seed: int = 0
) -> Agreement:
    """Returns Cohen's kappa of two experts, on the items that both judged, label by label too.

    Args:
        experts: Whose; the only two where not given.
        weights: Of `Weights`, by the places of labels in `votes.labels`. Labels alone are never weighted.
        seed: Of the bootstrap over items.

    Raises:
        NotFoundError: An expert without a vote.

    Source:
        Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and Psychological Measurement
        20, 37-46. Cohen, J. (1968). Weighted kappa. Psychological Bulletin 70, 213-220.
    """
    why, cells = explain_overlap(votes), None
    if not why and experts is None and len(votes.experts) != 2:
        why = f"Cohen's kappa is of two experts, and {len(votes.experts)} have judged."
    if not why:
        cells = _pair(votes, experts or (votes.experts[0], votes.experts[1]))
        why = "" if cells.items.sum() > 1 else "The two experts have not judged two items in common."
    if why or cells is None:
        return Agreement(undefined(why), dict.fromkeys(votes.labels, undefined(why)))
    one, each = explain_labels(votes)
    statistic = _of_two(cells, size=len(votes.labels), weights=weights)
    found = bootstrap(statistic, cells.items, seed=seed, why=[one, *each])
    return Agreement(found[0], dict(zip(votes.labels, found[1:], strict=True)))


def _pair(votes: Votes, experts: tuple[str, str]) -> _Cells:
    columns = []
    for expert in experts:
        if expert not in votes.experts:
            raise NotFoundError(f"Expert {expert!r} has judged nothing here.")
        own = votes.expert == votes.experts.index(expert)
        labels = np.full(len(votes.items), -1)
        labels[votes.item[own]] = votes.label[own]
        columns.append(labels)
    both = (columns[0] >= 0) & (columns[1] >= 0)
    size = max(1, len(votes.labels))
    found, items = np.unique(columns[0][both] * size + columns[1][both], return_counts=True)
    return _Cells(*np.divmod(found, size), items.astype(np.int64))


def _of_two(cells: _Cells, *, size: int, weights: Weights) -> Statistic:
    same = cells.one == cells.other

    def statistic(drawn: Floats) -> Floats:
        n = drawn.sum()
        rows, columns = (np.bincount(each, drawn, minlength=size) / n for each in (cells.one, cells.other))
        hits = np.bincount(cells.one[same], drawn[same], minlength=size) / n
        apart = rows + columns - 2 * hits
        labels = 1 - apart / (rows + columns - 2 * rows * columns)
        if weights == "none":
            overall = 1 - apart.sum() / (rows + columns - 2 * rows * columns).sum()
        else:
            steps = np.abs(cells.one - cells.other) ** (1 if weights == "linear" else 2)
            overall = 1 - (drawn @ steps) / n / _cost(rows, columns, weights)
        return np.concatenate([[overall], labels])

    return statistic


def _cost(rows: Floats, columns: Floats, weights: Weights) -> float:
    """Returns what two answers drawn apart cost in the mean, without a table of all pairs."""
    if weights == "linear":
        below, beneath = np.cumsum(rows), np.cumsum(columns)
        return float((below * (1 - beneath) + beneath * (1 - below)).sum())
    places = np.arange(len(rows))
    return float(rows @ places**2 + columns @ places**2 - 2 * (rows @ places) * (columns @ places))


def fleiss(votes: Votes, *, seed: int = 0, judged: Whole | None = None) -> Agreement:
    """Returns Fleiss' kappa, and that of each label against all others.

    Args:
        seed: Of the bootstrap over items.
        judged: As for `alpha`.

    Source:
        Fleiss, J. L. (1971). Measuring nominal scale agreement among many raters. Psychological Bulletin 76,
        378-382.
    """
    why, counts = explain_overlap(votes, judged), None
    if not why:
        counts = tally(votes, sizes=judged)
        fewest, most = int(counts.sizes.min()), int(counts.sizes.max())
        if fewest < most:
            why = f"Fleiss' kappa takes as many answers to each item; here are {fewest} to {most}."
    if why or counts is None:
        return Agreement(undefined(why), dict.fromkeys(votes.labels, undefined(why)))
    one, each = explain_labels(votes)
    found = bootstrap(_of_several(counts), counts.items, seed=seed, why=[one, *each])
    return Agreement(found[0], dict(zip(votes.labels, found[1:], strict=True)))


def _of_several(counts: Tally) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        observed, expected = counts.disagreements(weights)
        return 1 - np.concatenate([[observed.sum() / expected.sum()], observed / expected])

    return statistic
