"""How much made rows differ from each other, beside real ones: distinct n-grams, and how far vectors lie apart.

distinct-n is the share of different n-grams among all of them (Li et al. 2016), on as many words of both sides,
since it falls with the length of a text. Knows nothing of how rows are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Diversity", "measure_diversity", "words_of"]


class Diversity(NamedTuple):
    """How much texts differ.

    Attributes:
        distinct_1: Share of different words.
        distinct_2: Share of different pairs of words.
        spread: 1 minus the mean cosine between two of the texts; 0 where all mean the same.
        words: How many words were looked at.
    """

    distinct_1: float
    distinct_2: float
    spread: float
    words: int


def words_of(texts: Sequence[str]) -> int:
    """Returns how many words texts have."""
    return sum(len(text.split()) for text in texts)


def measure_diversity(texts: Sequence[str], vectors: NDArray[np.float32], *, words: int) -> Diversity:
    """Returns how much texts differ, looking at so many words from the first on.

    Args:
        vectors: Of the texts, of unit length.
        words: For two sets of texts to be compared: those of the smaller one.
    """
    pairs = ((text, word) for text, line in enumerate(texts) for word in line.casefold().split())
    seen = list(islice(pairs, words))
    two = [(a[1], b[1]) for a, b in pairwise(seen) if a[0] == b[0]]
    count = len(vectors)
    total = vectors.sum(0, dtype=np.float64)
    apart = 1 - (float(total @ total) - count) / (count * (count - 1)) if count > 1 else 0.0
    return Diversity(
        round(len({word for _, word in seen}) / max(1, len(seen)), 4),
        round(len(set(two)) / max(1, len(two)), 4),
        round(apart, 4),
        len(seen),
    )
