from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.small import make_task

from freehold.compress.abstaining import NEVER, Offered, certify_answers, certify_fields, offer
from freehold.compress.bounds import rows_needed, upper_bound
from freehold.task import Answer, Example, Passport, Value, example_id


def alone(confidences: list[float], wrong: list[int]) -> Offered:
    flags = np.zeros((1, len(confidences)), bool)
    flags[0, wrong] = True
    return Offered(np.array([confidences]), flags)


def falling(rows: int) -> list[float]:
    return [1 - n / (2 * rows) for n in range(rows)]


def row(text: str, outputs: dict[str, Value]) -> Example:
    inputs = {"text": text}
    return Example(example_id(inputs), inputs, outputs, Passport("rows.csv", text), "validation")


def test_answers_are_given_from_the_least_confidence_that_is_certified() -> None:
    sure = falling(400)
    found = certify_answers(alone(sure, list(range(300, 400))), allowed=0.05)
    assert found.bound is not None
    assert found.bound <= 0.05
    assert 300 <= found.answered < 320
    assert found.below == sure[found.answered - 1]
    assert found.wrong == found.answered - 300
    assert upper_bound(found.wrong + 1, found.answered + 1, doubt=0.05 / 4) > 0.05


def test_where_everything_is_certified_nothing_is_abstained_from() -> None:
    found = certify_answers(alone(falling(400), [3, 77]), allowed=0.05)
    assert (found.below, found.answered, found.wrong) == (0.0, 400, 2)


def test_a_wrong_label_among_the_surest_rows_does_not_end_the_search() -> None:
    found = certify_answers(alone(falling(2_000), [10, 20, 30]), allowed=0.05)
    assert found.answered == 2_000


@pytest.mark.parametrize(("rows", "missing"), [(20, 39), (58, 1), (0, 59)])
def test_too_few_rows_leave_it_abstaining_and_say_how_many_are_missing(rows: int, missing: int) -> None:
    found = certify_answers(alone(falling(rows), []), allowed=0.05)
    assert (found.below, found.bound, found.missing) == (NEVER, None, missing)
    assert f"{missing:,} more validation rows are needed" in found.sentence


@pytest.mark.parametrize("rows", [59, 87, 88, 400])
def test_enough_rows_without_an_error_certify_themselves(rows: int) -> None:
    assert certify_answers(alone(falling(rows), []), allowed=0.05).answered == rows


def test_no_confidence_reaches_what_never_is_answered() -> None:
    assert NEVER > 1.0
    assert certify_answers(alone(falling(400), list(range(400))), allowed=0.05).below == NEVER


def test_answers_below_the_tasks_own_bar_are_not_given() -> None:
    sure = falling(400)
    found = certify_answers(alone(sure, []), allowed=0.05, least=sure[199])
    assert (found.below, found.answered, found.rows) == (sure[199], 200, 400)


def test_equal_confidences_are_answered_together_or_not_at_all() -> None:
    found = certify_answers(alone([0.9] * 200 + [0.5] * 200, list(range(200, 230))), allowed=0.05)
    assert (found.answered, found.below) == (200, 0.9)


def test_the_second_tier_answers_what_the_first_is_not_sure_of() -> None:
    confidences = np.array([[0.95, 0.4, -1.0], [0.2, 0.9, 0.8]])
    offered = Offered(confidences, np.array([[False, True, False], [True, False, True]]))
    assert offered.answered(0.9) == (2, 0)
    assert offered.answered(0.8) == (3, 1)
    assert offered.answered(0.3) == (3, 2)
    assert Offered(np.zeros((0, 3)), np.zeros((0, 3), bool)).answered(0.5) == (0, 0)


def test_rows_without_a_label_and_fields_that_are_passed_on_are_no_answers() -> None:
    rows = [row("a", {"area": "x"}), row("b", {}), row("c", {"area": "y"})]
    first = [{"area": Answer("x", 0.9, {})}, {"area": Answer("x", 0.9, {})}, {}]
    second = [{"area": Answer("z", 0.5, {})}] * 3
    found = offer("area", rows, [first, second])
    assert found.confidences.tolist() == [[0.9, -1.0], [0.5, 0.5]]
    assert found.wrong.tolist() == [[False, False], [True, True]]


def test_a_field_without_held_out_rows_always_abstains(tmp_path: Path) -> None:
    task = replace(make_task(tmp_path, base="minilm"), errors_given_answer={"area": 0.05})
    found = certify_fields(task, [], [])
    assert found["area"].below == NEVER
    assert found["area"].missing == rows_needed(0.05)


@pytest.mark.parametrize("rows", [200, 1_000])
def test_what_is_certified_holds_in_19_of_20_drawings(rows: int) -> None:
    """A population with a known share of errors above each confidence; the certificate may rarely be wrong."""
    dice, broken, given = np.random.default_rng(0), 0, 0
    for _ in range(400):
        sure = dice.random(rows)
        wrong = dice.random(rows) < 0.5 * (1 - sure) ** 2
        found = certify_answers(Offered(sure[None], wrong[None]), allowed=0.08)
        if found.bound is not None:
            given += 1
            broken += 0.5 / 3 * (1 - found.below) ** 2 > 0.08  # the mean of 0.5 (1 - c)^2 over c from the bar to 1
    assert given > 200
    assert broken <= 0.05 * 400 + 2 * (0.05 * 0.95 * 400) ** 0.5
