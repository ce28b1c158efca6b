"""What is taken for what: the pairs of labels behind a low agreement, with items to look at.

Owns the order of the pairs. What is to be done about them is for whoever writes the guidelines.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.label.crowd.overlap import explain_overlap
from freehold.label.crowd.tallies import Tally, tally
from freehold.label.crowd.votes import Floats, Votes, Whole

__all__ = ["Confusion", "find_confusions"]


class Confusion(NamedTuple):
    """Two labels that experts give to the same items.

    Attributes:
        observed: How many answers are the one label where another expert says the other: each answer counts by the
            share of the item's other experts.
        expected: How many there would be by chance, with labels as common as they are.
        excess: How many more there are than if the field's disagreement were spread by chance alone.
        items: Where it happened, those first of whose answers the two labels are most.
    """

    labels: tuple[str, str]
    observed: float
    expected: float
    excess: float
    items: tuple[str, ...]


class _Meetings(NamedTuple):
    """Where two labels meet in one pattern: the pattern, the labels in order, and the share of answers."""

    pattern: Whole
    one: Whole
    other: Whole
    weight: Floats

    def only(self, kept: NDArray[np.bool_]) -> _Meetings:
        """Returns some of them."""
        return _Meetings(self.pattern[kept], self.one[kept], self.other[kept], self.weight[kept])


def find_confusions(votes: Votes, *, most: int = 20, examples: int = 5) -> list[Confusion]:
    """Returns the pairs of labels that are confused, worst first: by excess, then by how often.

    Observed over expected, added up over all pairs, is one less nominal alpha: a pair is worse than others where
    its ratio is above that of the field as a whole, and counts by how many answers that makes.

    Args:
        most: How many pairs at most.
        examples: How many items of each at most.
    """
    if explain_overlap(votes):
        return []
    counts = tally(votes)
    met = _meet(counts)
    size = len(votes.labels)
    pairs, of_meeting = np.unique(met.one * size + met.other, return_inverse=True)
    observed = np.bincount(of_meeting, met.weight * counts.items[met.pattern], minlength=len(pairs))
    totals = counts.totals(counts.items.astype(np.float64))
    answers = totals.sum()
    one, other = np.divmod(pairs, size)
    expected = 2 * totals[one] * totals[other] / (answers - 1)
    by_chance = (answers**2 - totals @ totals) / (answers - 1)
    excess = observed - expected * observed.sum() / by_chance if len(pairs) else observed
    order = np.lexsort([pairs, -observed, -np.round(excess, 9)])[:most]
    return [
        Confusion(
            labels=(votes.labels[int(one[pair])], votes.labels[int(other[pair])]),
            observed=round(float(observed[pair]), 6),
            expected=round(float(expected[pair]), 6),
            excess=round(float(excess[pair]), 6),
            items=_show(votes, counts, met=met.only(of_meeting == pair), most=examples),
        )
        for pair in order.tolist()
    ]


def _meet(counts: Tally) -> _Meetings:
    """Returns every two labels of every pattern: entry by entry with those that follow it in its pattern."""
    nothing = np.empty(0, np.int64)
    found = [_Meetings(nothing, nothing, nothing, np.empty(0))]
    for step in range(1, len(counts.pattern)):
        places = np.flatnonzero(counts.pattern[step:] == counts.pattern[:-step])
        if not places.size:
            break
        pattern, other = counts.pattern[places], places + step
        weight = 2 * counts.count[places] * counts.count[other] / (counts.sizes[pattern] - 1)
        found.append(_Meetings(pattern, counts.label[places], counts.label[other], weight))
    return _Meetings(
        np.concatenate([each.pattern for each in found]),
        np.concatenate([each.one for each in found]),
        np.concatenate([each.other for each in found]),
        np.concatenate([each.weight for each in found]),
    )


def _show(votes: Votes, counts: Tally, *, met: _Meetings, most: int) -> tuple[str, ...]:
    """Returns items in which two labels meet, those first of whose answers they are most."""
    order = np.lexsort([met.pattern, -met.weight / counts.sizes[met.pattern]])
    names: list[str] = []
    for pattern in met.pattern[order].tolist():
        end = int(counts.ends[pattern])
        members = counts.members[end - int(counts.items[pattern]) : end]
        names += [votes.items[item] for item in members[:most].tolist()]
        if len(names) >= most:
            break
    return tuple(names[:most])
