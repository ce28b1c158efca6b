"""Odd data as a user meets it: told in one sentence, kept in the report, and never a traceback."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from tests.turned import TASK_FILE, make_folder

from freehold.app.cli.entry import run_command

Rows = list[tuple[str, str, str]]

QUICK = TASK_FILE.replace('base = "./base"', 'base = "./base"\neffort = "quick"')
WITH_SLOTS = '[output.slots]\nkind = "spans"\n\n[[source]]'
SLOTS = [{"label": "thing", "start": 0, "end": 9}, {"label": "part", "start": 4, "end": 6}]

ODD: list[tuple[str, Rows, str]] = [
    (
        "one example",
        [("the kiosk is closed", "kiosk", "false"), ("that lab burns", "lab", "true")],
        r"`area`: 2 labels have (one|no) training example each: 'kiosk', 'lab'\.|label '(kiosk|lab)' has one",
    ),
    (
        "contradictory rows",
        [("an odd bird", "billing", "false"), ("an odd bird", "account", "false")],
        r"Once the same inputs have different labels \(conflicts\.jsonl\): `area` is 'billing' at "
        r"rows\.csv:\d+ and 'account' at rows\.csv:\d+\.",
    ),
    (
        "empty texts",
        [("", "billing", "true"), (" \t ", "billing", "true")],
        r"2 rows refused, for their text is empty\.",
    ),
    (
        "a text of 100,000 words",
        [("word " * 100_000, "billing", "false")],
        r"1 text is longer than 512 words, up to 100,000: read in windows, never cut\.",
    ),
    (
        "labels that are alike",
        [("a Bill", "Billing", "true"), ("one more", "bill ing", "true")],
        r"`area`: labels that differ only by case or spaces count as different: "
        r"'Billing' \(1 row\) and 'bill ing' \(1 row\) and 'billing' \(\d+ rows\)\.",
    ),
]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after its first turn: what the encoder is made into is in its cache."""
    folder = make_folder(tmp_path_factory.mktemp("odd") / "desk", rows=60, task_file=QUICK)
    assert run_command(["run", str(folder), "--quiet", "--json"]) in (0, 1)
    return folder


@pytest.fixture
def folder(warm: Path, tmp_path: Path) -> Path:
    """A folder that no turn has seen, with that cache."""
    copy = Path(shutil.copytree(warm, tmp_path / "desk", ignore=shutil.ignore_patterns(".freehold")))
    shutil.copytree(warm / ".freehold" / "cache", copy / ".freehold" / "cache")
    return copy


def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Turns the line once; returns the exit code and what was told."""
    capsys.readouterr()
    code = run_command(["run", str(folder), "--plain", "--json"])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return code, said


def read(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Returns the warnings that a command reports."""
    capsys.readouterr()
    assert run_command([verb, str(folder), "--json"]) == 0
    return [warning["message"] for warning in json.loads(capsys.readouterr().out)["warnings"]]


def add_rows(folder: Path, rows: Rows) -> None:
    with (folder / "rows.csv").open("a", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.mark.parametrize(("rows", "sentence"), [case[1:] for case in ODD], ids=[case[0] for case in ODD])
def test_odd_rows_are_told_and_learned_from_all_the_same(
    rows: Rows, sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_rows(folder, rows)
    code, said = run(folder, capsys)
    assert code in (0, 1), said
    assert re.search(sentence, said), said
    for verb in ("report", "status"):
        assert any(re.search(sentence, message) for message in read(verb, folder, capsys))


def test_rows_of_one_label_make_a_model_that_knows_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (folder / "rows.csv").read_text().splitlines()
    same = [f"{line.rpartition(',')[0].rpartition(',')[0]},billing,true" for line in lines[1:]]
    (folder / "rows.csv").write_text("\n".join([lines[0], *same]) + "\n")
    code, said = run(folder, capsys)
    assert code == 0, said
    for field, value in (("area", "'billing'"), ("urgent", "true")):
        sentence = f"`{field}`: all 60 labelled rows have the same value, {value}: there is nothing to tell apart."
        assert sentence in said
        assert sentence in read("report", folder, capsys)


def test_nested_spans_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = QUICK.replace("[[source]]", WITH_SLOTS).replace("rows.csv", "rows.jsonl")
    (folder / "task.toml").write_text(task)
    with (folder / "rows.csv").open(newline="") as file:
        rows = [{**row, "slots": [{"label": "word", "start": 0, "end": 2}]} for row in csv.DictReader(file)]
    rows.append({"text": "twice as much", "area": "billing", "urgent": "true", "slots": SLOTS})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = run(folder, capsys)
    assert code in (0, 1), said
    reason = "in `slots`, the span of 'part' from 4 to 6 overlaps that of 'thing' from 0 to 9"
    assert f"1 row refused; refused.jsonl says which and why. Most often: {reason}" in said
    assert any(reason in message for message in read("report", folder, capsys))
    [path] = folder.glob(".freehold/results/*/refused.jsonl")
    [refused] = [json.loads(line) for line in path.read_text().splitlines()]
    assert (refused["source"], refused["line"]) == ("rows.jsonl", len(rows))
    report = json.loads(path.with_name("report.json").read_bytes())
    assert (report["refused"], report["fields"]["slots"]["labelled"]) == (1, report["examples"])
    assert report["examples"] + report["duplicates"] == len(rows) - 1
