"""Near duplicates of a whole collection, as clusters.

Owns the order of things: texts are signed as they come, texts with the same words are joined first, then
those that meet in a band and, where that is asked for, are truly near. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from freehold.data.forest import Forest
from freehold.data.scale.bands import Meeting, count_partitions, find_meetings
from freehold.data.scale.minhash import find_keys, sign
from freehold.data.scale.scheme import Scheme
from freehold.data.scale.similarity import compare
from freehold.data.scale.store import Store
from freehold.data.scale.words import Packed, shingle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]
    Mask = NDArray[np.bool_]

__all__ = ["Clusters", "Collection", "Signed", "sign_batch"]

WINDOW = 64
"""With how many later texts of its band a text is compared. Templates by the thousand meet without being near;
this bounds the work. Members of one cluster are found through each other."""

_PAIRS = 1 << 16


class Signed(NamedTuple):
    """What is kept of a batch of texts: see `Shingled` for the first three; a row of `keys` for each band."""

    names: NDArray[np.uint64]
    hashes: NDArray[np.uint32]
    counts: NDArray[np.uint32]
    keys: NDArray[np.uint64]


class Clusters(NamedTuple):
    """Who belongs together.

    Attributes:
        roots: For each text the position of the first one of its cluster.
        same: Texts that have the words of an earlier one.
        compared: Pairs that were compared exactly.
        near: Those of them that are near.
    """

    roots: Positions
    same: int
    compared: int
    near: int


def sign_batch(texts: Packed, scheme: Scheme) -> Signed:
    """Returns what is kept of texts. Pure: batches can be signed anywhere, in any order."""
    import numpy as np

    shingled = shingle(texts, scheme)
    keys = find_keys(sign(shingled, scheme), scheme)
    return Signed(shingled.names, shingled.hashes, np.diff(shingled.starts).astype(np.uint32), keys)


class Collection:
    """Texts on their way to clusters; add all of them, then ask once.

    Args:
        scheme: How they are signed.
        store: Keeps what was signed.
        exact: Joins only pairs whose true similarity reaches the threshold; otherwise all that meet.
    """

    def __init__(self, scheme: Scheme, *, store: Store, exact: bool = True) -> None:
        self._scheme = scheme
        self._store = store
        self._exact = exact
        self._present: list[Mask] = []
        self._compared = self._near = 0

    def add(self, signed: Signed, *, present: Mask) -> None:
        """Adds a batch. Texts that are not `present` are each a cluster of their own."""
        self._store.append("names", signed.names)
        for band, keys in enumerate(signed.keys):
            self._store.append(f"band-{band}", keys)
        if self._exact:
            self._store.append("hashes", signed.hashes)
            self._store.append("counts", signed.counts)
        self._present.append(present)

    def find(self, *, memory: int, tell: Callable[[int, int], None] = lambda done, all_: None) -> Clusters:
        """Returns the clusters.

        Args:
            memory: Bytes for what is sorted at a time; besides, each text takes some 30.
            tell: Called after each band with how many are done, and how many there are.
        """
        import numpy as np

        if not self._present:
            return Clusters(np.empty(0, np.int64), 0, 0, 0)
        alive = np.concatenate(self._present)
        forest = Forest(len(alive))
        parts = count_partitions(len(alive), memory=memory)
        for meeting in find_meetings(self._store, "names", alive=alive, parts=parts):
            forest.join_all(*meeting.pairs(1))
        firsts = forest.roots() == np.arange(len(alive))
        same = int(len(alive) - firsts.sum())
        alive &= firsts
        near = self._nearness()
        for band in range(self._scheme.bands):
            tell(band, self._scheme.bands)
            for meeting in find_meetings(self._store, f"band-{band}", alive=alive, parts=parts):
                self._join(meeting, forest=forest, near=near)
        tell(self._scheme.bands, self._scheme.bands)
        return Clusters(forest.roots(), same, self._compared, self._near)

    def _nearness(self) -> Callable[[Positions, Positions], Mask] | None:
        """Returns what says of pairs whether they are truly near; None where nobody asks."""
        import numpy as np

        if not self._exact:
            return None
        counts = self._store.whole("counts")
        starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        hashes = self._store.whole("hashes")

        def near(ones: Positions, others: Positions) -> Mask:
            shares = compare(hashes, starts, ones=ones, others=others)
            return np.asarray(shares >= self._scheme.threshold)

        return near

    def _join(
        self, meeting: Meeting, *, forest: Forest, near: Callable[[Positions, Positions], Mask] | None
    ) -> None:
        if near is None:
            forest.join_all(*meeting.pairs(1))
            return
        for distance in range(1, WINDOW + 1):
            ones, others = meeting.pairs(distance)
            if not len(ones):
                return
            for start in range(0, len(ones), _PAIRS):
                one, other = ones[start : start + _PAIRS], others[start : start + _PAIRS]
                apart = forest.apart(one, other)
                one, other = one[apart], other[apart]
                found = near(one, other)
                self._compared += len(one)
                self._near += int(found.sum())
                forest.join_all(one[found], other[found])
