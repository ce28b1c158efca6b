from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from freehold.engine import Head, Scope, answer_rows, field_labels, softmax, to_probabilities
from freehold.task import Field, FieldKind, Label

ABC = tuple(Label(name) for name in "abc")
CHOICE = Field("f", "choice", labels=ABC)
KNOTS = ((0.4, 0.1), (0.6, 0.5), (0.99, 0.8))
HEADS = {
    "plain": Head(0, 3),
    "cold": Head(0, 3, temperature=0.01),
    "vector": Head(0, 3, temperature=0.5, factors=(2.0, 0.5, 1.0), offsets=(0.0, 3.0, -1.0)),
    "isotonic": Head(0, 3, temperature=0.3, knots=KNOTS),
    "flat": Head(0, 3, temperature=0.01, knots=((0.9, 0.7),)),
}


def scores(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(-10, 10, width=32)] * 3), min_size=1, max_size=6), st.sampled_from([*HEADS]))
def test_calibration_never_changes_the_label(rows: list[tuple[float, ...]], name: str) -> None:
    found = answer_rows(CHOICE, HEADS[name], scores(*rows), labels="abc")
    assert [answer.value for answer in found] == ["abc"[number] for number in scores(*rows).argmax(1)]
    for answer in found:
        assert list(answer.probabilities) == ["a", "b", "c"]
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        assert all(0 <= chance <= 1 for chance in answer.probabilities.values())
        assert answer.confidence == answer.probabilities[str(answer.value)]


def test_probabilities_are_those_of_the_formula() -> None:
    head = HEADS["vector"]
    row = np.array([0.3, -0.2, 0.9])
    scaled = np.exp(row * head.factors / head.temperature + head.offsets)
    found = to_probabilities(CHOICE, head, scores((0.3, -0.2, 0.9)))
    np.testing.assert_allclose(found[0], scaled / scaled.sum(), atol=1e-6)


def test_a_curve_moves_the_highest_and_shares_the_rest_as_before() -> None:
    plain = softmax(scores((1.0, 0.0, -1.0)))[0]
    [found] = to_probabilities(CHOICE, Head(0, 3, knots=((0.0, 0.5), (1.0, 0.5))), scores((1.0, 0.0, -1.0)))
    assert found[0] == 0.5
    assert found[1] / found[2] == pytest.approx(plain[1] / plain[2])


def test_a_curve_holds_for_rows_that_were_quite_sure() -> None:
    [found] = to_probabilities(CHOICE, HEADS["flat"], scores((9.0, -9.0, -9.0)))
    np.testing.assert_allclose(found, [0.7, 0.15, 0.15])


@pytest.mark.parametrize(
    ("kind", "labels", "row", "value"),
    [
        ("choice", ABC, (0.1, 0.3, 0.2), "b"),
        ("choice", ABC[:1], (-4.0,), "a"),
        ("predicate", None, (0.1, 0.3), True),
        ("predicate", None, (0.3, 0.1), False),
        ("score", (Label("-1"), Label("10")), (0.1, 0.3), 10),
        ("choices", ABC, (3.0, -3.0, 2.0), ["a", "c"]),
        ("choices", ABC, (-3.0, -3.0, -2.0), []),
        ("choices", (), (), []),
        ("number", None, (1.5,), 13.0),
    ],
)
def test_values_are_of_the_fields_type(
    kind: FieldKind, labels: tuple[Label, ...] | None, row: tuple[float, ...], value: Any
) -> None:
    field = Field("f", kind, labels=labels)
    head = Head(0, len(row), centre=10.0, spread=2.0, margin=0.5)
    [answer] = answer_rows(field, head, scores(row), labels=field_labels(field))
    assert answer.value == value
    assert type(answer.value) is type(value)
    assert 0 <= answer.confidence <= 1


def test_choices_are_as_sure_as_all_their_labels_together() -> None:
    field = Field("f", "choices", labels=ABC, abstain_below=0.5)
    head = Head(0, 3, temperature=2.0, offsets=(0.5,), threshold=0.3)
    row = (1.0, -1.5, -9.0)
    chances = 1 / (1 + np.exp(-(np.array(row) / 2 + 0.5)))
    [answer] = answer_rows(field, head, scores(row), labels="abc")
    assert answer.value == ["a", "b"]
    assert [*answer.probabilities.values()] == pytest.approx(chances.tolist(), abs=1e-6)
    assert answer.confidence == pytest.approx(chances[0] * chances[1] * (1 - chances[2]), abs=1e-6)
    assert answer.abstained is (answer.confidence < 0.5)


def test_a_number_has_an_interval() -> None:
    head = Head(0, 1, centre=10.0, spread=2.0, margin=0.5)
    [answer] = answer_rows(Field("f", "number"), head, scores((1.5,)), labels=("value",))
    assert (answer.value, answer.interval, answer.confidence) == (13.0, (12.5, 13.5), 0.9)


def test_a_number_that_nothing_was_held_out_for_claims_nothing() -> None:
    field = Field("f", "number", abstain_below=0.1)
    [answer] = answer_rows(field, Head(0, 1), scores((1.5,)), labels=("value",))
    assert (answer.value, answer.interval, answer.confidence, answer.abstained) == (1.5, None, 0.0, True)


@pytest.mark.parametrize(
    ("other", "row", "value", "in_scope"),
    [
        ("", (0.9, 0.0, 0.0), "a", True),
        ("", (0.1, 0.0, 0.0), "a", False),
        ("c", (0.9, 0.0, 0.0), "a", True),
        ("c", (0.1, 0.0, 0.0), "c", False),
        ("c", (0.0, 0.0, 0.9), "c", False),
    ],
)
def test_what_fits_no_label_is_said(other: str, row: tuple[float, ...], value: str, in_scope: bool) -> None:
    field = Field("f", "choice", labels=ABC, other=other)
    [answer] = answer_rows(field, Head(0, 3, scope=Scope(0.5, 0.05, 100)), scores(row), labels="abc")
    assert (answer.value, answer.in_scope) == (value, in_scope)
    assert answer.confidence == answer.probabilities[value]


def test_without_a_threshold_nothing_is_said_of_scope() -> None:
    [answer] = answer_rows(CHOICE, Head(0, 3), scores((0.1, 0.0, 0.0)), labels="abc")
    assert answer.in_scope is None
    assert "in_scope" not in answer.to_json()


def test_an_answer_that_is_not_sure_enough_abstains() -> None:
    field = Field("f", "choice", labels=ABC, abstain_below=0.5)
    sure, unsure = answer_rows(field, Head(0, 3), scores((3.0, 0.0, 0.0), (0.1, 0.0, 0.0)), labels="abc")
    assert (sure.abstained, unsure.abstained) == (False, True)
    assert unsure.value == "a"


@pytest.mark.parametrize("kind", ["choice", "choices", "predicate", "score", "number"])
def test_no_rows_have_no_answers(kind: FieldKind) -> None:
    columns = 1 if kind == "number" else 2
    labels = ("1", "2")[:columns]
    assert answer_rows(Field("f", kind), Head(0, columns), np.zeros((0, columns), np.float32), labels=labels) == []
