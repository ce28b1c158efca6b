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
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine.ngrams import Sparse, characters_in, words_in

__all__ = ["SKETCH_COLUMNS", "Sketch"]

SKETCH_COLUMNS = 2_048
_WEIGHT = 0.5
"""Length of each of the two blocks beside an encoder's features of length 1; chosen by cross-validation."""


_BLOCKS = ((b"w", words_in), (b"c", characters_in))

Whole: TypeAlias = NDArray[np.int64]


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
        blocks = [
            self._block(zlib.crc32(name), [list(grams(text)) for text in lowered]) for name, grams in _BLOCKS
        ]
        rows, columns, values = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
        return Sparse(columns[order].astype(np.int32), values[order].astype(np.float32), starts.astype(np.int64))

    def _block(self, seed: int, rows: Sequence[Sequence[str]]) -> tuple[Whole, Whole, NDArray[np.float64]]:
        """Returns row, column and value of each n-gram of one kind, each once a row."""
        codes = np.fromiter((zlib.crc32(gram.encode(), seed) for grams in rows for gram in grams), np.int64)
        places = np.repeat(np.arange(len(rows)), [len(grams) for grams in rows])
        keys, counts = np.unique(places << 32 | codes, return_counts=True)
        row, code = keys >> 32, keys & 0xFFFFFFFF
        weights = 1 + np.log(counts)
        lengths = np.sqrt(np.bincount(row, weights**2, minlength=len(rows)))
        # Multiplying by an odd number spreads crc32, whose low bits differ little between like words.
        mixed = code * 2_654_435_761 & 0xFFFFFFFF
        signs = np.where(mixed >> 31, _WEIGHT, -_WEIGHT)
        return row, mixed >> 8 & (self.columns - 1), signs * weights / lengths[row]

    def save(self, path: Path) -> None:
        """Writes the number of columns as JSON."""
        path.write_text(json.dumps({"columns": self.columns}), encoding="utf-8")
