"""Word and character n-grams as features that no data decides: hashed into a fixed number of columns.

The same text has the same features whatever else was trained on, so that rows can be added to a model and taken
out of it exactly. Each n-gram goes to one column with one sign, both from its hash: products of two texts are kept
on average (Weinberger et al. 2009, feature hashing).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine.ngrams import CHARACTERS, Sparse, characters_in, words_in

__all__ = ["SKETCH_COLUMNS", "Sketch"]

SKETCH_COLUMNS = 2_048
_WEIGHT = 0.5
"""Length of each of the two blocks beside an encoder's features of length 1; chosen by cross-validation."""
_MANY = 16
"""From so many rows on, their n-grams are hashed at once."""

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
        characters = _hash_characters(lowered) if len(lowered) >= _MANY else _hash(b"c", characters_in, lowered)
        blocks = [self._block(*_hash(b"w", words_in, lowered)), self._block(*characters)]
        rows, columns, values = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
        return Sparse(columns[order].astype(np.int32), values[order].astype(np.float32), starts.astype(np.int64))

    def _block(self, places: Whole, codes: Whole) -> tuple[Whole, Whole, NDArray[np.float64]]:
        """Returns row, column and value of each n-gram of one kind, each once a row."""
        keys, counts = np.unique(places << 32 | codes, return_counts=True)
        row, code = keys >> 32, keys & 0xFFFFFFFF
        weights = 1 + np.log(counts)
        lengths = np.sqrt(np.bincount(row, weights**2))
        # Multiplying by an odd number spreads crc32, whose low bits differ little between like words.
        mixed = code * 2_654_435_761 & 0xFFFFFFFF
        signs = np.where(mixed >> 31, _WEIGHT, -_WEIGHT)
        return row, mixed >> 8 & (self.columns - 1), signs * weights / lengths[row]

    def save(self, path: Path) -> None:
        """Writes the number of columns as JSON."""
        path.write_text(json.dumps({"columns": self.columns}), encoding="utf-8")


def _hash(kind: bytes, grams: Callable[[str], Iterable[str]], rows: Sequence[str]) -> tuple[Whole, Whole]:
    """Returns the row and the crc32 of each n-gram of one kind."""
    seed = zlib.crc32(kind)
    codes = [[zlib.crc32(gram.encode(), seed) for gram in grams(row)] for row in rows]
    places = np.repeat(np.arange(len(rows)), [len(each) for each in codes])
    return places, np.fromiter((code for each in codes for code in each), np.int64)


def _hash_characters(rows: Sequence[str]) -> tuple[Whole, Whole]:
    """Returns what `_hash` does of `characters_in`, faster where there are many rows.

    All rows are one text in which each word has a space before it; an n-gram has none but at its ends.
    """
    words = [row.split() for row in rows]
    text = "".join(f" {word}" for row in words for word in row) + " "
    letters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    row = np.repeat(np.arange(len(rows)), [sum(map(len, each)) + len(each) for each in words])
    inside = letters[1:-1] != ord(" ")
    spelt = _Spelling.of(letters)
    codes = spelt.go_on(np.full(len(letters), zlib.crc32(b"c") ^ 0xFFFFFFFF, np.uint32), skip=0)
    whole = np.ones(len(letters), bool)
    found: list[tuple[Whole, Whole]] = []
    for n in range(2, CHARACTERS[1] + 1):
        codes = spelt.go_on(codes[:-1], skip=n - 1)
        whole = whole[:-1] if n == 2 else whole[:-1] & inside[n - 3 :]
        found.append((row[: len(codes)][whole], (codes[whole] ^ 0xFFFFFFFF).astype(np.int64)))
    places, grams = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return places, grams


class _Spelling(NamedTuple):
    """A text's letters as UTF-8: their first bytes, their second bytes, ..., and which letters have one."""

    parts: list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]

    @classmethod
    def of(cls, letters: Codes) -> _Spelling:
        alphabet, places = np.unique(letters, return_inverse=True)
        spelt = [chr(letter).encode() for letter in alphabet.tolist()]
        parts = []
        for n in range(max(map(len, spelt))):
            byte = np.array([each[n] if n < len(each) else 0 for each in spelt], np.uint8)
            there = np.array([n < len(each) for each in spelt])
            parts.append((byte[places], there[places]))
        return cls(parts)

    def go_on(self, codes: Codes, *, skip: int) -> Codes:
        """Returns the crc32, not yet inverted, of what `codes` are of and the letter `skip` places further on."""
        for byte, there in self.parts:
            longer = _CRC[(codes ^ byte[skip:]) & 0xFF] ^ (codes >> 8)
            codes = np.where(there[skip:], longer, codes)
        return codes


_CRC = np.array([zlib.crc32(bytes([n]), 0xFFFFFFFF) ^ 0xFFFFFFFF for n in range(256)], np.uint32)
