"""Texts of one set that have a long run of words of another set's: the check of Brown and others.

Owns which runs count. A text of the second set leaks where 13 of its words in a row are in the first ("Language
Models are Few-Shot Learners", 2020, appendix C). One that is shorter leaks where all of it is; one with fewer than
six words says too little to be called a leak (there the least is eight; of Banking77's questions with four or five
words that stood inside another question, more than half meant something else). Pure. Unlike there, runs that are
in many texts count too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from freehold.data.scale.tables import pack
from freehold.data.scale.words import Words, find_grams, hash_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Positions = NDArray[np.int64]

__all__ = ["RUN", "SHORTEST", "Shared", "find_shared"]

RUN = 13
SHORTEST = 6
_BATCH = 4096


class Shared(NamedTuple):
    """A text of the first set with a run of so many words of the other's, by their positions."""

    one: int
    other: int
    words: int


def find_shared(ones: Sequence[str], others: Sequence[str], *, run: int = RUN) -> list[Shared]:
    """Returns the pairs of a text of the first set and one of the others that share a run of words, each once.

    Args:
        ones: The larger set: it is gone through once.
        others: The set whose runs are looked for: they are held in memory, 16 bytes a word.
        run: How many words in a row count; texts with fewer count as a whole.
    """
    wanted = _Wanted(others, run)
    found: dict[tuple[int, int], int] = {}
    for start in range(0, len(ones), _BATCH):
        words = _words(ones[start : start + _BATCH])
        for size in wanted.sizes:
            for one, other in wanted.match(*find_grams(words, size), size=size):
                found[one + start, other] = size
    return [Shared(one, other, size) for (one, other), size in sorted(found.items())]


def _words(texts: Sequence[str]) -> Words:
    return hash_words(pack(list(texts)).packed)


class _Wanted:
    """The runs that are looked for, by their length."""

    def __init__(self, texts: Sequence[str], run: int) -> None:
        import numpy as np

        words = _words(texts)
        counts = np.diff(words.first)
        self._runs: dict[int, tuple[Hashes, Positions]] = {}
        for size in range(min(SHORTEST, run), run + 1):
            hashes, owners = find_grams(words, size)
            mine = counts[owners] == size if size < run else np.ones(len(owners), bool)
            if mine.any():
                order = np.lexsort((owners[mine], hashes[mine]))
                self._runs[size] = (hashes[mine][order], owners[mine][order])
        self.sizes = tuple(self._runs)

    def match(self, hashes: Hashes, owners: Positions, *, size: int) -> list[tuple[int, int]]:
        """Returns the pairs of an owner of these runs and an owner of the same run here."""
        import numpy as np

        known, theirs = self._runs[size]
        low = np.searchsorted(known, hashes)
        high = np.searchsorted(known, hashes, side="right")
        counts = high - low
        places = np.repeat(low, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return list(zip(np.repeat(owners, counts).tolist(), theirs[places].tolist(), strict=True))
