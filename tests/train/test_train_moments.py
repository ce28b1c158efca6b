from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import Ridge as Reference
from tests.train.plain_rows import DIMENSION, FIELDS, make_rows, make_vectors

from freehold.engine import RandomFeatures, Sketch, field_labels
from freehold.task import FieldKind
from freehold.train.heads import NEVER, one_hot
from freehold.train.moments import PENALTY, FeatureMap, Moments, Solved, solve_few
from freehold.train.rows import Target

MAP = FeatureMap(RandomFeatures.draw(DIMENSION, count=48), Sketch(64))
DENSE = 48
SHAPE: Mapping[str, tuple[FieldKind, int]] = {
    field.name: (field.kind, len(field_labels(field))) for field in FIELDS
}
ROWS = make_rows(60)


@cache
def features() -> NDArray[np.float64]:
    return MAP.apply(ROWS.texts, make_vectors(ROWS.texts))


def add(moments: Moments, places: list[int], *, sign: float = 1.0) -> None:
    targets = {name: target[places] for name, target in ROWS.targets.items()}
    moments.add(features()[places], targets, sign=sign)


def sums_of(places: list[int]) -> Moments:
    moments = Moments.zero(MAP.width, fields=SHAPE)
    add(moments, places)
    return moments


def assert_same_sums(one: Moments, other: Moments, *, tolerance: float = 1e-11) -> None:
    np.testing.assert_allclose(np.triu(one.gram), np.triu(other.gram), atol=tolerance)
    np.testing.assert_allclose(one.features, other.features, atol=tolerance)
    assert one.rows == other.rows
    for name, sums in one.fields.items():
        np.testing.assert_allclose(sums.products, other.fields[name].products, rtol=1e-12, atol=100 * tolerance)
        np.testing.assert_allclose(sums.totals, other.fields[name].totals, atol=100 * tolerance)
        assert sums.squares == pytest.approx(other.fields[name].squares, abs=1e-6)


def assert_same_heads(one: Mapping[str, Solved], other: Mapping[str, Solved], *, tolerance: float) -> None:
    assert [*one] == [*other]
    for name, each in one.items():
        for first, second in zip(weights(each), weights(other[name]), strict=True):
            np.testing.assert_allclose(first, second, atol=tolerance)
        assert each.centre == pytest.approx(other[name].centre)
        assert each.spread == pytest.approx(other[name].spread)


def weights(solved: Solved) -> list[NDArray[np.float32]]:
    return [solved.head.dense, solved.head.grams, solved.head.bias]


@settings(deadline=None, max_examples=40)
@given(st.sets(st.integers(0, 59), min_size=1), st.lists(st.sets(st.integers(0, 59)), max_size=4))
def test_rows_are_added_and_taken_out_exactly(kept: set[int], visits: list[set[int]]) -> None:
    """Whatever came and went in between, the sums are those of the rows that are left."""
    moments = sums_of(sorted(kept))
    for visit in visits:
        add(moments, sorted(visit))
    for visit in visits:
        add(moments, sorted(visit), sign=-1.0)
    again = sums_of(sorted(kept))
    assert_same_sums(moments, again)
    assert_same_heads(moments.solve(dense=DENSE), again.solve(dense=DENSE), tolerance=1e-6)


def test_sums_add_up() -> None:
    both = sums_of([*range(25)])
    both.join(sums_of([*range(25, 60)]))
    assert_same_sums(both, sums_of([*range(60)]))


@pytest.mark.parametrize("places", [[*range(60)], [*range(5)], [7]])
def test_few_rows_are_solved_to_the_same_heads(places: list[int]) -> None:
    targets = {name: target[places] for name, target in ROWS.targets.items()}
    few = solve_few(features()[places], targets, shape=SHAPE, dense=DENSE)
    assert_same_heads(sums_of(places).solve(dense=DENSE), few, tolerance=1e-5)


@pytest.mark.parametrize("name", ["area", "topics", "urgent", "mood", "amount"])
def test_heads_are_those_of_scikit_learn(name: str) -> None:
    solved = sums_of([*range(60)]).solve(dense=DENSE)[name]
    kind, columns = SHAPE[name]
    target: Target = ROWS.targets[name]
    if kind == "number":
        wanted = ((target - target.mean()) / target.std())[:, None]
    else:
        wanted = 2 * one_hot(target, columns=columns).toarray() - 1
    # The bias is the mean of the targets and pays no penalty; the features are not centred.
    centred = wanted - wanted.mean(0)
    reference = Reference(alpha=PENALTY, fit_intercept=False).fit(features(), centred)
    expected = features() @ reference.coef_.reshape(columns, -1).T + wanted.mean(0)
    found = features() @ np.vstack([solved.head.dense, solved.head.grams]) + solved.head.bias
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_label_without_a_row_is_never_the_answer() -> None:
    shape: Mapping[str, tuple[FieldKind, int]] = {"area": ("choice", 4)}
    targets = {"area": ROWS.targets["area"]}
    moments = Moments.zero(MAP.width, fields=shape)
    moments.add(features(), targets)
    for solved in (moments.solve(dense=DENSE), solve_few(features(), targets, shape=shape, dense=DENSE)):
        scores = features() @ np.vstack([solved["area"].head.dense, solved["area"].head.grams])
        scores += solved["area"].head.bias
        assert solved["area"].head.bias[3] == NEVER
        assert set(scores.argmax(1)) == {0, 1, 2}


def test_a_label_whose_rows_all_left_is_as_if_it_had_none() -> None:
    gone = np.flatnonzero(ROWS.targets["area"] == 1).tolist()
    moments = sums_of([*range(60)])
    add(moments, gone, sign=-1.0)
    bias = moments.solve(dense=DENSE)["area"].head.bias
    assert bias[1] == NEVER
    assert (bias[[0, 2]] > -1).all()


def test_numbers_far_from_zero_lose_nothing() -> None:
    shape: Mapping[str, tuple[FieldKind, int]] = {"amount": ("number", 1)}
    found = []
    for shift in (0.0, 1.7e9):
        moments = Moments.zero(MAP.width, fields=shape)
        moments.add(features(), {"amount": ROWS.targets["amount"] + shift})
        solved = moments.solve(dense=DENSE)["amount"]
        scores = (features() @ np.vstack([solved.head.dense, solved.head.grams]))[:, 0]
        found.append(solved.centre - shift + solved.spread * scores)
    assert np.corrcoef(found[0], ROWS.targets["amount"])[0, 1] > 0.95
    np.testing.assert_allclose(found[1], found[0], atol=1e-3)


def test_a_number_that_never_changes_is_answered_as_it_is() -> None:
    shape: Mapping[str, tuple[FieldKind, int]] = {"amount": ("number", 1)}
    moments = Moments.zero(MAP.width, fields=shape)
    moments.add(features(), {"amount": np.full(60, 0.1)})
    solved = moments.solve(dense=DENSE)["amount"]
    scores = (features() @ np.vstack([solved.head.dense, solved.head.grams]))[:, 0]
    np.testing.assert_allclose(solved.centre + solved.spread * scores, 0.1, atol=1e-6)
    assert solved.spread == 1.0


def test_features_of_many_rows_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freehold.train.moments._BLOCK", 7)
    blocks = [*MAP.blocks(ROWS.texts, make_vectors(ROWS.texts))]
    assert len(blocks) == 9
    np.testing.assert_allclose(np.vstack([block for _, block in blocks]), features(), rtol=0, atol=1e-13)
