"""One list out of several: what was picked, what looks wrong, and rows picked by chance between them.

Owns the place of each row on the review list. Rows that are held apart have a fixed share of the places, counting
what was answered before, so that the share holds however often the list is made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

__all__ = ["HELD_REASON", "Ordered", "interleave"]

T = TypeVar("T")

HELD_REASON = "picked at random: its answer measures the model and trains nothing"
_STEP = 1e-7


class Ordered(NamedTuple, Generic[T]):
    """An item of the list; `worth` falls from one to the next."""

    item: T
    worth: float


def interleave(
    lists: Sequence[Sequence[tuple[T, float]]],
    held: Iterable[T],
    *,
    share: float,
    answered: int = 0,
    answered_held: int = 0,
) -> list[Ordered[T]]:
    """Returns all items in one order: lists are merged by worth, each keeps its own order.

    Args:
        lists: Items with what they are worth, each list in the order that it wants.
        held: Items picked by chance; those for which there is no place left are left out.
        share: Of the places, for held items.
        answered: How many items were answered before.
        answered_held: How many of them were held ones.

    Example:
        >>> [each.item for each in interleave([[("a", 0.9), ("b", 0.2)], [("c", 0.5)]], "xy", share=0.4)]
        ['x', 'a', 'y', 'c', 'b']
    """
    merged = _merge(lists)
    waiting = iter(held)
    out: list[tuple[T, float]] = []
    taken, place = answered_held, answered
    for item, worth in merged:
        while taken < share * (place + 1) and (drawn := next(waiting, None)) is not None:
            out.append((drawn, worth))
            taken, place = taken + 1, place + 1
        out.append((item, worth))
        place += 1
    if not merged or share == 1:
        out += [(each, 0.5) for each in waiting] if share else []
    return _fall(out)


def _merge(lists: Sequence[Sequence[tuple[T, float]]]) -> list[tuple[T, float]]:
    """Merges by worth: an item comes no earlier than those before it in its own list."""
    keyed = []
    for number, each in enumerate(lists):
        least = 1.0
        for place, (item, worth) in enumerate(each):
            least = min(least, worth)
            keyed.append((-least, number, place, item))
    keyed.sort(key=lambda entry: entry[:3])
    return [(item, -negative) for negative, _, _, item in keyed]


def _fall(items: Sequence[tuple[T, float]]) -> list[Ordered[T]]:
    """Returns the items with a worth that falls: what is read by worth is read in this order."""
    room, out = _STEP * (len(items) + 1), list[Ordered[T]]()
    for place, (item, worth) in enumerate(items):
        out.append(Ordered(item, worth * (1 - room) + _STEP * (len(items) - place)))
    return out
