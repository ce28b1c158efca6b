"""Word and character n-grams as weighted sparse features.

The weighting is the usual one (sublinear term frequency, smoothed inverse document frequency, unit length per
block) with the tokenisation of scikit-learn's `word` and `char_wb` analyzers, so that scikit-learn is the
oracle in the tests; it is written out here because serving must not import scikit-learn, and one text has to
take tens of microseconds.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grams", "Ngrams", "Sparse", "characters_in", "tokens_in", "words_in"]

_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")
WORDS = (1, 2)
CHARACTERS = (2, 5)
LIMIT = 20_000
_SMALL = 50


class Sparse(NamedTuple):
    """Rows of weighted features: row `i` holds `indices[starts[i]:starts[i + 1]]` with their `values`."""

    indices: NDArray[np.int32]
    values: NDArray[np.float32]
    starts: NDArray[np.int64]

    def padded(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns ids and values as two arrays of shape (rows, longest row), padded with value 0."""
        counts = np.diff(self.starts)
        width = max(1, int(counts.max(initial=0)))
        mask = np.arange(width) < counts[:, None]
        ids = np.zeros(mask.shape, np.int64)
        values = np.zeros(mask.shape, np.float32)
        ids[mask], values[mask] = self.indices, self.values
        return ids, values


def tokens_in(text: str) -> list[str]:
    """Returns the words of a text in lower case."""
    return _WORD.findall(text)


def words_in(text: str) -> Iterator[str]:
    """Yields the word 1- and 2-grams of a text in lower case."""
    tokens = tokens_in(text)
    yield from tokens
    for first, second in itertools.pairwise(tokens):
        yield f"{first} {second}"


def characters_in(text: str) -> Iterator[str]:
    """Yields the character 2- to 5-grams of the words of a text in lower case, borders included."""
    low, high = CHARACTERS
    for token in _SPACE.sub(" ", text).split():
        padded = f" {token} "
        for n in range(low, high + 1):
            if n >= len(padded):
                yield padded
                break
            for start in range(len(padded) - n + 1):
                yield padded[start : start + n]


class Grams(Protocol):
    """What turns texts into sparse features: a fitted vocabulary (`Ngrams`) or a fixed one (`Sketch`)."""

    def __len__(self) -> int:
        """Returns the number of columns."""

    def transform(self, texts: Sequence[str]) -> Sparse:
        """Returns the features of `texts`."""

    def save(self, path: Path) -> None:
        """Writes what `load_grams` reads."""


@dataclass(frozen=True)
class Ngrams:
    """A fitted vocabulary of two blocks, words and then characters.

    Attributes:
        texts: Number of texts it was fitted on.
        words: N-gram to the number of texts that have it, in column order from 0.
        characters: The same; columns go on where the words end.
    """

    texts: int
    words: dict[str, int]
    characters: dict[str, int]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Ngrams:
        """Returns the vocabulary of `texts`: at most 20,000 n-grams a block, the most frequent first.

        Words seen once are kept, character n-grams are kept from two texts on (from one in small sets).
        """
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for text in texts:
            lowered = text.lower()
            words.update(set(words_in(lowered)))
            characters.update(set(characters_in(lowered)))
        least = 2 if len(texts) >= _SMALL else 1
        return cls(len(texts), _most_frequent(words, least=1), _most_frequent(characters, least=least))

    @cached_property
    def idf(self) -> NDArray[np.float64]:
        """Smoothed inverse document frequency per column, shape (columns,)."""
        frequencies = np.array([*self.words.values(), *self.characters.values()], np.float64)
        return np.asarray(np.log((1 + self.texts) / (1 + frequencies)) + 1)

    @cached_property
    def _columns(self) -> tuple[dict[str, int], dict[str, int]]:
        words = {gram: column for column, gram in enumerate(self.words)}
        return words, {gram: column for column, gram in enumerate(self.characters, len(words))}

    def __len__(self) -> int:
        return len(self.words) + len(self.characters)

    def transform(self, texts: Sequence[str]) -> Sparse:
        """Returns the features of `texts`; n-grams outside the vocabulary are passed over."""
        words, characters = self._columns
        indices: list[int] = []
        values: list[float] = []
        starts = [0]
        for text in texts:
            lowered = text.lower()
            for columns, grams in ((words, words_in(lowered)), (characters, characters_in(lowered))):
                self._add_block(columns, grams, indices, values)
            starts.append(len(indices))
        return Sparse(np.array(indices, np.int32), np.array(values, np.float32), np.array(starts, np.int64))

    def _add_block(
        self, columns: dict[str, int], grams: Iterator[str], indices: list[int], values: list[float]
    ) -> None:
        counts: dict[int, int] = {}
        for gram in grams:
            column = columns.get(gram)
            if column is not None:
                counts[column] = counts.get(column, 0) + 1
        if not counts:
            return
        found = sorted(counts)
        weights = self.idf[found] * [1 + math.log(counts[column]) for column in found]
        indices.extend(found)
        values.extend((weights / np.sqrt(weights @ weights)).tolist())

    def save(self, path: Path) -> None:
        """Writes the vocabulary as JSON."""
        content = {"texts": self.texts, "words": self.words, "characters": self.characters}
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Ngrams:
        """Returns what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def _most_frequent(counts: Counter[str], *, least: int) -> dict[str, int]:
    """Returns the kept n-grams in an order that does not depend on the order of the texts."""
    kept = [gram for gram, count in counts.items() if count >= least]
    kept.sort(key=lambda gram: (-counts[gram], gram))
    return {gram: counts[gram] for gram in sorted(kept[:LIMIT])}
