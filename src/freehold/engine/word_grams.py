"""What a word looks like and what stands around it, as rows of a table.

Owns the templates: the word, its neighbours and pairs with them, beginnings, endings, shapes. The rows of a
word are gathered and added up; there are no weights beside them. Knows nothing of labels or vectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine.words import Word

__all__ = ["Gathered", "WordGrams"]

_SMALL = 50
_BEFORE, _BEHIND = "\x02", "\x03"
_BEGINNINGS = (2, 3, 4)
_ENDINGS = (1, 2, 3, 4)
_LONGEST = 40


class Gathered(NamedTuple):
    """Rows of the table: word `i` adds up `rows[starts[i]:starts[i + 1]]`."""

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    def sums(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns each word's sum of rows of `table`, shape (words, width)."""
        out = np.zeros((len(self.starts) - 1, table.shape[1]), np.float32)
        filled = np.flatnonzero(np.diff(self.starts))
        if len(filled):
            out[filled] = np.add.reduceat(table[self.rows], self.starts[filled], axis=0)
        return out


@dataclass(frozen=True)
class WordGrams:
    """A fitted vocabulary: each gram's place is its row."""

    grams: tuple[str, ...]

    @classmethod
    def fit(cls, rows: Iterable[Sequence[Word]], *, limit: int = 40_000) -> WordGrams:
        """Returns the grams that at least two words have (one in small sets), the most frequent first kept."""
        counts: Counter[str] = Counter()
        number = 0
        for words in rows:
            number += 1
            for grams in _grams(words):
                counts.update(grams)
        least = 2 if number >= _SMALL else 1
        kept = [gram for gram, count in counts.items() if count >= least]
        kept.sort(key=lambda gram: (-counts[gram], gram))
        return cls(tuple(sorted(kept[:limit])))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {gram: row for row, gram in enumerate(self.grams)}

    def __len__(self) -> int:
        return len(self.grams)

    def gather(self, words: Sequence[Word]) -> Gathered:
        """Returns the rows of each word; grams outside the vocabulary are passed over."""
        known = self._rows
        rows: list[int] = []
        starts = [0]
        for grams in _grams(words):
            rows.extend([known[gram] for gram in grams if gram in known])
            starts.append(len(rows))
        return Gathered(np.array(rows, np.int64), np.array(starts, np.int64))


def _grams(words: Sequence[Word]) -> Iterable[list[str]]:
    texts = [word.text[:_LONGEST].lower() for word in words]
    shapes = [_shape(word.text) for word in words]
    around = [_BEFORE, _BEFORE, *texts, _BEHIND, _BEHIND]
    forms = ["", *shapes, ""]
    for i, text in enumerate(texts):
        second, before, behind, fourth = around[i], around[i + 1], around[i + 3], around[i + 4]
        grams = [f"0{text}", f"-{before}", f"+{behind}", f"={second}", f"#{fourth}"]
        grams += [f"<{before} {text}", f">{text} {behind}"]
        grams += [f"s{forms[i + 1]}", f"t{forms[i]}", f"u{forms[i + 2]}"]
        grams += [f"b{text[:n]}" for n in _BEGINNINGS if len(text) > n]
        grams += [f"e{text[-n:]}" for n in _ENDINGS if len(text) > n]
        yield grams


def _shape(text: str) -> str:
    """Returns the word's pattern with repetitions cut: `Xx` for a capital, `d` for digits, `x` for letters."""
    if text.islower():
        return "x"
    if text.isdecimal():
        return f"d{min(len(text), 5)}"
    shape = ""
    for character in text[:_LONGEST]:
        kind = "X" if character.isupper() else "x" if character.isalpha() else character
        if not shape.endswith(kind):
            shape += kind
    return shape[:4]
