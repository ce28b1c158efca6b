from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from freehold.engine import RANDOM_FEATURES, RandomFeatures

PROGRAM = """
import hashlib
from freehold.engine import RandomFeatures
weights, phases, _ = RandomFeatures.draw(12)
print(hashlib.sha256(weights.tobytes() + phases.tobytes()).hexdigest())
"""


def unit_vectors(rows: int, dimension: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(1).normal(size=(rows, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("gamma", [0.2, 0.7, 2.0])
def test_products_are_the_gaussian_kernel(gamma: float) -> None:
    vectors = unit_vectors(80, 384)
    features = RandomFeatures.draw(384, count=16_384, gamma=gamma).apply(vectors)
    distances = ((vectors[:, None] - vectors[None]) ** 2).sum(2)
    difference = features @ features.T - np.exp(-gamma * distances)
    assert np.sqrt((difference**2).mean()) < 1.2 / np.sqrt(16_384)
    assert np.abs(difference).max() < 6 / np.sqrt(16_384)


def test_features_have_length_one_about() -> None:
    features = RandomFeatures.draw(384).apply(unit_vectors(50, 384))
    assert features.shape == (50, RANDOM_FEATURES)
    assert features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=0.06)


def test_the_map_is_the_same_in_every_process() -> None:
    found = {
        subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


def test_another_dimension_has_another_map() -> None:
    assert not np.array_equal(RandomFeatures.draw(4).phases, RandomFeatures.draw(5).phases)


def test_no_rows_give_no_features() -> None:
    assert RandomFeatures.draw(3, count=8).apply(np.zeros((0, 3), np.float32)).shape == (0, 8)


def test_the_vector_stands_beside_its_features() -> None:
    features, vectors = RandomFeatures.draw(3, count=8), np.eye(3, dtype=np.float32)
    found = features._replace(beside=True).apply(vectors)
    np.testing.assert_array_equal(found, np.hstack([features.apply(vectors), vectors]))


def test_a_map_can_be_blind_to_all_but_the_first_part() -> None:
    features = RandomFeatures.draw(3, count=8)
    first, other = (np.random.default_rng(seed).normal(size=(5, 3)).astype(np.float32) for seed in (0, 1))
    both = np.hstack([first, other]) * np.float32(np.sqrt(0.5))
    np.testing.assert_allclose(features.beside_others(2).apply(both), features.apply(first), atol=1e-6)
