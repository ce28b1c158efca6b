"""Word and character n-grams as features that no data decides: hashed into a fixed number of columns.

The same text has the same features whatever else was trained on, so that rows can be added to a model and taken
out of it exactly. Each n-gram goes to one column with one sign, both from its hash: products of two texts are kept
on average (Weinberger et al. 2009, feature hashing).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine.ngrams import Sparse, characters_in, tokens_in

__all__ = ["SKETCH_COLUMNS", "Sketch"]

SKETCH_COLUMNS = 2_048
_WEIGHT = 0.5
"""Length of each of the two blocks beside an encoder's features of length 1; chosen by cross-validation."""
_KEPT, _LONG = 32_768, 32
"""Of so many words, none longer than so many characters, the codes are kept: most words were seen before."""
_WORDS, _CHARACTERS = zlib.crc32(b"w"), zlib.crc32(b"c")
"""The two kinds of n-grams."""

Whole: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """Hashed n-grams.

    Attributes:
        columns: How many; a power of two.
    """

    columns: int = SKETCH_COLUMNS

    def __len__(self) -> int:
        return self.columns

    def transform(self, texts: Sequence[str]) -> Sparse:
        """Returns the features of `texts`; columns may repeat within a row, and then add up."""
        lowered = [text.lower() for text in texts]
        blocks = [self._block(*hashed(lowered)) for hashed in (_hash_words, _hash_characters)]
        rows, columns, values = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        if len(texts) > 1:
            order = np.argsort(rows, kind="stable")
            columns, values = columns[order], values[order]
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
        return Sparse(columns.astype(np.int32), values.astype(np.float32), starts.astype(np.int64))

    def _block(self, places: Whole, codes: Whole) -> tuple[Whole, Whole, NDArray[np.float64]]:
        """Returns row, column and value of each n-gram of one kind, each once a row."""
        keys = np.sort(places << 32 | codes)
        new = np.ones(len(keys), bool)
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        firsts = np.flatnonzero(new)
        counts = np.full(len(firsts), len(keys))
        counts[:-1] = firsts[1:]
        counts -= firsts
        row, code = keys[firsts] >> 32, keys[firsts] & 0xFFFFFFFF
        weights = 1 + np.log(counts)
        lengths = np.sqrt(np.bincount(row, weights**2))
        # Multiplying by an odd number spreads crc32, whose low bits differ little between like words.
        mixed = code * 2_654_435_761 & 0xFFFFFFFF
        signs = np.where(mixed >> 31, _WEIGHT, -_WEIGHT)
        return row, mixed >> 8 & (self.columns - 1), signs * weights / lengths[row]

    def save(self, path: Path) -> None:
        """Writes the number of columns as JSON."""
        path.write_text(json.dumps({"columns": self.columns}), encoding="utf-8")


def _hash_words(rows: Sequence[str]) -> tuple[Whole, Whole]:
    """Returns the row and the code of each of `words_in`; that of two words goes on from that of the first."""
    codes: list[int] = []
    counts = []
    for row in rows:
        words = [word.encode() for word in tokens_in(row)]
        ones = [zlib.crc32(word, _WORDS) for word in words]
        twos = [zlib.crc32(b" " + word, code) for code, word in zip(ones, words[1:], strict=False)]
        codes += ones + twos
        counts.append(len(ones) + len(twos))
    return np.repeat(np.arange(len(rows)), counts), np.array(codes, np.int64)


def _hash_characters(rows: Sequence[str]) -> tuple[Whole, Whole]:
    """Returns the row and the code of each of `characters_in`, which reads each word by itself."""
    codes: list[Codes] = []
    counts = []
    for row in rows:
        found = [_hash_word(word) if len(word) <= _LONG else _hash_anew(word) for word in row.split()]
        codes += found
        counts.append(sum(map(len, found)))
    places = np.repeat(np.arange(len(rows)), counts)
    return places, np.concatenate(codes, dtype=np.int64) if codes else places


def _hash_anew(word: str) -> Codes:
    return np.fromiter((zlib.crc32(gram.encode(), _CHARACTERS) for gram in characters_in(word)), np.uint32)


_hash_word = lru_cache(maxsize=_KEPT)(_hash_anew)
