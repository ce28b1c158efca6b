"""Random Fourier features of an encoder's vector: a linear head on them is a kernel machine on the vector.

The features approximate the Gaussian kernel exp(-gamma * |a - b|²) (Rahimi and Recht 2007). They are drawn from a
seed alone, never from data.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["RANDOM_FEATURES", "RandomFeatures"]

RANDOM_FEATURES = 2_048
_GAMMA = 0.7
_Float = TypeVar("_Float", np.float32, np.float64)


class RandomFeatures(NamedTuple):
    """The map.

    Attributes:
        weights: Shape (dimension, features).
        phases: Shape (features,).
        beside: Whether the vector itself stands beside its features, after them.
    """

    weights: NDArray[np.float32]
    phases: NDArray[np.float32]
    beside: bool = False

    @classmethod
    def draw(cls, dimension: int, *, count: int = RANDOM_FEATURES, gamma: float = _GAMMA) -> RandomFeatures:
        """Returns the one map of these sizes; it depends on nothing else.

        Args:
            dimension: Of the vectors, which have unit length.
            gamma: Of the kernel.
        """
        random = np.random.Generator(np.random.PCG64(dimension))
        weights = random.standard_normal((dimension, count)) * np.sqrt(2 * gamma)
        return cls(weights.astype(np.float32), random.uniform(0, 2 * np.pi, count).astype(np.float32))

    def beside_others(self, count: int) -> RandomFeatures:
        """Returns the map for vectors of `count` parts of equal length: of the first part, blind to the others."""
        weights = np.zeros((len(self.weights) * count, self.weights.shape[1]), np.float32)
        weights[: len(self.weights)] = self.weights * np.float32(np.sqrt(count))
        return self._replace(weights=weights)

    def apply(self, vectors: NDArray[_Float]) -> NDArray[_Float]:
        """Returns the features, shape (rows, features), of length about 1, in the precision of the vectors.

        Where the vector stands beside them, there are `dimension` columns more.
        """
        angles: NDArray[_Float] = np.matmul(vectors, self.weights)
        angles += self.phases
        np.cos(angles, out=angles)
        angles *= np.float32(np.sqrt(2 / len(self.phases)))
        return np.hstack([angles, vectors]) if self.beside else angles
