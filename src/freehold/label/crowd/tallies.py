"""How often each item got each label, for counting agreement: items with the same counts are counted once.

What is drawn again and again for an interval is then a pattern of counts, and there are few of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from freehold.label.crowd.votes import Floats, Votes, Whole

__all__ = ["Tally", "tally"]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Patterns of counts, of items that at least two experts judged.

    An entry is a label that a pattern has at least once.

    Attributes:
        items: How many items have each pattern, shape (patterns,).
        sizes: How many experts judged an item of each pattern, shape (patterns,).
        pattern: Of each entry, shape (entries,), ascending.
        label: Of each entry, shape (entries,).
        count: How many of the item's experts gave each entry's label, shape (entries,).
        split: With how many of these the item's other experts disagree, in the mean, shape (entries,).
        members: The number of each pattern's items, shape (items,), pattern after pattern.
        ends: Where each pattern's items end in `members`, shape (patterns,).
    """

    labels: tuple[str, ...]
    items: Whole
    sizes: Floats
    pattern: Whole
    label: Whole
    count: Floats
    split: Floats
    members: Whole
    ends: Whole

    def totals(self, weights: Floats) -> Floats:
        """Returns how often each label was given, shape (labels,), where patterns have these weights."""
        return _sum(self.label, weights[self.pattern] * self.count, len(self.labels))

    def disagreements(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns how often experts disagree on each label, and would by chance alone, shape (labels,).

        Each answer counts once, by the share of the item's other experts who disagree on the label. By chance they
        do as if each answer were drawn from all, its own one included.
        """
        observed = _sum(self.label, weights[self.pattern] * self.split, len(self.labels))
        answers, totals = weights @ self.sizes, self.totals(weights)
        return observed, totals * (answers - totals) / answers


def _sum(groups: Whole, values: Floats, size: int) -> Floats:
    return np.bincount(groups, values, minlength=size).astype(np.float64)


def tally(votes: Votes, *, sizes: Whole | None = None) -> Tally:
    """Returns the counts of labels, without items that fewer than two experts judged.

    Args:
        sizes: How many experts judged each item, shape (items,), where some of them chose no label or several.
    """
    many = max(1, len(votes.labels))
    cells, counts = np.unique(votes.item * many + votes.label, return_counts=True)
    item, label = np.divmod(cells, many)
    experts = np.bincount(votes.item, minlength=len(votes.items)) if sizes is None else sizes
    starts = np.searchsorted(item, np.arange(len(votes.items) + 1)).tolist()
    coded = np.ascontiguousarray(np.stack([label, counts], axis=1))
    known: dict[tuple[int, bytes], int] = {}
    kept = np.flatnonzero(experts >= 2)
    of_item = np.array(
        [
            known.setdefault((size, coded[starts[each] : starts[each + 1]].tobytes()), len(known))
            for each, size in zip(kept.tolist(), experts[kept].tolist(), strict=True)
        ],
        np.int64,
    )
    _, first, items = np.unique(of_item, return_index=True, return_counts=True)
    shown = [slice(starts[each], starts[each + 1]) for each in kept[first].tolist()]
    lengths = [part.stop - part.start for part in shown]
    places = np.concatenate([np.empty(0, np.int64), *(np.arange(each.start, each.stop) for each in shown)])
    several = experts[kept][first].astype(np.float64)
    pattern, count = np.repeat(np.arange(len(shown)), lengths), counts[places].astype(np.float64)
    size = several[pattern]
    return Tally(
        labels=votes.labels,
        items=items.astype(np.int64),
        sizes=several,
        pattern=pattern,
        label=label[places],
        count=count,
        split=count * (size - count) / (size - 1),
        members=kept[np.argsort(of_item, kind="stable")],
        ends=np.cumsum(items),
    )
