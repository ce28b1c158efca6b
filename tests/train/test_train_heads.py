from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax

from freehold.engine import Ngrams
from freehold.train.heads import MISSING, fit_field, fit_temperature, join_features
from freehold.train.ladder import Rung, Trained, beats


def rows(count: int, labels: int, *, seed: int = 0) -> tuple[np.ndarray, csr_matrix, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = random.integers(0, labels, count)
    centres = random.normal(size=(labels, 8))
    vectors = (centres[targets] + 0.1 * random.normal(size=(count, 8))).astype(np.float32)
    grams = csr_matrix(np.eye(labels, 5, dtype=np.float32)[targets])
    return vectors, grams, targets


@pytest.mark.parametrize("labels", [2, 3, 4])
def test_a_head_separates_what_can_be_separated(labels: int) -> None:
    vectors, grams, targets = rows(120, labels)
    features = join_features(vectors, grams, dense_weight=2.0)
    head = fit_field(features, targets, labels=labels, dimension=8, cost=1.0, seed=0)
    assert head.dense.shape == (8, labels)
    assert head.ngrams.shape == (5, labels)
    assert (head.scores(vectors, grams).argmax(1) == targets).all()


def test_rows_without_a_label_are_left_out() -> None:
    vectors, grams, targets = rows(120, 3)
    holes = targets.copy()
    holes[::3] = MISSING
    head = fit_field(
        join_features(vectors, grams, dense_weight=1.0), holes, labels=3, dimension=8, cost=1.0, seed=0
    )
    assert (head.scores(vectors, grams).argmax(1) == targets).mean() > 0.95


def test_a_label_without_rows_is_never_answered() -> None:
    vectors, grams, targets = rows(60, 2)
    features = join_features(vectors, grams, dense_weight=1.0)
    head = fit_field(features, targets, labels=4, dimension=8, cost=1.0, seed=0)
    assert set(head.scores(vectors, grams).argmax(1)) == {0, 1}


def test_a_single_label_is_always_answered() -> None:
    vectors, grams, targets = rows(20, 2)
    features = join_features(vectors, grams, dense_weight=1.0)
    head = fit_field(features, np.ones_like(targets), labels=2, dimension=8, cost=1.0, seed=0)
    assert (head.scores(vectors, grams).argmax(1) == 1).all()


def test_the_temperature_undoes_a_known_one() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 4)) * 2
    truth = np.array([random.choice(4, p=p) for p in softmax(logits, axis=1)])
    scaled = (logits * 0.25).astype(np.float32)
    found = fit_temperature(scaled, truth)
    assert found.value == pytest.approx(0.25, rel=0.1)
    assert found.loss < fit_temperature(-scaled, truth).loss


def test_the_temperature_of_nothing_is_one() -> None:
    assert fit_temperature(np.zeros((3, 2), np.float32), np.full(3, MISSING)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [(0, 0, False), (3, 0, False), (5, 0, True), (20, 19, False), (30, 12, True), (12, 30, False)],
)
def test_a_rung_must_beat_the_one_below_by_more_than_noise(gained: int, lost: int, expected: bool) -> None:
    lower = np.array([True] * lost + [False] * gained + [True] * 100)
    upper = np.array([False] * lost + [True] * gained + [True] * 100)
    weights = Trained(Ngrams.fit(["a"]), {})
    below = Rung("below", 1.0, {"f": lower}, {"f": 1.0}, 0.0, weights)
    above = Rung("above", 1.0, {"f": upper}, {"f": 1.0}, 0.0, weights)
    assert beats(above, below) is expected
