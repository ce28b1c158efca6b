from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gate.gate_rows import pair, pairs

from freehold.gate import Pair, Pairs, compare, mcnemar
from freehold.gate.resampling import RESAMPLES, resample
from freehold.gate.statistics import average
from freehold.task import Field, FieldKind, Value


def choice_rows(right: int, wrong: int) -> list[Pair]:
    return [pair("a", "a")] * right + [pair("a", "b")] * wrong


def test_mcnemar_decides_on_rows_where_one_is_right() -> None:
    ours, theirs = choice_rows(80, 20), choice_rows(91, 9)
    found = compare(Field("x", "choice"), ours, champion=theirs)
    assert (found.metric, found.test, found.candidate, found.champion) == ("accuracy", "mcnemar", 0.8, 0.91)
    assert found.p == mcnemar(Pairs(80, 0, 11, 9))
    assert found.difference.value == -0.11
    assert found.worse
    back = compare(Field("x", "choice"), theirs, champion=ours)
    assert (back.p, back.worse, back.difference.value) == (found.p, False, 0.11)


def test_a_small_difference_is_no_difference() -> None:
    found = compare(Field("x", "choice"), choice_rows(80, 20), champion=choice_rows(82, 18))
    assert (found.p, found.worse) == (0.5, False)


def test_a_label_that_the_champion_does_not_know_is_wrong_for_it() -> None:
    theirs = [pair("new", "a")] * 10
    found = compare(Field("x", "choice"), [pair("new", "new")] * 10, champion=theirs)
    assert (found.champion, found.worse) == (0.0, False)
    assert found.p < 0.05


SPANS: list[dict[str, str | int]] = [{"label": "a", "start": 0, "end": 1}]
BETTER_AND_WORSE: list[tuple[FieldKind, str, Value, Value, Value]] = [
    ("choices", "micro_f1", ["a", "b"], ["a", "b"], ["b"]),
    ("number", "mae", 2.0, 2.5, 4.0),
    ("spans", "f1", SPANS, SPANS, []),
    ("text", "rouge_l", "a b c", "a b d", "x"),
]


@pytest.mark.parametrize(("kind", "metric", "truth", "good", "bad"), BETTER_AND_WORSE)
def test_other_kinds_take_a_paired_bootstrap(
    kind: FieldKind, metric: str, truth: Value, good: Value, bad: Value
) -> None:
    better = pairs([truth] * 30, [good] * 25 + [bad] * 5)
    worse = pairs([truth] * 30, [good] * 5 + [bad] * 25)
    found = compare(Field("x", kind), worse, champion=better)
    assert (found.metric, found.test, found.worse) == (metric, "bootstrap", True)
    assert found.p == pytest.approx(2 / (RESAMPLES + 1))
    assert found.difference.low <= found.difference.value <= found.difference.high < 0
    back = compare(Field("x", kind), better, champion=worse)
    assert (back.worse, back.difference.value) == (False, -found.difference.value)


@pytest.mark.parametrize("kind", ["predicate", "score"])
def test_closed_fields_take_mcnemar(kind: FieldKind) -> None:
    rows = pairs([True] * 3, [True] * 3) if kind == "predicate" else pairs([1, 2], [1, 2])
    found = compare(Field("x", kind), rows, champion=rows)
    assert (found.metric, found.test, found.p, found.worse) == ("accuracy", "mcnemar", 1.0, False)


@pytest.mark.parametrize("kind", ["choices", "spans"])
def test_where_nothing_is_true_whole_answers_are_compared(kind: FieldKind) -> None:
    wrong: Value = ["a"] if kind == "choices" else SPANS
    nothing = pairs([[]] * 8, [[]] * 8)
    found = compare(Field("x", kind), pairs([[]] * 8, [wrong] * 8), champion=nothing)
    assert (found.metric, found.test, found.worse) == ("exact", "mcnemar", True)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=30))
def test_the_bootstrap_does_not_care_who_is_who(rows: list[tuple[float, float, float]]) -> None:
    truths = [row[0] for row in rows]
    ours, theirs = pairs(truths, [row[1] for row in rows]), pairs(truths, [row[2] for row in rows])
    one = compare(Field("x", "number"), ours, champion=theirs)
    other = compare(Field("x", "number"), theirs, champion=ours)
    assert one.p == pytest.approx(other.p)
    assert one.difference[:3] == pytest.approx(
        (-other.difference.value, -other.difference.high, -other.difference.low), abs=2e-6
    )
    assert not (one.worse and other.worse)


def test_the_same_answers_are_never_worse() -> None:
    rows = pairs([1.0, 2.0], [3.0, 5.0])
    found = compare(Field("x", "number"), rows, champion=rows)
    assert (found.p, found.worse, found.difference) == (1.0, False, (0.0, 0.0, 0.0, 2))


def test_resamples_are_seeded_and_do_not_depend_on_blocks() -> None:
    column = np.random.default_rng(0).random(5_000)  # more than one block
    first = resample({"mean": average(column)}, np.arange(5_000), seed=3)["mean"]
    assert first.shape == (RESAMPLES,)
    assert np.array_equal(first, resample({"mean": average(column)}, np.arange(5_000), seed=3)["mean"])
    assert not np.array_equal(first, resample({"mean": average(column)}, np.arange(5_000), seed=4)["mean"])
    assert first.std() == pytest.approx(column.std() / np.sqrt(5_000), rel=0.1)
