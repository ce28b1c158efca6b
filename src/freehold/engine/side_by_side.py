"""Two sets of n-gram features side by side, so that two models on the same vector become one.

Owns which file holds which kind of features. Knows nothing of heads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from freehold.engine.ngrams import Grams, Ngrams, Sparse
from freehold.engine.sketch import Sketch
from freehold.errors import IntegrityError

__all__ = ["SideBySide", "load_grams"]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Hashed n-grams first, then those of a vocabulary."""

    sketch: Sketch
    ngrams: Ngrams

    def __len__(self) -> int:
        return len(self.sketch) + len(self.ngrams)

    def transform(self, texts: Sequence[str]) -> Sparse:
        """Returns the features of `texts`."""
        first, second = self.sketch.transform(texts), self.ngrams.transform(texts)
        rows = np.repeat(
            np.tile(np.arange(len(texts)), 2), np.concatenate([np.diff(p.starts) for p in (first, second)])
        )
        order = np.argsort(rows, kind="stable")
        indices = np.concatenate([first.indices, second.indices + len(self.sketch)])[order]
        values = np.concatenate([first.values, second.values])[order]
        return Sparse(indices.astype(np.int32), values, first.starts + second.starts)

    def save(self, path: Path) -> None:
        """Writes both as JSON."""
        self.ngrams.save(path)
        content = json.loads(path.read_text(encoding="utf-8"))
        together = {"columns": self.sketch.columns, "ngrams": content}
        path.write_text(json.dumps(together, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def load_grams(path: Path) -> Grams:
    """Returns what `save` wrote, of a vocabulary, of hashed n-grams, or of both.

    Raises:
        IntegrityError: The file cannot be read.
    """
    try:
        return _read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise IntegrityError(f"`{path}` cannot be read: {error}") from error


def _read(content: Mapping[str, Any]) -> Grams:
    if "ngrams" in content:
        return SideBySide(Sketch(content["columns"]), Ngrams(**content["ngrams"]))
    return Sketch(**content) if "columns" in content else Ngrams(**content)
