from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import AREAS, make_desk, make_labelled, make_task
from tests.train.plain_rows import FIELDS, make_rows

from freehold import compress, train
from freehold.engine import Head, load_held_out, load_static, open_reader
from freehold.task import Artifact, Example, Field, Label, LabelledExamples, Passport, Split, Task, example_id
from freehold.train.rows import is_labelled
from freehold.train.student import can_have_student, make_student

CLOSED = tuple(field for field in FIELDS if field.kind in ("choice", "predicate", "score"))
TRAIN, HELD = make_rows(120), make_rows(80, seed=1)
HEADS = {"area": Head(0, 3), "urgent": Head(3, 5), "mood": Head(5, 8)}
AREA = Field("area", "choice", labels=tuple(Label(name) for name in ("account", "billing", "delivery")))


@pytest.mark.parametrize("kind", ["choices", "number", "spans"])
def test_a_field_that_needs_the_encoder_has_no_student(kind: str) -> None:
    other = next((field for field in FIELDS if field.kind == kind), Field("slots", "spans", labels=(Label("a"),)))
    assert can_have_student(CLOSED)
    assert not can_have_student([*CLOSED, other])
    assert not can_have_student([])


def test_a_field_with_one_label_has_nothing_to_be_sure_of() -> None:
    assert not can_have_student([*CLOSED, Field("desk", "choice", labels=(Label("only"),))])


def test_its_held_out_rows_are_measured_against_the_trained_model() -> None:
    scores = np.random.default_rng(0).normal(size=(len(HELD), 8)).astype(np.float32)
    student = make_student(CLOSED, TRAIN, HELD, heads=HEADS, scores=scores)
    own = student.tier.scores(HELD.texts)
    for field in CLOSED:
        head, target, found = HEADS[field.name], HELD.targets[field.name], student.held_out[field.name]
        known = is_labelled(target)
        said = own[known, head.start : head.stop].argmax(1) == target[known]
        theirs = scores[known, head.start : head.stop].argmax(1) == target[known]
        assert found.wrong.tolist() == (~said).tolist()
        assert found.extra.tolist() == (~said & theirs).tolist()
        assert said.mean() > 0.6
    assert not student.tier.is_on


def examples(count: int) -> list[Example]:
    return [_example(number) for number in range(count)]


def _example(number: int) -> Example:
    word = list(AREAS)[number % len(AREAS)]
    inputs = {"text": f"please look at the {word} number {number} of mine"}
    splits: tuple[Split, ...] = ("train", "validation", "train", "test")
    passport = Passport("rows.csv", f"rows.csv:{number + 2}", licence="CC0-1.0")
    return Example(example_id(inputs), inputs, {"area": AREAS[word]}, passport, splits[number // 8 % 4])


def certificate(artifact: Artifact) -> Any:
    facts: Any = artifact.facts
    return facts["static"]["area"]


def make(folder: Path, task: Task, labelled: LabelledExamples) -> Artifact:
    trained = train.fit.function(make_desk(folder / "fit"), task, labelled)
    return compress.shrink.function(make_desk(folder / "shrink"), task, trained, labelled)


@pytest.fixture(scope="module")
def task(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Task:
    task = make_task(tmp_path_factory.mktemp("student"), base=str(tiny_base), fields=(AREA,))
    return replace(task, extra_errors={"area": 0.05})


def test_a_model_ships_with_a_tier_that_answers_what_it_is_certified_for(task: Task, tmp_path: Path) -> None:
    rows = examples(512)
    artifact = make(tmp_path, task, make_labelled(tmp_path / "labelled", rows))
    told = certificate(artifact)
    assert told["above"] is not None
    assert told["bound"] <= told["allowed"] == 0.05
    asked = [row for row in rows if row.split == "test"]
    found = [each.answers["area"] for each in open_reader(artifact.folder).predict([row.inputs for row in asked])]
    tiers = [each.tier for each in found]
    assert {"static"} <= set(tiers) <= {"static", "champion"}
    right = [a.value == row.outputs["area"] for a, row in zip(found, asked, strict=True) if a.tier == "static"]
    assert np.mean(right) >= 0.9


def test_what_a_person_corrected_is_never_answered_wrongly_without_the_encoder(task: Task, tmp_path: Path) -> None:
    before = examples(512)
    odd = before[0].inputs
    correction = Example(before[0].id, odd, {"area": "account"}, Passport("feedback", "r1"), "train")
    tiers = []
    for name, rows in (("before", before), ("after", [correction, *before[1:]])):
        artifact = make(tmp_path / name, task, make_labelled(tmp_path / name / "labelled", rows))
        answer = open_reader(artifact.folder).predict([odd])[0].answers["area"]
        tiers.append((answer.tier, answer.value))
    assert tiers[0] == ("static", "delivery")
    assert tiers[1][0] != "static"


def test_too_few_validation_rows_leave_it_off_and_say_how_many_are_missing(task: Task, tmp_path: Path) -> None:
    labelled = make_labelled(tmp_path / "labelled", examples(320))
    artifact = make(tmp_path, replace(task, extra_errors={}), labelled)
    told = certificate(artifact)
    assert told["above"] is None
    assert 598 - 80 <= told["missing"] <= 598 - 70  # a few of the 80 rows are taken for out of scope
    assert load_static(artifact.folder / "static") is None
    assert all(not each.answers["area"].tier for each in open_reader(artifact.folder).predict([{"text": "hello"}]))


def test_pieces_of_one_text_certify_as_one_row(task: Task, tmp_path: Path) -> None:
    rows = [
        replace(row, passport=_piece(row.passport, of=n // 8 * 2 + n % 2)) for n, row in enumerate(examples(512))
    ]
    asking = replace(task, errors_given_answer={"area": 0.1})
    artifact = make(tmp_path, asking, make_labelled(tmp_path / "labelled", rows))
    told, facts = certificate(artifact), dict[str, Any](artifact.facts)
    assert (told["rows"], told["left_out"]) == (32, 96)  # four rows of each text
    assert told["above"] is None
    assert (
        "for one row of each text or author, and 96 more do not count" in facts["abstaining"]["area"]["sentence"]
    )
    assert (facts["abstaining"]["area"]["rows"], facts["abstaining"]["area"]["left_out"]) == (32, 96)


def _piece(passport: Passport, *, of: int) -> Passport:
    number = passport.locator.rpartition(":")[2]
    return replace(passport, locator=f"page-{of}.html:1#{number}")


def test_answers_are_certified_whichever_tier_gives_them(task: Task, tmp_path: Path) -> None:
    rows, asking = examples(512), replace(task, errors_given_answer={"area": 0.1})
    artifact = make(tmp_path, asking, make_labelled(tmp_path / "labelled", rows))
    told: Any = artifact.facts
    found = told["abstaining"]["area"]
    assert found["bound"] <= found["allowed"] == 0.1
    assert found["rows"] == 128
    reader = open_reader(artifact.folder)
    assert reader.fields[0].abstain_below == found["below"]
    held = [row for row in rows if row.split == "validation"]
    answers = [each.answers["area"] for each in reader.predict([row.inputs for row in held])]
    assert {answer.tier for answer in answers} <= {"static", "champion"}
    assert all(answer.abstained == (answer.confidence < found["below"]) for answer in answers)
    assert abs(sum(not answer.abstained for answer in answers) - found["answered"]) <= 6  # other heads are shipped


def test_without_enough_rows_every_answer_is_abstained_from(task: Task, tmp_path: Path) -> None:
    rows = examples(320)
    artifact = make(
        tmp_path, replace(task, errors_given_answer={"area": 0.01}), make_labelled(tmp_path / "l", rows)
    )
    told: Any = artifact.facts
    assert told["abstaining"]["area"]["missing"] == 299 - 80
    answers = open_reader(artifact.folder).predict([row.inputs for row in rows])
    assert all(each.answers["area"].abstained for each in answers)


def test_quick_has_no_static_tier(task: Task, tmp_path: Path) -> None:
    labelled = make_labelled(tmp_path / "labelled", examples(512))
    trained = train.fit.function(make_desk(tmp_path / "fit"), replace(task, effort="quick"), labelled)
    assert not (trained.folder / "static").exists()


def test_the_trained_model_keeps_what_its_tier_did_with_validation_rows(task: Task, tmp_path: Path) -> None:
    labelled = make_labelled(tmp_path / "labelled", examples(512))
    trained = train.fit.function(make_desk(tmp_path / "fit"), task, labelled)
    found = load_held_out(trained.folder / "static")["area"]
    assert len(found.margins) == 128
    assert not (found.extra & ~found.wrong).any()
