from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.small import make_examples

from freehold.label.beliefs import UNKNOWN, Evidence, believe, centred_cosines, learn_alone, link, prepare
from freehold.label.self_training import MAKER, add_lessons, reason_against, try_out
from freehold.task import Field, Label

KINDS, EACH = 6, 40


def make_evidence(*, noise: float = 0.6, even: bool = True) -> tuple[Evidence, np.ndarray, np.ndarray]:
    """Returns texts of six kinds about their names, their kinds, and their vectors."""
    random = np.random.default_rng(3)
    names = np.linalg.qr(random.standard_normal((24, KINDS)))[0].T.astype(np.float32)
    truth = np.repeat(np.arange(KINDS), EACH)
    vectors = names[truth] + noise * random.standard_normal((KINDS * EACH, 24)).astype(np.float32) / np.sqrt(6)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    off = names + 0.45 * random.standard_normal(names.shape).astype(np.float32)  # names say only half of it
    return Evidence(vectors, prepare(vectors), link(vectors), centred_cosines(vectors, off), even), truth, vectors


def test_rows_teach_each_other_what_names_alone_do_not_tell() -> None:
    evidence, truth, _ = make_evidence()
    plain = (evidence.names.argmax(1) == truth).mean()
    found = believe(evidence, np.full(len(truth), UNKNOWN))
    assert (found.chances.argmax(1) == truth).mean() > plain + 0.02
    assert np.allclose(found.chances.sum(1), 1)
    assert ((found.discord >= 0) & (found.discord <= 1)).all()


def test_a_few_labels_help_and_are_kept() -> None:
    evidence, truth, vectors = make_evidence(noise=1.0)
    given = np.full(len(truth), UNKNOWN)
    some = np.arange(0, len(truth), 20)
    given[some] = truth[some]
    before = believe(evidence, np.full(len(truth), UNKNOWN))
    found = believe(evidence, given)
    assert (found.guesses[some] == truth[some]).all(), "what a person said is not guessed otherwise"
    rest = given == UNKNOWN
    assert (found.chances[rest].argmax(1) == truth[rest]).mean() >= (
        before.chances[rest].argmax(1) == truth[rest]
    ).mean()
    weights, mean = learn_alone(vectors, given, labels=KINDS)
    alone = ((vectors @ weights + mean).argmax(1) == truth)[rest].mean()
    assert (found.chances[rest].argmax(1) == truth[rest]).mean() > alone
    again = believe(evidence, given)
    assert (again.chances == found.chances).all()


def test_labels_are_evened_out_only_where_asked() -> None:
    evidence, truth, _ = make_evidence()
    skewed = evidence._replace(names=evidence.names + np.where(np.arange(KINDS) == 0, 0.4, 0).astype(np.float32))
    nothing = np.full(len(truth), UNKNOWN)
    even, uneven = (believe(skewed._replace(even=even), nothing).chances[:, 0].sum() for even in (True, False))
    assert even < uneven


def test_labels_left_out_tell_whether_self_training_helps() -> None:
    evidence, truth, _ = make_evidence(noise=1.0)
    given = np.full(len(truth), UNKNOWN)
    given[::10] = truth[::10]
    trial = try_out(evidence, given)
    assert (trial.n, trial.helps) == (24, True)
    given[::10] = np.random.default_rng(0).permutation(given[::10])
    assert try_out(evidence, np.where(np.arange(len(given)) < 150, UNKNOWN, given)).n == 0, "too few to tell"


@pytest.mark.parametrize(
    ("field", "labelled", "rows", "reason"),
    [
        (Field("x", "choice"), 0, 100, ""),
        (Field("x", "choice"), 24, 1_000, ""),
        (Field("x", "choice"), 25, 1_000, "enough rows are labelled"),
        (Field("x", "choice"), 0, 29, "there are too few rows without a label"),
        (Field("x", "choice"), 20, 100, "there are too few rows without a label"),
        (Field("x", "predicate"), 0, 100, "it is for a choice of three labels or more"),
        (
            Field("x", "choice", labels=(Label("a"), Label("o")), other="o"),
            0,
            100,
            "rows may be of none of the labels",
        ),
    ],
)
def test_when_self_training_is_off(field: Field, labelled: int, rows: int, reason: str) -> None:
    given = np.full(rows, UNKNOWN)
    given[: 3 * labelled] = np.tile(np.arange(3), labelled)
    assert reason_against(field, given, labels=3) == reason


def test_only_rows_for_training_that_nobody_labelled_are_taught() -> None:
    rows = [
        replace(row, outputs={} if number % 2 else row.outputs) for number, row in enumerate(make_examples(40))
    ]
    lessons = {row.id: {"area": "guessed"} for row in rows}
    written = add_lessons(rows, lessons)  # type: ignore[arg-type]
    taught = [row for row in written if row.passport.maker == MAKER]
    assert {row.id for row in taught} == {row.id for row in rows if not row.outputs and row.split == "train"}
    assert all(row.outputs == {"area": "guessed"} for row in taught)
    assert [row for row in written if row.passport.maker != MAKER] == [row for row in rows if row.outputs]
