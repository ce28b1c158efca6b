"""Word and character n-grams as features that no data decides: hashed into a fixed number of columns.

The same text has the same features whatever else was trained on, so that rows can be added to a model and taken
out of it exactly. Each n-gram goes to one column with one sign, both from its hash: products of two texts are kept
on average (Weinberger et al. 2009, feature hashing).
"""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from freehold.engine.ngrams import Grams, Ngrams, Sparse, characters_in, words_in
from freehold.errors import IntegrityError

__all__ = ["SKETCH_COLUMNS", "Sketch", "load_grams"]

SKETCH_COLUMNS = 2_048
_WEIGHT = 0.5
"""Length of each of the two blocks beside an encoder's features of length 1; chosen by cross-validation."""


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
        indices: list[int] = []
        values: list[float] = []
        starts = [0]
        for text in texts:
            lowered = text.lower()
            for block, grams in ((b"w", words_in(lowered)), (b"c", characters_in(lowered))):
                self._add_block(zlib.crc32(block), Counter(grams), indices=indices, values=values)
            starts.append(len(indices))
        return Sparse(np.array(indices, np.int32), np.array(values, np.float32), np.array(starts, np.int64))

    def _add_block(self, seed: int, counts: Counter[str], *, indices: list[int], values: list[float]) -> None:
        if not counts:
            return
        weights = [1 + math.log(count) for count in counts.values()]
        factor = _WEIGHT / math.sqrt(sum(weight * weight for weight in weights))
        mask = self.columns - 1
        for gram, weight in zip(counts, weights, strict=True):
            # Multiplying by an odd number spreads crc32, whose low bits differ little between like words.
            code = zlib.crc32(gram.encode(), seed) * 2_654_435_761 & 0xFFFFFFFF
            indices.append((code >> 8) & mask)
            values.append(weight * factor if code >> 31 else -weight * factor)

    def save(self, path: Path) -> None:
        """Writes the number of columns as JSON."""
        path.write_text(json.dumps({"columns": self.columns}), encoding="utf-8")


def load_grams(path: Path) -> Grams:
    """Returns the vocabulary that `Ngrams.save` or `Sketch.save` wrote.

    Raises:
        IntegrityError: The file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Sketch(**content) if "columns" in content else Ngrams(**content)
    except (OSError, ValueError, TypeError) as error:
        raise IntegrityError(f"`{path}` cannot be read: {error}") from error
