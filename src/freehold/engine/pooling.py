"""From token vectors to one vector a text, in numpy: over all windows of the text, as the base pools.

Every vector has unit length, whether or not the base normalises: heads are fitted on directions, and a scale of
the base's own would only change what a regularisation of theirs means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine.settings import Pooling

__all__ = ["Layers", "Pooled"]


class Layers(NamedTuple):
    """Token vectors of one batch of windows, from one pass; shape (windows, tokens, dimension).

    Attributes:
        last: Of the last layer.
        middle: The mean over layers in the middle; None where the encoder gives the last layer alone.
    """

    last: NDArray[np.float32]
    middle: NDArray[np.float32] | None = None

    def take(self, windows: Sequence[int]) -> Layers:
        """Returns those of some windows."""
        return Layers(self.last[windows], None if self.middle is None else self.middle[windows])


class Pooled:
    """Collects the token vectors of texts, window by window in any order.

    Args:
        rows: How many texts.
        pooling: The base's own way, or several side by side. `cls` is the mean of the windows' first tokens;
            all others are taken over the tokens that count.
    """

    def __init__(self, rows: int, *, pooling: Pooling) -> None:
        self._last, self._middle = _Layer(rows, pooling), _Layer(rows, pooling)

    def add(self, layers: Layers, *, counted: Sequence[tuple[int, int]], row: Sequence[int]) -> None:
        """Takes in a batch of windows.

        Args:
            layers: Token vectors.
            counted: For each window, the range of tokens that count.
            row: The text that each window belongs to.
        """
        rows, ranges = np.asarray(row), np.asarray(counted)
        self._last.add(layers.last, ranges, rows)
        if layers.middle is not None:
            self._middle.add(layers.middle, ranges, rows)

    def vectors(self) -> NDArray[np.float32]:
        """Returns one vector of unit length a text: of the last layer, and of the middle where there is one.

        Shape (rows, dimension), or (rows, 2 * dimension): both halves are of the same length.
        """
        if not self._middle.parts:
            return self._last.vectors()
        both = [self._last.vectors(), self._middle.vectors()]
        return np.asarray(np.concatenate(both, axis=1) * np.sqrt(0.5), np.float32)


class _Layer:
    """One layer's sums."""

    def __init__(self, rows: int, pooling: Pooling) -> None:
        self._rows, self._pooling = rows, pooling
        self.parts: dict[str, NDArray[np.float32]] = {}
        self._counts = np.zeros((rows, 1), np.float32)
        self._windows = np.zeros((rows, 1), np.float32)

    def add(self, tokens: NDArray[np.float32], ranges: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        if "cls" in self._pooling:
            np.add.at(self._part("cls", tokens, 0.0), rows, tokens[:, 0])
            np.add.at(self._windows, rows, np.float32(1))
        if self._pooling == ("cls",):
            return
        places = np.arange(tokens.shape[1])
        counts = (places >= ranges[:, :1]) & (places < ranges[:, 1:])
        if "max" in self._pooling:
            highest = np.where(counts[:, :, None], tokens, -np.inf).max(1)
            np.maximum.at(self._part("max", tokens, -np.inf), rows, highest)
        if "mean" in self._pooling or "mean_sqrt_len_tokens" in self._pooling:
            sums = np.matmul(counts[:, None, :].astype(np.float32), tokens)[:, 0]
            np.add.at(self._part("sum", tokens, 0.0), rows, sums)
            np.add.at(self._counts, rows, (ranges[:, 1:] - ranges[:, :1]).astype(np.float32))

    def _part(self, name: str, tokens: NDArray[np.float32], start: float) -> NDArray[np.float32]:
        if name not in self.parts:
            self.parts[name] = np.full((self._rows, tokens.shape[2]), start, np.float32)
        return self.parts[name]

    def vectors(self) -> NDArray[np.float32]:
        sides = [self._side(mode) for mode in self._pooling]
        joined = np.concatenate(sides, axis=1) if len(sides) > 1 else sides[0]
        lengths = np.linalg.norm(joined, axis=1, keepdims=True)
        return np.asarray(joined / np.maximum(lengths, 1e-12), np.float32)

    def _side(self, mode: str) -> NDArray[np.float32]:
        if mode == "cls":
            return self.parts["cls"] / self._windows
        if mode == "max":
            return self.parts["max"]
        counts = self._counts if mode == "mean" else np.sqrt(self._counts)
        return np.asarray(self.parts["sum"] / counts, np.float32)
