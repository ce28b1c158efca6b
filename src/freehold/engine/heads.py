"""The heads of a trained reader: all fields' weights side by side, one column a label.

Dense features are the encoder's vector, or random features of it; sparse ones are n-grams. Knows nothing of what a
score means: that is for `calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from freehold.engine.layout import HEADS
from freehold.engine.ngrams import Sparse
from freehold.engine.random_features import RandomFeatures
from freehold.errors import IntegrityError

__all__ = ["Heads", "load_heads", "save_heads"]

_MANY = 64
"""From so many rows on, products go through one sparse matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Weights of all columns.

    Attributes:
        dense: Shape (dense features, columns).
        grams: Shape (n-grams, columns); 8-bit where `gram_scales` is given.
        bias: Shape (columns,).
        features: From vectors to dense features; None where the vector itself is the dense part.
        gram_scales: What each row of `grams` is multiplied by, shape (n-grams,).
    """

    dense: NDArray[np.float32]
    grams: NDArray[np.float32] | NDArray[np.int8]
    bias: NDArray[np.float32]
    features: RandomFeatures | None = None
    gram_scales: NDArray[np.float32] | None = None

    def scores(self, vectors: NDArray[np.float32], grams: Sparse) -> NDArray[np.float32]:
        """Returns scores before calibration, shape (rows, columns)."""
        dense = vectors if self.features is None else self.features.apply(vectors)
        out = dense @ self.dense
        out += self.bias
        values = grams.values if self.gram_scales is None else grams.values * self.gram_scales[grams.indices]
        if len(out) >= _MANY:
            out += self._sparse_product(grams._replace(values=values))
            return np.asarray(out, np.float32)
        for row in range(len(out)):
            part = slice(grams.starts[row], grams.starts[row + 1])
            out[row] += values[part] @ self.grams[grams.indices[part]].astype(np.float32, copy=False)
        return np.asarray(out, np.float32)

    def _sparse_product(self, grams: Sparse) -> NDArray[np.float32]:
        from scipy.sparse import csr_matrix

        shape = (len(grams.starts) - 1, len(self.grams))
        matrix = csr_matrix((grams.values, grams.indices, grams.starts), shape=shape)
        return np.asarray(matrix @ self.grams.astype(np.float32, copy=False), np.float32)

    def shrunk(self) -> Heads:
        """Returns the same heads with n-gram rows in 8 bits, one scale a row."""
        if self.gram_scales is not None:
            return self
        scales = np.maximum(np.abs(self.grams).max(1, initial=0.0), 1e-12) / 127
        rows = np.clip(np.rint(self.grams / scales[:, None]), -127, 127).astype(np.int8)
        return Heads(self.dense, rows, self.bias, self.features, scales.astype(np.float32))

    def whole(self) -> Heads:
        """Returns the same heads with n-gram rows in fp32: four times as large, and ready to be multiplied."""
        if self.gram_scales is None:
            return self
        return Heads(self.dense, self.grams * self.gram_scales[:, None], self.bias, self.features)


def save_heads(folder: Path, heads: Heads) -> None:
    """Writes `heads.safetensors`."""
    tensors = {"dense": heads.dense, "grams": heads.grams, "bias": heads.bias}
    if heads.gram_scales is not None:
        tensors["gram_scales"] = heads.gram_scales
    if heads.features is not None:
        tensors.update(feature_weights=heads.features.weights, feature_phases=heads.features.phases)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, folder / HEADS)


def load_heads(folder: Path) -> Heads:
    """Returns what `save_heads` wrote.

    Raises:
        IntegrityError: The file cannot be read.
    """
    try:
        found = load_file(folder / HEADS)
        weights, phases = found.get("feature_weights"), found.get("feature_phases")
        features = None
        if weights is not None and phases is not None:
            features = RandomFeatures(weights, phases, beside=len(found["dense"]) > len(phases))
        return Heads(found["dense"], found["grams"], found["bias"], features, found.get("gram_scales"))
    except (OSError, SafetensorError, KeyError) as error:
        raise IntegrityError(f"`{folder / HEADS}` cannot be read: {error}") from error
