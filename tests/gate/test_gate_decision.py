from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.gate.gate_rows import answer, prediction

from freehold.gate import Champion, decide
from freehold.task import Field, Goal, Json, Prediction, Task, Value, Verdict

INTENT, URGENT, AMOUNT = Field("intent", "choice"), Field("urgent", "predicate"), Field("amount", "number")
Row = dict[str, Value]


def make_task(*fields: Field, goals: Sequence[Goal] = ()) -> Task:
    return Task("banking", Path("banking"), {"text": "string"}, fields or (INTENT,), goals=tuple(goals))


def right_and_wrong(right: int, wrong: int) -> tuple[list[Row], list[Prediction]]:
    predictions = [prediction({"intent": "a"})] * right + [prediction({"intent": "b"})] * wrong
    return [{"intent": "a"}] * (right + wrong), predictions


def judged(
    *goals: Goal,
    right: int = 711,
    wrong: int = 134,
    champion: Champion | None = None,
    facts: Mapping[str, Json] = MappingProxyType({}),
) -> Verdict:
    truths, predictions = right_and_wrong(right, wrong)
    task = make_task(goals=goals)
    return decide(task, truths, predictions, fields=task.fields, champion=champion, facts=facts, artifact="ab")


MEASURED = "`intent.accuracy` is 0.841 (95 % interval 0.815 to 0.864, n = 845)"
GOALS: list[tuple[Goal, dict[str, Json], bool, str]] = [
    (Goal("intent", "accuracy", 0.8), {}, True, f"{MEASURED}: the goal of 0.80 is met."),
    (
        Goal("intent", "accuracy", 0.84),
        {},
        False,
        f"{MEASURED}: the goal of 0.84 is missed: the lower bound must reach it.",
    ),
    (
        Goal("intent", "accuracy", 0.815371),
        {},
        False,
        "is 0.841 (95 % interval 0.8153 to 0.864, n = 845): the goal of 0.815371 is missed",
    ),
    (
        Goal("intent", "abstained", 0.01),
        {},
        True,
        "`intent.abstained` is 0.000 (95 % interval 0.000 to 0.005, n = 845): the goal of 0.01 is met.",
    ),
    (
        Goal("intent", "abstained", 0.001),
        {},
        False,
        "to 0.005, n = 845): the goal of 0.001 is missed: the upper bound must not exceed it.",
    ),
    (Goal("", "size_mb", 30), {"size_mb": 28.25}, True, "`size_mb` is 28.250 MB: the goal of 30 MB is met."),
    (Goal("", "size_mb", 30), {"size_mb": 31}, False, "`size_mb` is 31.000 MB: the goal of 30 MB is missed."),
    (Goal("", "p50_ms", 10), {"p50_ms": 3.2}, True, "`p50_ms`: the goal of 10 ms is met."),
    (Goal("", "p50_ms", 10), {"p50_ms": 12.5}, False, "`p50_ms` is 12.500 ms: the goal of 10 ms is missed."),
    (Goal("", "p50_ms", 10), {}, False, "`p50_ms` was not measured, so its goal of 10 ms is missed."),
]


@pytest.mark.parametrize(("goal", "facts", "met", "sentence"), GOALS)
def test_goals_are_held_by_the_bound_of_the_interval(
    goal: Goal, facts: dict[str, Json], met: bool, sentence: str
) -> None:
    verdict = judged(goal, facts=facts)
    assert verdict.passed is met
    assert any(sentence in reason for reason in verdict.reasons), verdict.reasons
    assert (verdict.against, verdict.artifact, verdict.comparisons) == ("", "ab", ())


def test_a_goal_on_what_the_rows_do_not_define_is_missed() -> None:
    task = make_task(URGENT, goals=[Goal("urgent", "auroc", 0.9)])
    rows: list[Row] = [{"urgent": True}] * 4
    verdict = decide(task, rows, [prediction(row) for row in rows], fields=task.fields, facts={})
    assert not verdict.passed
    assert verdict.reasons == (
        "`urgent.auroc` cannot be measured on these 4 rows: it needs true rows and false ones, so its goal "
        "of 0.90 is missed.",
    )


def test_a_first_release_without_goals_passes_and_says_so() -> None:
    assert judged().reasons == (
        f"{MEASURED}; it has no goal.",
        "Nothing was refused: the task sets no goals and there is no champion to beat.",
    )


@pytest.mark.parametrize(
    ("right", "wrong", "goal", "told"),
    [(38, 2, 0.90, "about 99 test rows more"), (20, 0, 0.90, "about 15 test rows more"), (34, 6, 0.9, "")],
)
def test_a_goal_missed_for_want_of_rows_says_how_many(right: int, wrong: int, goal: float, told: str) -> None:
    task = make_task(INTENT, goals=[Goal("intent", "accuracy", goal)])
    truths, predictions = right_and_wrong(right, wrong)
    verdict = decide(task, truths, predictions, fields=task.fields, facts={})
    assert not verdict.passed
    assert (told in verdict.reasons[0]) if told else ("more would do" not in verdict.reasons[0])


def test_a_field_without_test_rows_is_refused_and_says_what_to_do() -> None:
    task = make_task(INTENT, URGENT, goals=[Goal("urgent", "accuracy", 0.5)])
    truths, predictions = right_and_wrong(5, 0)
    answers = [prediction({"intent": "a", "urgent": True}) for _ in predictions]
    verdict = decide(task, truths, answers, fields=task.fields, facts={})
    assert not verdict.passed
    assert verdict.reasons[0] == (
        '`urgent` has no labelled test rows to be judged on: add a source with `split = "test"`, or more '
        'labelled rows to one with `split = "auto"`, or answer what `freehold review` says was picked at random.'
    )


def test_no_rows_at_all_refuse_every_field() -> None:
    task = make_task(INTENT, URGENT)
    verdict = decide(task, [], [], fields=task.fields, champion=Champion("banking@1", [INTENT], []), facts={})
    assert (verdict.passed, verdict.fields, len(verdict.reasons)) == (False, {}, 2)


def test_a_field_that_the_model_does_not_answer_is_refused() -> None:
    truths, predictions = right_and_wrong(5, 0)
    verdict = decide(make_task(INTENT, AMOUNT), truths, predictions, fields=[INTENT], facts={})
    assert verdict.reasons[0] == "`amount` is a field of the task that this model does not answer."


def champion(right: int, wrong: int, *, fields: Sequence[Field] = (INTENT,)) -> Champion:
    return Champion("banking@1", fields, right_and_wrong(right, wrong)[1])


def test_significantly_worse_than_the_champion_is_refused_first() -> None:
    goal = Goal("intent", "accuracy", 0.8)
    verdict = judged(goal, right=2_809, wrong=271, champion=champion(2_898, 182))
    assert not verdict.passed
    assert verdict.against == "banking@1"
    assert verdict.reasons[0] == (
        "`intent`: significantly worse than banking@1: accuracy 0.912 against 0.941 on the same 3,080 rows "
        "(McNemar p < 0.0001)."
    )
    assert verdict.reasons[1].endswith("the goal of 0.80 is met.")


@pytest.mark.parametrize(
    ("right", "said"), [(713, "no significant difference from"), (670, "significantly better than")]
)
def test_as_good_as_the_champion_passes(right: int, said: str) -> None:
    verdict = judged(champion=champion(right, 845 - right))
    assert verdict.passed
    assert f"`intent`: {said} banking@1: accuracy 0.841 against" in verdict.reasons[1]
    assert verdict.reasons[2] == (
        "Nothing was refused: the task sets no goals and no field is significantly worse than in banking@1."
    )


NOT_COMPARED = [
    (
        champion(0, 845, fields=[URGENT]),
        "`intent` is not compared: banking@1 has no such field.",
    ),
    (
        champion(0, 845, fields=[Field("intent", "text")]),
        "`intent` is not compared: it is a choice field now and a text field in banking@1.",
    ),
    (
        Champion("banking@1", [INTENT], [], ["title", "body"]),
        "banking@1 is not compared: it reads `title`, `body`, which the task no longer has.",
    ),
]


@pytest.mark.parametrize(("old", "sentence"), NOT_COMPARED)
def test_only_what_both_have_is_compared(old: Champion, sentence: str) -> None:
    verdict = judged(champion=old)
    assert verdict.passed
    assert verdict.comparisons == ()
    assert verdict.reasons[1:] == (
        sentence,
        "Nothing was refused: the task sets no goals and nothing could be compared with banking@1.",
    )


def test_every_reason_is_one_sentence_and_the_verdict_survives_json() -> None:
    goals = [Goal("intent", "accuracy", 0.9), Goal("", "size_mb", 1)]
    verdict = judged(*goals, champion=champion(800, 45), facts={"size_mb": 2.0})
    assert [reason.count("\n") for reason in verdict.reasons] == [0] * len(verdict.reasons)
    assert all(reason.endswith(".") for reason in verdict.reasons)
    assert Verdict.from_json(verdict.to_json()) == verdict


@pytest.mark.parametrize(("goals", "said"), [(1, "the goal is met"), (2, "all 2 goals are met")])
def test_the_last_reason_counts_the_goals(goals: int, said: str) -> None:
    verdict = judged(*[Goal("intent", "accuracy", 0.5)] * goals)
    assert verdict.reasons[-1] == f"Nothing was refused: {said} and there is no champion to beat."


def test_small_errors_keep_their_digits() -> None:
    rows: list[Row] = [{"amount": 0.0}, {"amount": 1.0}]
    answers = [prediction({"amount": 0.0002}), prediction({"amount": 1.0002})]
    task = make_task(AMOUNT, goals=[Goal("amount", "mae", 5)])
    verdict = decide(task, rows, answers, fields=task.fields, facts={})
    assert verdict.reasons[0] == (
        "`amount.mae` is 0.0002 (95 % interval 0.0002 to 0.0002, n = 2): the goal of 5 is met."
    )


def held_to(allowed: float, answers: Sequence[tuple[str, bool, int]]) -> Verdict:
    """Judges answers where "a" is always right: their values, whether they are abstained from, and how many."""
    given = [answer(value, abstained=flag) for value, flag, count in answers for _ in range(count)]
    predictions = [Prediction("banking", "m", "r", {"intent": each}) for each in given]
    task = replace(make_task(), errors_given_answer={"intent": allowed})
    return decide(task, [{"intent": "a"}] * len(predictions), predictions, fields=task.fields, facts={})


CERTIFIED = [
    ([("a", False, 190), ("b", False, 4), ("b", True, 6)], 0.02, True, "(95 % interval 0.008 to 0.052, n = 194)"),
    ([("a", False, 190), ("b", False, 40), ("b", True, 6)], 0.05, False, "and these rows speak against it."),
    ([("a", False, 198), ("b", False, 2)], 0.02, True, "is 0.010 (95 % interval"),
    ([("a", False, 100), ("b", False, 100)], 0.02, False, "and these rows speak against it."),
    ([("b", True, 200)], 0.02, True, "the model abstains from every test row"),
]


@pytest.mark.parametrize(("answers", "allowed", "passed", "sentence"), CERTIFIED)
def test_what_was_certified_is_refused_only_where_test_rows_speak_against_it(
    answers: Sequence[tuple[str, bool, int]], allowed: float, passed: bool, sentence: str
) -> None:
    verdict = held_to(allowed, answers)
    assert verdict.passed is passed
    assert any(sentence in reason for reason in verdict.reasons)
