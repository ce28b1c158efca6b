from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.small import FIELDS, make_desk, make_examples, make_task

from freehold import label
from freehold.label.queue import HELD_REASON
from freehold.registry import RecordedRequest, Registry
from freehold.task import Examples, ReviewRules, read_examples, write_examples

annotate = label.annotate.function


def collected(folder: Path, *, unlabelled: int, count: int = 80) -> Examples:
    rows = make_examples(count)
    rows = [replace(row, outputs={}) if number < unlabelled else row for number, row in enumerate(rows)]
    folder.mkdir()
    write_examples(folder / "examples.jsonl", rows)
    return Examples(folder)


def test_labels_pass_through(tiny_base: Path, tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base=str(tiny_base))
        examples = collected(tmp_path / "rows", unlabelled=0)
        labelled = annotate(make_desk(tmp_path / "annotate"), task, examples, shelf)
        assert list(read_examples(labelled.folder / "examples.jsonl")) == make_examples(80)
        assert (labelled.facts["labelled"], labelled.facts["suggested"]) == (80, 0)
        assert all(review.given is not None for review in shelf.reviews("desk")), "no label is missing"


def test_rows_without_labels_get_suggestions_and_wait_for_a_person(tiny_base: Path, tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base=str(tiny_base))
        examples = collected(tmp_path / "rows", unlabelled=10)
        labelled = annotate(make_desk(tmp_path / "annotate"), task, examples, shelf)
        assert len(list(read_examples(labelled.folder / "examples.jsonl"))) == 70
        lines = (labelled.folder / "suggestions.jsonl").read_text().splitlines()
        suggestions = [json.loads(line) for line in lines]
        assert len(suggestions) == 3 * 6, "four of the ten rows are held apart"
        assert {each["field"] for each in suggestions} == {"area", "tone", "urgent"}
        for each in suggestions:
            assert 0 <= each["confidence"] <= 1
        assert {type(each["value"]) for each in suggestions if each["field"] == "urgent"} == {bool}
        reviews = [review for review in shelf.reviews("desk") if review.given is None]
        asked = [review for review in reviews if review.suggestion is not None]
        assert len(asked) == 18
        assert all(review.inputs["text"] for review in reviews)
        assert [review.worth for review in reviews] == sorted((r.worth for r in reviews), reverse=True)


def test_rows_held_apart_are_asked_about_at_random_and_blind(tiny_base: Path, tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base=str(tiny_base), fields=FIELDS[:1])
        task = replace(task, review=ReviewRules(random=0.25))
        examples = collected(tmp_path / "rows", unlabelled=80)
        labelled = annotate(make_desk(tmp_path / "annotate"), task, examples, shelf)
        splits = {row.id: row.split for row in read_examples(examples.folder / "examples.jsonl")}
        reviews = shelf.reviews("desk")
        held = [review for review in reviews if splits[review.example] != "train"]
        assert [splits[review.example] for review in reviews[:9]].count("train") == 6
        assert splits[reviews[0].example] == "test", "the first answer is one to be judged by"
        assert {splits[review.example] for review in held} == {"test", "validation"}
        assert {(review.suggestion, review.confidence, review.reason) for review in held} == {
            (None, 0.0, HELD_REASON)
        }
        assert all(review.reason.startswith(("unsure: ", "unlike")) for review in reviews if review not in held)
        written = list(read_examples(labelled.folder / "examples.jsonl"))
        assert {row.split for row in written} == {"train"}
        assert {row.passport.maker for row in written} == {"rule:self-training"}
        lines = (labelled.folder / "suggestions.jsonl").read_text().splitlines()
        assert {splits[json.loads(line)["example"]] for line in lines} == {"train"}


@pytest.mark.parametrize(
    "rules", [ReviewRules(self_training=False), ReviewRules(random=0)], ids=["off", "none held"]
)
def test_the_task_file_says_what_is_guessed_and_held(tiny_base: Path, tmp_path: Path, rules: ReviewRules) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        task = replace(make_task(tmp_path, base=str(tiny_base), fields=FIELDS[:1]), review=rules)
        examples = collected(tmp_path / "rows", unlabelled=80)
        labelled = annotate(make_desk(tmp_path / "annotate"), task, examples, shelf)
        assert bool(labelled.facts["self_trained"]) is rules.self_training
        assert bool([r for r in shelf.reviews("desk") if r.reason == HELD_REASON]) is bool(rules.random)


def test_what_was_asked_and_is_unlike_all_rows_waits_too(tiny_base: Path, tmp_path: Path) -> None:
    odd = {"text": "zzz qqq zzz qqq zzz"}
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base=str(tiny_base), fields=FIELDS[:1])
        usual = make_examples(240)[-1].inputs
        rows = [
            RecordedRequest(f"r{n}", "desk", "desk@1", each, {}, "2026-01-01", 1.0)
            for n, each in enumerate((odd, usual))
        ]
        shelf.record_requests(rows)
        examples = collected(tmp_path / "rows", unlabelled=0, count=200)
        annotate(make_desk(tmp_path / "annotate"), task, examples, shelf)
        asked = [review for review in shelf.reviews("desk") if review.given is None]
        assert [review.inputs for review in asked] == [odd]
        assert (
            asked[0].reason
            == "asked of the model, and unlike everything that has a label; no other row is like it"
        )


def test_minilm_suggests_from_label_names_alone(tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base="minilm")
        rows = [replace(row, outputs={}, split="train") for row in make_examples(60)]
        truth = {row.id: row.outputs["area"] for row in make_examples(60)}
        (tmp_path / "rows").mkdir()
        write_examples(tmp_path / "rows" / "examples.jsonl", rows)
        labelled = annotate(make_desk(tmp_path / "annotate"), task, Examples(tmp_path / "rows"), shelf)
        lines = (labelled.folder / "suggestions.jsonl").read_text().splitlines()
        areas = [each for each in map(json.loads, lines) if each["field"] == "area"]
        right = sum(each["value"] == truth[each["example"]] for each in areas)
        assert right / len(areas) > 0.6, "well above one in three"
