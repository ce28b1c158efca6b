from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.train.plain_rows import FIELDS, make_rows

from freehold.engine import Ngrams, field_labels
from freehold.train.heads import Trained
from freehold.train.ladder import Candidate, Merit, beats, find_gain, judge_rung, lay_out, with_tags
from freehold.train.rows import Rows, is_labelled

NOTHING = Trained(Ngrams.fit(["a"]), None, {}, {}, {})
ROWS = make_rows(60, missing=0.2)
COLUMNS = [(0, 3), (3, 6), (6, 8), (8, 11), (11, 12)]


def candidate(gains: Mapping[str, NDArray[np.float64]]) -> Candidate:
    return Candidate("rung", NOTHING, NOTHING, {}, Merit(gains, dict.fromkeys(gains, 1.0)), 0.0, {}, {})


def single(values: list[float]) -> Candidate:
    return candidate({"f": np.array(values, np.float64)})


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [(0, 0, False), (3, 0, False), (5, 0, True), (20, 19, False), (30, 12, True), (12, 30, False)],
)
def test_a_rung_must_beat_the_one_below_by_more_than_noise(gained: int, lost: int, expected: bool) -> None:
    lower = single([1.0] * lost + [0.0] * gained + [1.0] * 100)
    upper = single([0.0] * lost + [1.0] * gained + [1.0] * 100)
    assert beats(upper, lower) is expected


@pytest.mark.parametrize(("shift", "expected"), [(0.0, False), (0.02, False), (0.3, True), (-0.3, False)])
def test_answers_that_are_right_in_part_are_compared_too(shift: float, expected: bool) -> None:
    noise = np.random.default_rng(0).normal(size=60) * 0.3
    assert beats(single(list(0.5 + noise + shift)), single([0.5] * 60)) is expected


def test_rows_of_all_fields_are_counted_together() -> None:
    few = np.array([1.0] * 3 + [0.0] * 20)
    upper, lower = candidate({"a": few, "b": few}), candidate({"a": few * 0, "b": few * 0})
    assert beats(upper, lower)
    assert not beats(candidate({"a": few}), candidate({"a": few * 0}))


@pytest.mark.parametrize("names", [("a", "b"), ("a", "")])
def test_what_cannot_be_compared_is_not_better(names: tuple[str, str]) -> None:
    upper, lower = ({name: np.ones(9)} if name else {} for name in names)
    assert not beats(candidate(upper), candidate(lower))


def told(right: list[float], loss: list[float]) -> Candidate:
    gains = {"f": np.array(right * 20, np.float64)}
    merit = Merit(gains, {"f": 1.0}, {"f": np.array(loss * 20, np.float64)})
    return replace(candidate(gains), merit=merit)


@pytest.mark.parametrize(
    ("right", "loss", "expected"),
    [
        ([1, 1, 0], [0.1, 0.2, 0.8], True),
        ([1, 1, 0], [0.3, 0.3, 0.9], False),
        ([1, 1, 0], [0.2, 0.5, 0.9], False),
        ([1, 0, 0], [0.1, 0.1, 0.1], False),
    ],
    ids=["surer where right", "the same", "no clear gain", "more wrong answers"],
)
def test_with_as_many_hits_the_better_probabilities_win(
    right: list[float], loss: list[float], expected: bool
) -> None:
    lower, upper = told([1, 1, 0], [0.3, 0.3, 0.9]), told(right, loss)
    assert beats(upper, lower) is expected
    assert find_gain(upper.merit, lower.merit) == ("log loss" if expected else "")


def perfect_scores(rows: Rows) -> NDArray[np.float32]:
    """Returns scores that are right wherever a row has a label."""
    parts = []
    for field in FIELDS:
        target = rows.targets[field.name]
        if field.kind == "number":
            parts.append((np.nan_to_num(target)[:, None] - 150) / 20)
        elif field.kind == "choices":
            parts.append(np.where(target == 1, 1.0, -1.0))
        else:
            parts.append(2 * np.eye(len(field_labels(field)))[np.maximum(target, 0)] - 1)
    return np.hstack(parts).astype(np.float32)


def trained() -> Trained:
    centres = {field.name: 150.0 if field.kind == "number" else 0.0 for field in FIELDS}
    spreads = {field.name: 20.0 if field.kind == "number" else 1.0 for field in FIELDS}
    return Trained(NOTHING.grams, None, {}, centres, spreads)


def test_columns_lie_side_by_side() -> None:
    heads = lay_out(FIELDS, trained())
    assert [(heads[field.name].start, heads[field.name].stop) for field in FIELDS] == COLUMNS
    assert (heads["amount"].centre, heads["amount"].spread) == (150.0, 20.0)
    assert heads["amount"].margin is None


def test_every_kind_is_judged_on_its_labelled_rows() -> None:
    heads, merit, loss = judge_rung(FIELDS, trained(), scores=perfect_scores(ROWS), rows=ROWS)
    assert merit.n == {name: int(is_labelled(target).sum()) for name, target in ROWS.targets.items()}
    assert all(count < 60 for count in merit.n.values())
    for name, gains in merit.gains.items():
        np.testing.assert_allclose(gains, 1, atol=1e-6)
        assert merit.headline[name] == pytest.approx(1)
    assert 0 < loss < 1
    assert all(head.temperature < 1 for name, head in heads.items() if name != "amount")
    assert heads["amount"].margin == pytest.approx(0, abs=1e-3)


def test_what_is_wrong_costs() -> None:
    scores = perfect_scores(ROWS)
    places = [int(np.flatnonzero(is_labelled(ROWS.targets[field.name]))[0]) for field in FIELDS]
    for field, place, columns in zip(FIELDS, places, COLUMNS, strict=True):
        part = scores[place, columns[0] : columns[1]]
        scores[place, columns[0] : columns[1]] = part + 1 if field.kind == "number" else -part
    _, merit, _ = judge_rung(FIELDS, trained(), scores=scores, rows=ROWS)
    for gains, headline in zip(merit.gains.values(), merit.headline.values(), strict=True):
        assert (gains < 1 - 1e-6).sum() == 1
        assert headline < 1
    assert merit.headline["area"] == 1 - 1 / merit.n["area"]


def test_labels_that_come_together_count_in_part() -> None:
    topics, target = [FIELDS[1]], np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]] * 20, np.int8)
    rows = replace(make_rows(80), targets={"topics": target})
    scores = np.where(target == 1, 1, -1).astype(np.float32)
    scores[0, 1] = -1  # one of two found
    scores[1, 2] = 1  # one found where there is none
    _, merit, _ = judge_rung(topics, trained(), scores=scores, rows=rows)
    assert merit.gains["topics"][:4].tolist() == [0.5, 0, 1, 1]
    assert merit.headline["topics"] == pytest.approx(2 * 79 / (80 + 80))


def test_no_rows_judge_nothing() -> None:
    nothing = ROWS.take([])
    heads, merit, loss = judge_rung(FIELDS, trained(), scores=np.zeros((0, 12), np.float32), rows=nothing)
    assert (merit.gains, merit.headline, loss) == ({}, {}, 0.0)
    assert heads == lay_out(FIELDS, trained())


def test_merits_of_different_fields_are_put_together() -> None:
    both = with_tags(Merit({"a": np.ones(2)}, {"a": 0.5}), Merit({"b": np.ones(3)}, {"b": 0.25}))
    assert both.n == {"a": 2, "b": 3}
    assert both.headline == {"a": 0.5, "b": 0.25}


def test_a_report_is_rounded_and_says_on_how_many_rows() -> None:
    report = replace(single([1.0, 0.0]), loss=0.123456).report(taken=True, seconds=1.23456)
    assert report == {
        "name": "rung",
        "taken": True,
        "seconds": 1.23,
        "validation": {"f": 1.0},
        "n": {"f": 2},
        "loss": 0.1235,
    }
