"""Which texts meet in a band: partitions that are sorted in memory, and the pairs in them.

Owns going through a column of keys, however long it is, with as much memory as is allowed. Knows nothing of
what is done with the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from freehold.data.scale.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Positions = NDArray[np.int64]
    Mask = NDArray[np.bool_]

__all__ = ["Meeting", "count_partitions", "find_meetings"]

EACH = 40
"""Bytes that sorting takes for a row: its key and its position, twice, and one number more."""


class Meeting(NamedTuple):
    """Rows that share a key with another row: sorted by key, and by position among the same key."""

    keys: Keys
    positions: Positions

    def pairs(self, distance: int) -> tuple[Positions, Positions]:
        """Returns the pairs of rows with the same key that stand so far from each other."""
        import numpy as np

        same = np.flatnonzero(self.keys[distance:] == self.keys[:-distance])
        return self.positions[same], self.positions[same + distance]


def count_partitions(rows: int, *, memory: int) -> int:
    """Returns into how many parts keys must be divided to be sorted in so many bytes; a power of two."""
    parts = 1
    while parts < 1 << 12 and rows * EACH > memory * parts:
        parts *= 2
    return parts


def find_meetings(store: Store, name: str, *, alive: Mask, parts: int) -> Iterator[Meeting]:
    """Yields the rows that meet, partition by partition.

    Args:
        store: Has the keys.
        name: Of their column.
        alive: Which rows are looked at.
        parts: How many times the column is read, for a part of the keys each time.
    """
    import numpy as np

    shift = np.uint64(65 - parts.bit_length())
    for part in range(parts):
        found_keys: list[Keys] = []
        found: list[Positions] = []
        start = 0
        for keys in store.read(name):
            wanted = alive[start : start + len(keys)]
            if parts > 1:
                wanted = wanted & (keys >> shift == np.uint64(part))
            places = np.flatnonzero(wanted)
            found_keys.append(keys[places])
            found.append(places + start)
            start += len(keys)
        if found:
            yield _sort(np.concatenate(found_keys), np.concatenate(found))


def _sort(keys: Keys, positions: Positions) -> Meeting:
    """Returns rows by key and position, without those that are alone.

    Numbers made of both are sorted, which is faster than ordering by keys, and as good: keys whose upper bits
    are the same may lie among each other, but then they are compared once more or once less only.
    """
    import numpy as np

    bits = np.uint64(max(1, len(keys).bit_length()))
    packed = (keys >> bits << bits) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    order = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    ranked = keys[order]
    same = ranked[1:] == ranked[:-1]
    kept = np.zeros(len(ranked), bool)
    kept[1:] = same
    kept[:-1] |= same
    return Meeting(ranked[kept], positions[order[kept]])
