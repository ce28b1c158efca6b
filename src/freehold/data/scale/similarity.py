"""The true Jaccard similarity of pairs, many at once.

Owns comparing sets of shingles' hashes. Two shingles of a pair fall together once in 2^32, which is the only
difference to comparing the shingles themselves. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Short = NDArray[np.uint32]
    Positions = NDArray[np.int64]
    Shares = NDArray[np.float64]

__all__ = ["compare"]

_MOST = 1 << 19
"""Shingles that are compared at a time."""


def compare(hashes: Short, starts: Positions, *, ones: Positions, others: Positions) -> Shares:
    """Returns the Jaccard similarity of each pair.

    Args:
        hashes: The shingles of all texts; a text may have one twice.
        starts: Where those of each text begin, and where the last ones end.
        ones: Positions of texts.
        others: Positions of the texts that they are compared with.
    """
    import numpy as np

    sizes = starts[ones + 1] - starts[ones] + starts[others + 1] - starts[others]
    shares = np.empty(len(ones))
    ends = np.cumsum(sizes)
    low = 0
    while low < len(ones):
        before = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + _MOST, side="right")))
        one = _gather(hashes, starts, ones[low:high])
        other = _gather(hashes, starts, others[low:high])
        shares[low:high] = _share(one, other, count=high - low)
        low = high
    return shares


def _gather(hashes: Short, starts: Positions, which: Positions) -> NDArray[np.uint64]:
    """Returns each text's distinct shingles under the number of its pair, sorted."""
    import numpy as np

    sizes = starts[which + 1] - starts[which]
    pairs = np.repeat(np.arange(len(which)), sizes)
    inside = np.arange(len(pairs)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = hashes[np.repeat(starts[which], sizes) + inside]
    named = pairs.astype(np.uint64) << np.uint64(32) | found
    named.sort()
    fresh = np.ones(len(named), bool)
    fresh[1:] = named[1:] != named[:-1]
    return np.asarray(named[fresh])


def _share(one: NDArray[np.uint64], other: NDArray[np.uint64], *, count: int) -> Shares:
    import numpy as np

    both = np.concatenate([one, other])
    both.sort()
    twice = both[1:][both[1:] == both[:-1]]
    shared = np.bincount((twice >> np.uint64(32)).astype(np.int64), minlength=count)
    total = np.bincount((both >> np.uint64(32)).astype(np.int64), minlength=count)
    return np.asarray(shared / (total - shared))
