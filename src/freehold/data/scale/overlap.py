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
_NONE = 1 << 62


class Shared(NamedTuple):
    """A text of the first set with a run of so many words of the other's, by their positions."""

    one: int
    other: int
    words: int


def find_shared(ones: Sequence[str], others: Sequence[str], *, run: int = RUN) -> list[Shared]:
    """Returns pairs of a text of the first set and one of the others that share a run of words.

    Every text of both sets that has such a run is in one pair at least, but not each with each: what is said in
    thousands of both makes thousands of pairs, not millions.

    Args:
        ones: The larger set: it is gone through once.
        others: The set whose runs are looked for: they are held in memory, 24 bytes a word.
        run: How many words in a row count; texts with fewer count as a whole.
    """
    wanted = _find_wanted(others, run)
    found: dict[tuple[int, int], int] = {}
    for start in range(0, len(ones), _BATCH):
        words = _words(ones[start : start + _BATCH])
        for size, runs in wanted.items():
            hashes, owners = find_grams(words, size)
            found.update(dict.fromkeys(runs.match(hashes, owners + start), size))
    for size, runs in wanted.items():
        found.update(dict.fromkeys(runs.first_matches(), size))
    return [Shared(one, other, size) for (one, other), size in sorted(found.items())]


def _words(texts: Sequence[str]) -> Words:
    return hash_words(pack(list(texts)).packed)


def _find_wanted(texts: Sequence[str], run: int) -> dict[int, _Runs]:
    """Returns the runs that are looked for, by their length."""
    import numpy as np

    words = _words(texts)
    counts = np.diff(words.first)
    wanted: dict[int, _Runs] = {}
    for size in range(min(SHORTEST, run), run + 1):
        hashes, owners = find_grams(words, size)
        mine = counts[owners] == size if size < run else np.ones(len(owners), bool)
        if mine.any():
            wanted[size] = _Runs(hashes[mine], owners[mine])
    return wanted


class _Runs:
    """Runs of one length, and the first text of the other set that has each."""

    def __init__(self, hashes: Hashes, owners: Positions) -> None:
        import numpy as np

        order = np.lexsort((owners, hashes))
        self._hashes, self._owners = hashes[order], owners[order]
        self._known, self._firsts = np.unique(self._hashes, return_index=True)
        self._matched = np.full(len(self._known), _NONE)

    def match(self, hashes: Hashes, owners: Positions) -> list[tuple[int, int]]:
        """Returns each owner of one of the runs with the first text that has it here."""
        import numpy as np

        places = np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)
        same = self._known[places] == hashes
        places, owners = places[same], owners[same]
        np.minimum.at(self._matched, places, owners)
        pairs = np.unique(np.stack([owners, self._owners[self._firsts[places]]]), axis=1)
        return list(zip(*pairs.tolist(), strict=True))

    def first_matches(self) -> list[tuple[int, int]]:
        """Returns each text that has a run that was matched with the first owner of it."""
        import numpy as np

        owners = np.repeat(self._matched, np.diff(self._firsts, append=len(self._owners)))
        matched = owners < _NONE
        pairs = np.unique(np.stack([owners[matched], self._owners[matched]]), axis=1)
        return list(zip(*pairs.tolist(), strict=True))
