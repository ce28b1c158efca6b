"""The heads of a trained reader: all fields' weights side by side, one column a label."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from freehold.engine.layout import HEADS
from freehold.engine.ngrams import Sparse

__all__ = ["Heads", "load_heads", "save_heads"]


class Heads(NamedTuple):
    """Weights before the temperatures.

    Attributes:
        dense: Shape (dimension, columns).
        ngrams: Shape (n-grams, columns).
        bias: Shape (columns,).
    """

    dense: NDArray[np.float32]
    ngrams: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scores(self, vectors: NDArray[np.float32], grams: Sparse) -> NDArray[np.float32]:
        """Returns margins, shape (rows, columns)."""
        out = vectors @ self.dense + self.bias
        for row in range(len(out)):
            part = slice(grams.starts[row], grams.starts[row + 1])
            out[row] += grams.values[part] @ self.ngrams[grams.indices[part]]
        return np.asarray(out, np.float32)


def save_heads(folder: Path, heads: Heads) -> None:
    """Writes `heads.safetensors`."""
    tensors = {name: np.ascontiguousarray(value) for name, value in heads._asdict().items()}
    save_file(tensors, folder / HEADS)


def load_heads(folder: Path) -> Heads:
    """Returns what `save_heads` wrote."""
    return Heads(**load_file(folder / HEADS))
