"""Draws that are the same on every machine and in every release of Python, from a seed that is any text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Chance"]

T = TypeVar("T")


class Chance:
    """A stream of draws.

    Example:
        >>> Chance("a").sample(5, 3) == Chance("a").sample(5, 3)
        True
    """

    def __init__(self, seed: str) -> None:
        self._seed, self._drawn = seed, 0

    def below(self, bound: int) -> int:
        """Returns a whole number from 0 to `bound - 1`, however large; all are equally likely but for 2^-64."""
        wanted = bound.bit_length() // 8 + 9
        self._drawn += 1
        name = f"{self._seed}:{self._drawn}".encode()
        return int.from_bytes(hashlib.shake_256(name).digest(wanted), "big") % bound

    def pick(self, items: Sequence[T]) -> T:
        """Returns one of the items."""
        return items[self.below(len(items))]

    def happens(self, share: float) -> bool:
        """Returns True in this share of all calls."""
        return self.below(1 << 53) < share * (1 << 53)

    def sample(self, bound: int, count: int) -> list[int]:
        """Returns distinct numbers below a bound, `count` of them or all there are; never lists all there are."""
        if count >= bound:
            return self.shuffle(list(range(bound)))
        found: dict[int, None] = {}
        for top in range(bound - count, bound):  # Floyd's algorithm: one draw a number, whatever the bound
            drawn = self.below(top + 1)
            found[top if drawn in found else drawn] = None
        return self.shuffle(list(found))

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """Returns the items in an order that is drawn."""
        mixed = list(items)
        for place in range(len(mixed) - 1, 0, -1):
            other = self.below(place + 1)
            mixed[place], mixed[other] = mixed[other], mixed[place]
        return mixed
