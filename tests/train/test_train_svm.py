from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from tests.train.plain_rows import FIELDS, make_rows, make_vectors

from freehold.engine import field_labels
from freehold.task import Field, Label
from freehold.train.heads import NEVER, FieldHead, Trained, gram_matrix, one_hot
from freehold.train.rows import Rows, is_labelled
from freehold.train.svm import SvmSettings, fit_svm

ROWS = make_rows(70)
SMALL = SvmSettings()
LONG = SvmSettings(tolerance=1e-6)


def fit(rows: Rows, fields: Sequence[Field] = FIELDS, *, settings: SvmSettings = SMALL) -> Trained:
    return fit_svm(rows, fields, vectors=make_vectors(rows.texts), settings=settings)


def scores(trained: Trained, texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = make_vectors(texts)
    return trained.heads(dense=vectors.shape[1]).scores(vectors, trained.grams.transform(texts))


class Problem:
    """The objective as the docstring states it, over one vector of all weights, in double precision."""

    def __init__(self, rows: Rows, field: Field, trained: Trained, *, settings: SvmSettings) -> None:
        places = np.flatnonzero(is_labelled(rows.targets[field.name]))
        part = rows.take(places.tolist())
        dense = make_vectors(part.texts) * settings.dense_weight
        grams = gram_matrix(trained.grams, part.texts).toarray()
        self.features = np.hstack([dense, grams, np.ones((len(part), 1))]).astype(np.float64)
        self.squares, self.cost, self.weight = field.kind == "number", settings.cost, settings.dense_weight
        target = part.targets[field.name]
        if self.squares:
            self.wanted = ((target - target.mean()) / target.std())[:, None]
        else:
            self.wanted = 2 * one_hot(target, columns=len(field_labels(field))).toarray() - 1

    def value(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(self.features.shape[1], -1)
        found = self.features @ weights
        short = self.wanted - found if self.squares else np.maximum(0, 1 - self.wanted * found)
        slope = -2 * short if self.squares else -2 * self.wanted * short
        value = 0.5 * (weights**2).sum() + self.cost * (short**2).sum()
        return float(value), (weights + self.cost * self.features.T @ slope).ravel()

    def value_of(self, head: FieldHead) -> float:
        parts = [head.dense / self.weight, head.grams, head.bias[None]]
        return self.value(np.vstack(parts).astype(np.float64).ravel())[0]

    def best(self) -> float:
        start = np.zeros(self.features.shape[1] * self.wanted.shape[1])
        options = {"maxiter": 3_000, "maxfun": 6_000, "ftol": 1e-12, "gtol": 1e-8}
        return float(minimize(self.value, start, jac=True, method="L-BFGS-B", options=options).fun)


CASES = [*((number, 70, 0.01) for number in range(5)), (0, 400, 0.01), (0, 520, 0.03), (4, 520, 0.01)]


@pytest.mark.parametrize(("number", "count", "share"), CASES)
def test_the_objective_is_that_of_scipy(number: int, count: int, share: float) -> None:
    """As far as the tolerance says; with a smaller one, to the last digits."""
    field, rows = FIELDS[number], make_rows(count)
    trained = fit(rows, [field])
    problem = Problem(rows, field, trained, settings=SMALL)
    best, found = problem.best(), problem.value_of(trained.fields[field.name])
    assert best <= found * (1 + 1e-6)
    assert found <= best * (1 + share)
    longer = fit(rows, [field], settings=LONG)
    assert problem.value_of(longer.fields[field.name]) <= best * 1.0005


def test_the_same_rows_give_the_same_bytes() -> None:
    first, second = fit(ROWS), fit(ROWS)
    for name, head in first.fields.items():
        assert head.dense.tobytes() == second.fields[name].dense.tobytes()
        assert head.grams.tobytes() == second.fields[name].grams.tobytes()


def test_it_answers_rows_that_it_has_not_seen() -> None:
    unseen = make_rows(60, seed=1)
    found = scores(fit(make_rows(250)), unseen.texts)
    start = 0
    for field in FIELDS:
        columns = found[:, start : start + len(field_labels(field))]
        start += columns.shape[1]
        target = unseen.targets[field.name]
        if field.kind == "number":
            assert np.corrcoef(columns[:, 0], target)[0, 1] > 0.85
        elif field.kind == "choices":
            assert ((columns > 0) == (target == 1)).mean() > 0.95
        else:
            assert (columns.argmax(1) == target).mean() > 0.9


def test_a_label_without_a_row_is_never_answered() -> None:
    labels = (*(FIELDS[0].labels or ()), Label("unseen"))
    trained = fit(ROWS, [replace(FIELDS[0], labels=labels)])
    found = scores(trained, ROWS.texts)
    assert (found[:, 3] == NEVER).all()
    assert 3 not in found.argmax(1)


@pytest.mark.parametrize("kind", ["one label", "no labelled row", "no label"])
def test_what_there_is_nothing_to_learn_from_is_learned_all_the_same(kind: str) -> None:
    rows: Rows
    if kind == "one label":
        field = Field("area", "choice", labels=(Label("account"),))
        rows = replace(ROWS, targets={"area": np.zeros(70, np.int64)})
    elif kind == "no labelled row":
        field = FIELDS[0]
        rows = replace(ROWS, targets={"area": np.full(70, -1)})
    else:
        field = Field("area", "choices", labels=())
        rows = replace(ROWS, targets={"area": np.zeros((70, 0), np.int8)})
    found = scores(fit(rows, [field]), ROWS.texts)
    assert found.shape == (70, len(field.labels or ()))
    assert np.isfinite(found).all()


def test_texts_without_a_word_are_learned_from() -> None:
    rows = ROWS.take([*range(20)])
    rows = replace(rows, texts=("",) * 20)
    found = scores(fit(rows), ["", "where is it"])
    assert np.isfinite(found).all()


def test_contradictory_labels_of_one_text_share_it() -> None:
    rows = ROWS.take([0] * 9)
    rows = replace(rows, targets={"urgent": np.array([1, 1, 1, 1, 1, 1, 0, 0, 0])})
    [found] = scores(fit(rows, [FIELDS[2]]), rows.texts[:1])
    assert found[1] > 0 > found[0]
    assert abs(found[1]) < 1


def test_a_label_that_every_row_has_is_answered() -> None:
    rows = replace(ROWS, targets={"topics": np.tile(np.array([1, 0, 1], np.int8), (70, 1))})
    rows.targets["topics"][:9, 2] = 0
    found = scores(fit(rows, [FIELDS[1]]), ROWS.texts)
    assert (found[:, 0] == 1).all()
    assert (found[:, 1] == NEVER).all()
    assert 0.5 < (found[:, 2] > 0).mean() <= 1


def test_no_fields_are_no_columns() -> None:
    trained: Any = fit(ROWS, [])
    assert trained.heads(dense=16).dense.shape == (16, 0)
