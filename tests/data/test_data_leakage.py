"""Planted test rows are caught before training, and the verdict says so."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data.workplace import Work

from freehold.gate.leaks import note_leaks
from freehold.task import Source, Verdict

DATA = Path(os.environ.get("FREEHOLD_DATA") or Path(__file__).parents[3] / "shared/data")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def slip(text: str, chance: random.Random) -> str:
    """Returns a text with one letter left out, doubled, changed or swapped, not a digit."""
    places = [place for place in range(1, len(text) - 1) if text[place].isalpha() and text[place + 1].isalpha()]
    place = chance.choice(places)
    way = chance.randrange(4)
    middle = [text[place + 1], text[place] * 2 + text[place + 1], chance.choice(LETTERS) + text[place + 1]]
    swapped = text[place + 1] + text[place]
    return text[:place] + [*middle, swapped][way] + text[place + 2 :]


def read(name: str) -> list[tuple[str, str]]:
    with (DATA / "banking77" / name).open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


@pytest.mark.skipif(not (DATA / "banking77").is_dir(), reason="the data of banking77 is not there")
def test_planted_test_rows_are_caught_before_training(work: Work) -> None:
    """Rows of the published train file play both parts: the published test rows are read by nobody."""
    chance = random.Random(11)
    rows = read("train.csv")
    chance.shuffle(rows)
    tests, learned = rows[:1000], rows[1000:4000]
    planted = {way: chance.sample(tests, 60) for way in ("exact", "recased", "typo")}
    changed: dict[str, Callable[[str], str]] = {
        "exact": str,
        "recased": str.swapcase,
        "typo": lambda text: slip(text, chance),
    }
    copies = {way: [(changed[way](text), label) for text, label in planted[way]] for way in planted}
    work.put_rows("test.jsonl", tests)
    work.put_rows("train.jsonl", [*learned, *(row for group in copies.values() for row in group)])
    made = work.collect(Source("train.jsonl", {}), Source("test.jsonl", {}, split="test"))
    used = {row.inputs["text"] for row in made.examples if row.split != "test"}
    caught = {way: sum(text.strip() not in used for text, _ in copies[way]) for way in copies}
    assert (caught["exact"], caught["recased"]) == (60, 60), caught
    assert caught["typo"] >= 57, caught
    table = made.report["leaks"]
    assert table["test_rows"] == 1000 - (len(tests) - len({text for text, _ in tests}))
    assert sum(kind["train"] for name, kind in table["kinds"].items() if name != "overlap") >= sum(caught.values())


def put_planted(work: Work) -> None:
    tests = [("where is the card that i ordered last week", "x"), ("how do i close my account for good", "y")]
    learned = [
        ("where is the crad that i ordered last week", "x"),
        ("Where is the card that I ordered LAST week?", "x"),
        ("how do i close my account for good", "y"),
        ("well, how do i close my account for good, and by when may i do that", "y"),
        ("the weather is fine", "x"),
        ("there is no such thing as a free lunch", "y"),
    ]
    work.put_rows("test.jsonl", tests)
    work.put_rows("train.jsonl", learned)


def test_each_kind_of_leak_is_counted_with_samples(work: Work) -> None:
    put_planted(work)
    made = work.collect(Source("train.jsonl", {}), Source("test.jsonl", {}, split="test"))
    kinds = made.report["leaks"]["kinds"]
    assert {name: kind["train"] for name, kind in kinds.items()} == {
        "exact": 1,
        "near": 1,
        "typo": 1,
        "overlap": 1,
    }
    assert kinds["typo"]["samples"] == [{"train": "train.jsonl:1", "test": "test.jsonl:1"}]
    assert kinds["typo"]["share"] == 0.5
    assert made.report["leaks"]["kept_apart"] == 3
    assert {row["reason"] for row in made.apart} == {
        "the same as a test row",
        "near a test row",
        "an edit or two from a test row",
    }
    again = work.collect(Source("train.jsonl", {}), Source("test.jsonl", {}, split="test"))
    assert again.files == made.files


def test_texts_that_differ_in_a_number_are_no_leak(work: Work) -> None:
    work.put_rows("test.jsonl", [("transfer 100 to my savings account", "x")])
    rows = [("transfer 900 to the savings account", "x"), ("transfer 100 to me savings account", "x"), ("no", "y")]
    work.put_rows("train.jsonl", [*rows, ("nothing of the kind", "y")])
    made = work.collect(Source("train.jsonl", {}), Source("test.jsonl", {}, split="test"))
    apart = {row["locator"] for row in made.apart}
    assert "train.jsonl:1" not in apart
    assert "train.jsonl:2" in apart


def test_the_verdict_tells_of_leaks(work: Work, tmp_path: Path) -> None:
    put_planted(work)
    made = work.collect(Source("train.jsonl", {}), Source("test.jsonl", {}, split="test"))
    verdict = Verdict(True, ("Fine.",), {}, (), "", "a")
    assert note_leaks(verdict, tmp_path) == verdict
    told = note_leaks(verdict, work.folder / "out" / "1")
    assert told.leaks == made.report["leaks"]
    assert told.reasons[-1] == (
        "Of 2 test rows: 3 rows were kept apart before training (1 the same, 1 near duplicates, "
        "1 an edit or two away); 1 share a long run of words with a training row."
    )
    assert Verdict.from_json(told.to_json()) == told
    assert "leaks" not in verdict.to_json()
