"""A task without a label: guessed, refused for want of test rows, answered, released on rows picked at random."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.turned import make_folder

from freehold.feedback import accept
from freehold.line import open_state, run_turn
from freehold.registry import Registry
from freehold.task import Task, example_id, load_task, read_examples

TASK_FILE = """\
[task]
name = "desk"
base = "./base"
effort = "quick"

[input]
text = "string"

[output.area]
kind = "choice"
labels = ["account", "billing", "delivery"]

[[source]]
uri = "texts.csv"
fields = { text = "text" }
"""


def truth(folder: Path) -> dict[str, str]:
    with (folder / "rows.csv").open(newline="") as file:
        return {example_id({"text": row["text"]}): row["area"] for row in csv.DictReader(file)}


def answer(shelf: Registry, task: Task, gold: dict[str, str], *, count: int) -> list[str]:
    waiting = shelf.reviews(task.name, limit=count)
    rows = [{"inputs": dict(each.inputs), "correct": {"area": gold[each.example]}} for each in waiting]
    receipt = accept(shelf, task.name, rows, fields=task.fields, inputs=("text",), maker="person:ada")
    assert not receipt.rejected
    return [each.example for each in waiting]


def test_from_nothing_but_names_to_a_release(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "desk", rows=240, task_file=TASK_FILE)
    task, gold = load_task(folder), truth(folder)
    with (folder / "rows.csv").open(newline="") as file, (folder / "texts.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["text"], *([row["text"]] for row in csv.DictReader(file))])
    with open_state(folder) as shelf:
        first = run_turn(task, shelf=shelf)
        assert not first.verdict.passed
        assert "or answer what `freehold review` says was picked at random" in first.verdict.reasons[0]
        rows = list(read_examples(first.labelled.folder / "examples.jsonl"))
        assert {(row.split, row.passport.maker) for row in rows} == {("train", "rule:self-training")}

        splits = shelf.splits("desk")
        answered = answer(shelf, task, gold, count=40)
        held = [name for name in answered if splits[name] != "train"]
        assert len(held) == 4
        assert {splits[name] for name in held} == {"test", "validation"}
        second = run_turn(task, shelf=shelf)
        assert second.verdict.passed
        assert second.verdict.fields["area"]["accuracy"].n == 2
        rows = list(read_examples(second.labelled.folder / "examples.jsonl"))
        people = {row.id: row for row in rows if row.passport.maker == "person:ada"}
        assert people.keys() == set(answered)
        assert {name: row.split for name, row in people.items()} == {name: splits[name] for name in answered}
        assert {row.split for row in rows if row.passport.maker == "rule:self-training"} <= {"train"}
        assert not {review.example for review in shelf.reviews("desk", limit=1_000)} & set(answered)

        third = run_turn(task, shelf=shelf)
        assert all(stage.cached for stage in third.stages), "nothing had changed"
