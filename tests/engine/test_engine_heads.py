from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from freehold.engine import Heads, RandomFeatures, Sketch, load_heads, save_heads
from freehold.errors import IntegrityError

GRAMS = Sketch(512)
TEXTS = [f"where is my {thing} {n}" for n in range(30) for thing in ("card", "parcel", "")]


def make_heads(*, columns: int = 5, features: bool = True) -> Heads:
    random = np.random.default_rng(0)
    drawn = RandomFeatures.draw(16, count=64) if features else None
    return Heads(
        random.normal(size=(64 if features else 16, columns)).astype(np.float32),
        (random.normal(size=(len(GRAMS), columns)) * random.gamma(1, size=(len(GRAMS), 1))).astype(np.float32),
        random.normal(size=columns).astype(np.float32),
        drawn,
    )


def make_vectors(rows: int = len(TEXTS)) -> NDArray[np.float32]:
    vectors = np.random.default_rng(1).normal(size=(rows, 16))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def expected(heads: Heads) -> NDArray[np.float64]:
    vectors = make_vectors()
    dense = vectors if heads.features is None else heads.features.apply(vectors)
    sparse = GRAMS.transform(TEXTS)
    grams = np.zeros((len(TEXTS), len(GRAMS)))
    for row in range(len(TEXTS)):
        part = slice(sparse.starts[row], sparse.starts[row + 1])
        np.add.at(grams[row], sparse.indices[part], sparse.values[part])
    return np.asarray(dense @ heads.dense.astype(np.float64) + grams @ heads.grams + heads.bias)


@pytest.mark.parametrize("features", [True, False])
def test_scores_are_those_of_the_formula(features: bool) -> None:
    heads = make_heads(features=features)
    found = heads.scores(make_vectors(), GRAMS.transform(TEXTS))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(heads), atol=1e-4)


@pytest.mark.parametrize("shrunk", [True, False])
def test_one_row_has_the_scores_that_it_has_among_many(shrunk: bool) -> None:
    heads = make_heads().shrunk() if shrunk else make_heads()
    vectors = make_vectors()
    together = heads.scores(vectors, GRAMS.transform(TEXTS))
    alone = [heads.scores(vectors[n : n + 1], GRAMS.transform([text])) for n, text in enumerate(TEXTS)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-4)


def test_eight_bits_keep_scores_to_one_percent() -> None:
    heads = make_heads()
    whole, shrunk = (each.scores(make_vectors(), GRAMS.transform(TEXTS)) for each in (heads, heads.shrunk()))
    assert heads.shrunk().grams.dtype == np.int8
    assert np.abs(whole - shrunk).max() < 0.01 * whole.std()


def test_shrinking_twice_changes_nothing() -> None:
    shrunk = make_heads().shrunk()
    assert shrunk.shrunk() is shrunk


def test_grams_of_no_weight_shrink_to_nothing() -> None:
    heads = make_heads()
    heads.grams[:] = 0
    found = heads.shrunk().scores(make_vectors(), GRAMS.transform(TEXTS))
    np.testing.assert_allclose(found, heads.scores(make_vectors(), GRAMS.transform(TEXTS)), atol=1e-6)


@pytest.mark.parametrize("rows", [0, 1, 90])
def test_a_model_without_columns_has_no_scores(rows: int) -> None:
    heads = make_heads(columns=0)
    for each in (heads, heads.shrunk()):
        assert each.scores(make_vectors(rows), GRAMS.transform(TEXTS[:rows])).shape == (rows, 0)


@pytest.mark.parametrize("columns", [0, 1, 5])
@pytest.mark.parametrize("shrunk", [True, False])
@pytest.mark.parametrize("features", [True, False])
def test_what_is_saved_is_what_is_loaded(columns: int, shrunk: bool, features: bool, tmp_path: Path) -> None:
    heads = make_heads(columns=columns, features=features)
    heads = heads.shrunk() if shrunk else heads
    save_heads(tmp_path, heads)
    loaded = load_heads(tmp_path)
    np.testing.assert_array_equal(loaded.grams, heads.grams)
    np.testing.assert_array_equal(
        loaded.scores(make_vectors(), GRAMS.transform(TEXTS)), heads.scores(make_vectors(), GRAMS.transform(TEXTS))
    )


def test_the_same_heads_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_heads(tmp_path / name, make_heads().shrunk())
    first, second = ((tmp_path / name / "heads.safetensors").read_bytes() for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("content", [b"", b"garbage" * 30])
def test_damaged_heads_are_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "heads.safetensors").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"heads\.safetensors` cannot be read"):
        load_heads(tmp_path)


def test_heads_without_a_part_are_named(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"dense": np.zeros((2, 2), np.float32)}, tmp_path / "heads.safetensors")
    with pytest.raises(IntegrityError, match=r"heads\.safetensors` cannot be read"):
        load_heads(tmp_path)
