"""Who called which item what: the table that everything about experts is counted from.

Owns its order, so that the order in which rows come changes nothing, and what it refuses. Labels are plain
strings; what a field's values are is known to `decisions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.errors import DataError

__all__ = ["Floats", "Repeats", "Vote", "Votes", "Whole", "tabulate"]

Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]
Repeats: TypeAlias = Literal["refuse", "count"]

_SHOWN = 20


class Vote(NamedTuple):
    """What one expert called one item; None where the expert passed."""

    item: str
    expert: str
    label: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Votes as columns of numbers, in the order of items, experts and labels.

    Attributes:
        items: Those with a vote, sorted.
        experts: Those with a vote, sorted.
        labels: What may be chosen, in order.
        closed: Whether labels were given, so that others are refused.
        item: Of each vote, shape (votes,), ascending.
        expert: Of each vote, shape (votes,).
        label: Of each vote, shape (votes,).
    """

    items: tuple[str, ...]
    experts: tuple[str, ...]
    labels: tuple[str, ...]
    closed: bool
    item: Whole
    expert: Whole
    label: Whole

    def __len__(self) -> int:
        return len(self.item)

    def rows(self) -> list[Vote]:
        """Returns the votes as rows, in their order."""
        columns = zip(self.item.tolist(), self.expert.tolist(), self.label.tolist(), strict=True)
        return [Vote(self.items[i], self.experts[e], self.labels[v]) for i, e, v in columns]

    def with_more(self, rows: Iterable[Vote], *, repeats: Repeats = "refuse") -> Votes:
        """Returns these votes and more: the table that all of them at once would have made."""
        return tabulate([*self.rows(), *rows], labels=self.labels if self.closed else (), repeats=repeats)

    def repeated(self) -> Vote | None:
        """Returns the first vote of an expert on an item that has one of the same expert already."""
        again = (np.diff(self.item) == 0) & (np.diff(self.expert) == 0)
        place = int(again.argmax()) + 1 if again.any() else 0
        if not place:
            return None
        item, expert, label = (int(column[place]) for column in (self.item, self.expert, self.label))
        return Vote(self.items[item], self.experts[expert], self.labels[label])


def tabulate(rows: Iterable[Vote], *, labels: Sequence[str] = (), repeats: Repeats = "refuse") -> Votes:
    """Returns votes as a table, which is the same for the same rows in any order.

    Args:
        rows: Votes; those without a label say that an expert passed, and are left out.
        labels: What may be chosen, in order. Where not given: what was chosen, sorted.
        repeats: Whether an expert may vote on an item more than once. Several looks of one expert are evidence
            for `dawid_skene`; they are no agreement between experts.

    Raises:
        DataError: A label that may not be chosen, or a second vote that was to be refused.

    Example:
        >>> tabulate([Vote("1", "ann", "spam"), Vote("1", "bob", "ham")]).labels
        ('ham', 'spam')
    """
    kept = [row for row in rows if row.label is not None]
    names = tuple(dict.fromkeys(labels)) or tuple(sorted({str(row.label) for row in kept}))
    items, experts = tuple(sorted({row.item for row in kept})), tuple(sorted({row.expert for row in kept}))
    columns = [
        _number([row.item for row in kept], items),
        _number([row.expert for row in kept], experts),
        _number_labels(kept, names),
    ]
    order = np.lexsort(columns[::-1])
    item, expert, label = (column[order] for column in columns)
    votes = Votes(items, experts, names, bool(labels), item, expert, label)
    if repeats == "refuse" and (twice := votes.repeated()):
        raise DataError(
            f"Expert {twice.expert!r} judged item {twice.item!r} more than once.",
            hint="Keep the last judgement of each expert on an item.",
        )
    return votes


def _number(values: Sequence[str], names: Sequence[str]) -> Whole:
    places = _places(names)
    return np.fromiter((places[value] for value in values), np.int64, len(values))


def _number_labels(rows: Sequence[Vote], names: Sequence[str]) -> Whole:
    places = _places(names)
    for row in rows:
        if row.label not in places:
            allowed = ", ".join(f"`{name}`" for name in names[:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise DataError(
                f"Expert {row.expert!r} gave item {row.item!r} the label {row.label!r}, which is none of the "
                f"field's: {allowed}{more}.",
                hint="Add the label to the task file, or correct the judgement.",
            )
    return _number([str(row.label) for row in rows], names)


def _places(names: Sequence[str]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}
