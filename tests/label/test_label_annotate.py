from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.small import make_desk, make_examples, make_task

from freehold import label
from freehold.registry import Registry
from freehold.task import Examples, read_examples, write_examples

annotate = label.annotate.function


def collected(folder: Path, *, unlabelled: int) -> Examples:
    rows = make_examples(80)
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
        assert len(suggestions) == 3 * 8, "two of the ten rows are locked test rows"
        assert {each["field"] for each in suggestions} == {"area", "tone", "urgent"}
        for each in suggestions:
            assert 0 <= each["confidence"] <= 1
        assert {type(each["value"]) for each in suggestions if each["field"] == "urgent"} == {bool}
        reviews = [review for review in shelf.reviews("desk") if review.given is None]
        assert len(reviews) == 24
        assert all(review.inputs["text"] for review in reviews)


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
