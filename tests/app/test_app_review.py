"""`freehold review`: what waits for a person, from a turn over rows with wrong labels to their correction."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.app.conftest import Type
from tests.turned import TASK_FILE, make_folder

from freehold.registry import Registry, Review

TURNED = {"delivery": "billing", "billing": "account", "account": "delivery"}


def plant(path: Path, *, every: int) -> dict[str, str]:
    """Changes some rows' areas in the file; returns their texts and true areas."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth = {}
    for row in rows[::every]:
        truth[row["text"]] = row["area"]
        row["area"] = TURNED[row["area"]]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("text", "area", "urgent"))
        writer.writeheader()
        writer.writerows(rows)
    return truth


def test_a_turn_tells_of_wrong_labels_and_learns_what_people_answer(tmp_path: Path, type_command: Type) -> None:
    quick = TASK_FILE.replace('base = "./base"', 'base = "./base"\neffort = "quick"')
    folder = make_folder(tmp_path / "desk", rows=240, task_file=quick)
    truth = plant(folder / "rows.csv", every=15)
    said = type_command("run", folder)
    assert "labels look wrong (" in said.err
    assert f"See them: freehold review {folder}" in said.out
    document = type_command("review", folder, "--json", "--limit", 100).document
    wrong = [row for row in document["reviews"] if row["inputs"]["text"] in truth]
    assert len(wrong) >= 6, "of the 16 planted ones, those in the test split are nobody's business"
    assert len(wrong) >= 0.8 * document["waiting"]
    assert all(row["suggestion"] == truth[row["inputs"]["text"]] for row in wrong if row["field"] == "area")
    status = type_command("status", folder, "--json").document
    assert status["suspected"] == status["reviews"] == document["waiting"]
    shown = type_command("review", folder).out
    first = document["reviews"][0]
    assert first["inputs"]["text"] in shown
    assert f"suspected error: given `{first['given']}`, looks like `{first['suggestion']}` (" in shown

    corrected, confirmed = wrong[:2]
    answers = [
        {"inputs": row["inputs"], "correct": {row["field"]: row[which]}}
        for row, which in ((corrected, "suggestion"), (confirmed, "given"))
    ]
    (tmp_path / "answers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in answers))
    assert type_command("feedback", folder, "--data", tmp_path / "answers.jsonl").code == 0
    answered = {corrected["example"], confirmed["example"]}
    for _ in range(2):
        again = type_command("review", folder, "--json", "--limit", 100).document
        assert not answered & {row["example"] for row in again["reviews"]}
        type_command("run", folder, "--quiet")


def test_a_turn_without_labels_leads_to_the_page(tmp_path: Path, type_command: Type) -> None:
    """Nobody can judge a model without a labelled row: what is to be done about that is the last line."""
    quick = TASK_FILE.replace('base = "./base"', 'base = "./base"\neffort = "quick"')
    quick = quick.replace('labels = "data"', 'labels = ["account", "billing", "delivery"]')
    quick = quick.replace('[output.urgent]\nkind = "predicate"\n', "").replace("area.accuracy = 0.5\n", "")
    folder = make_folder(tmp_path / "desk", rows=60, task_file=quick)
    with (folder / "rows.csv").open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with (folder / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "area"], *([text, ""] for text in texts)])
    said = type_command("run", folder)
    assert said.code == 1
    assert said.out.rstrip().endswith(f"Label rows on a page: freehold review {folder} --open")


def test_what_waits_is_shown_as_it_is(desk: Path, type_command: Type) -> None:
    bold = "[bold]a" + " b" * 200
    with Registry.open(desk / ".freehold") as shelf:
        shelf.queue_reviews("desk", [Review("e", "desk", "urgent", {"text": bold}, True, 0.25)])
    shown = type_command("review", desk).out
    assert "desk: 1 wait for review" in shown
    assert "[bold]a b b" in shown
    assert bold not in shown.partition("A row of answers")[0], "long texts are cut"
    assert "`urgent`: no label; perhaps `true` (0.25)" in shown
    assert json.dumps({"inputs": {"text": bold}, "correct": {"urgent": True}}) in shown


def test_what_was_asked_does_not_rule_the_terminal(desk: Path, type_command: Type) -> None:
    with Registry.open(desk / ".freehold") as shelf:
        shelf.queue_reviews("desk", [Review("e", "desk", "urgent", {"text": "a\x1b[2J\x9b31mb"}, True, 0.25)])
    shown = type_command("review", desk).out
    assert "a[2J31mb" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


def test_nothing_waits(desk: Path, tmp_path: Path, type_command: Type) -> None:
    said = type_command("review", make_folder(tmp_path / "fresh", rows=10)).out
    assert said.splitlines()[1:] == [f"Nothing was read yet. Next: freehold run {tmp_path / 'fresh'}"]
    with Registry.open(desk / ".freehold") as shelf:
        shelf.queue_reviews("desk", [])
    assert type_command("review", desk).out == "desk: 0 wait for review\n"
    assert type_command("review", desk, "--json").document == {"task": "desk", "waiting": 0, "reviews": []}


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_number_above_zero(desk: Path, type_command: Type, limit: str) -> None:
    assert type_command("review", desk, "--limit", limit).code == 2
