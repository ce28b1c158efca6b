"""Disjoint sets of positions: who belongs together, by way of whom.

Owns union and find, pair by pair and for whole arrays of pairs. Knows nothing of what the positions are of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]
    Mask = NDArray[np.bool_]

__all__ = ["Forest"]


class Forest:
    """Disjoint sets of positions; each set is known by its smallest member, its root.

    Args:
        size: How many positions there are; each begins as a set of its own. Eight bytes each.
    """

    def __init__(self, size: int) -> None:
        import numpy as np

        self._parents = np.arange(size)

    def join(self, one: int, other: int) -> None:
        """Makes one set of two."""
        low, high = sorted((self._root(one), self._root(other)))
        self._parents[high] = low

    def join_all(self, ones: Positions, others: Positions) -> None:
        """Joins many pairs. The order of the pairs makes no difference.

        Each round hangs every root under the smallest root that one of its pairs leads to; rounds end when no
        pair is apart (the hooking of Shiloach and Vishkin, "An O(log n) parallel connectivity algorithm", 1982).
        """
        import numpy as np

        while len(ones):
            one, other = self.find(ones), self.find(others)
            apart = one != other
            ones, others = one[apart], other[apart]
            np.minimum.at(self._parents, np.maximum(ones, others), np.minimum(ones, others))

    def find(self, positions: Positions) -> Positions:
        """Returns the roots of some positions, and shortens their ways to them."""
        import numpy as np

        roots = self._parents[positions]
        while (above := self._parents[roots]) is not None and not np.array_equal(above, roots):
            roots = above
        self._parents[positions] = roots
        return roots

    def roots(self) -> Positions:
        """Returns the root of every position; finding them shortens the ways to them."""
        while (self._parents[self._parents] != self._parents).any():
            self._parents = self._parents[self._parents]
        return self._parents

    def apart(self, ones: Positions, others: Positions) -> Mask:
        """Returns for each pair whether its members are in different sets."""
        different: Mask = self.find(ones) != self.find(others)
        return different

    def _root(self, position: int) -> int:
        while (parent := int(self._parents[position])) != position:
            position = parent
        return position
