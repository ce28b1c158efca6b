"""Texts of two sets that differ by an edit or two: what a set of n-grams is too coarse for in a short sentence.

Owns finding all such pairs. A text is cut into so many pieces that a few edits cannot touch all of them, so that
one piece is in the other text unchanged, near its place: Pass-Join (Li, Deng, Wang, Feng, "Pass-Join: a
partition-based method for similarity joins", 2011). What has a piece in common is compared exactly, by the
restricted Damerau distance (an inserted, dropped or replaced character, or two neighbours exchanged). No pair is
missed. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]
    Codes = NDArray[np.uint32]
    Distances = NDArray[np.int8]

__all__ = ["MOST", "Slip", "allowed", "count_edits", "find_slips"]

MOST = 2
"""Edits that make two texts the same but for typing."""

EACH = 8
"""So many characters allow one edit: shorter texts that differ so little say different things."""

_PAIRS = 1 << 15
_FAR = 100
_LOOK = 8
"""After so many rows those pairs are left out that cannot come near any more."""


class Slip(NamedTuple):
    """Two texts that differ by so many edits, by their positions."""

    one: int
    other: int
    edits: int


def allowed(length: int) -> int:
    """Returns how many edits may lie between a text of this length and another."""
    return min(MOST, length // EACH)


def find_slips(ones: Sequence[str], others: Sequence[str]) -> list[Slip]:
    """Returns all pairs of a text and one of the others with so few edits between them, or none.

    The shorter of the two says how many are allowed.

    Args:
        ones: The larger set: it is gone through once.
        others: The smaller set: its pieces are held in memory.
    """
    import numpy as np

    index = _Index(others)
    found: list[Slip] = []
    pairs: list[tuple[int, int]] = []

    def settle() -> None:
        if not pairs:
            return
        one, other = np.array(pairs).T
        for (i, j), edits in zip(pairs, count_edits(ones, others, pairs=(one, other)).tolist(), strict=True):
            if edits <= allowed(min(len(ones[i]), len(others[j]))):
                found.append(Slip(i, j, edits))
        pairs.clear()

    for position, text in enumerate(ones):
        pairs.extend((position, other) for other in sorted(index.candidates(text)))
        if len(pairs) >= _PAIRS:
            settle()
    settle()
    return found


class _Index:
    """Texts by their length and their pieces."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._pieces: Mapping[tuple[int, int, str], list[int]] = defaultdict(list)
        for position, text in enumerate(texts):
            for number, (start, end) in enumerate(_cut(len(text))):
                self._pieces[len(text), number, text[start:end]].append(position)
        self._lengths = {length: _cut(length) for length in {len(text) for text in texts}}

    def candidates(self, text: str) -> set[int]:
        """Returns the texts that share a piece with this one, near its place."""
        found: set[int] = set()
        for length in range(len(text) - MOST, len(text) + MOST + 1):
            for number, (start, end) in enumerate(self._lengths.get(length, ())):
                for place in _places(start, end - start, size=len(text)):
                    found.update(self._pieces.get((length, number, text[place : place + end - start]), ()))
        return found


def _places(start: int, size_of_piece: int, *, size: int) -> range:
    return range(max(0, start - MOST), min(size - size_of_piece, start + MOST) + 1)


def _cut(length: int) -> list[tuple[int, int]]:
    """Returns pieces of about one length, one more than the edits can touch: an exchange touches two."""
    count = 2 * allowed(length) + 1
    borders = [length * number // count for number in range(count + 1)]
    return list(pairwise(borders))


def count_edits(ones: Sequence[str], others: Sequence[str], *, pairs: tuple[Positions, Positions]) -> Distances:
    """Returns the edits between the texts of each pair; more than `MOST` stand for any number.

    Only the five diagonals that so few edits can reach are computed, for all pairs at once.
    """
    import numpy as np

    order = np.argsort([len(ones[i]) for i in pairs[0].tolist()], kind="stable")
    edits = np.full(len(order), _FAR, np.int8)
    for start in range(0, len(order), _PAIRS // 8):
        part = order[start : start + _PAIRS // 8]
        edits[part] = _fill(_encode(ones, pairs[0][part]), _encode(others, pairs[1][part]))
    return edits


class _Encoded(NamedTuple):
    codes: Codes
    lengths: Positions


def _encode(texts: Sequence[str], which: Positions) -> _Encoded:
    """Returns characters as numbers, one text a row, with room at both ends."""
    import numpy as np

    distinct, places = np.unique(which, return_inverse=True)
    chosen = [texts[i] for i in distinct.tolist()]
    lengths = np.array([len(text) for text in chosen])
    codes = np.zeros((len(chosen), int(lengths.max(initial=0)) + 2 * MOST + 2), np.uint32)
    for row, text in zip(codes, chosen, strict=True):
        row[MOST + 1 : MOST + 1 + len(text)] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return _Encoded(codes[places], lengths[places])


def _fill(one: _Encoded, other: _Encoded) -> Distances:
    """Returns the distances of the pairs of two encoded columns, row by row of the table of distances."""
    import numpy as np

    apart = other.lengths - one.lengths
    result = np.full(len(apart), _FAR, np.int8)
    width = 2 * MOST + 1
    above = np.full((len(apart), width + 2), _FAR, np.int8)
    for diagonal in range(MOST, width):
        above[:, diagonal + 1] = diagonal - MOST
    twice = np.full_like(above, _FAR)
    other_codes = np.pad(other.codes, ((0, 0), (0, max(0, one.codes.shape[1] - other.codes.shape[1]) + 2 * MOST)))
    left = np.flatnonzero(np.abs(apart) <= MOST)
    above, twice, codes, other_codes = above[left], twice[left], one.codes[left], other_codes[left]
    for row in range(int(one.lengths.max(initial=0)) + 1):
        if row:
            above, twice = _next(above, twice, codes, other_codes, row=row), above
        done = np.flatnonzero(one.lengths[left] == row)
        result[left[done]] = above[done, apart[left[done]] + MOST + 1]
        if row % _LOOK == 0:
            alive = np.flatnonzero((np.minimum(above, twice).min(axis=1) <= MOST) & (one.lengths[left] > row))
            left, above, twice = left[alive], above[alive], twice[alive]
            codes, other_codes = codes[alive], other_codes[alive]
    return result


def _next(above: Distances, twice: Distances, one: Codes, other: Codes, *, row: int) -> Distances:
    """Returns a row of the table of distances from the two above it."""
    import numpy as np

    here = np.full_like(above, _FAR)
    mine, before = one[:, row + MOST], one[:, row + MOST - 1]
    for diagonal in range(2 * MOST + 1):
        column = row + diagonal - MOST
        if column < 0:
            continue
        theirs, earlier = other[:, column + MOST], other[:, column + MOST - 1]
        best = np.minimum(above[:, diagonal + 2], here[:, diagonal]) + np.int8(1)
        if column > 0:
            np.minimum(best, above[:, diagonal + 1] + (mine != theirs), out=best)
        if row > 1 and column > 1:
            swapped = (mine == earlier) & (before == theirs)
            np.minimum(best, np.where(swapped, twice[:, diagonal + 1] + np.int8(1), np.int8(_FAR)), out=best)
        here[:, diagonal + 1] = np.minimum(best, np.int8(_FAR))
    return here
