"""Rows that a benchmark has are kept apart before training, and the verdict says so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from tests.data.workplace import Outcome, Work

from freehold.data.collection import fingerprint
from freehold.errors import DataError
from freehold.gate.leaks import note_leaks
from freehold.task import DataRules, Source, Verdict

if TYPE_CHECKING:
    from freehold.registry import Registry

PLAIN = "where is the card that i ordered last week"
LEARNED = [
    ("where is the crad that i ordered last week", "x"),
    ("Where is the card that I ordered LAST week?", "x"),
    ("close account 17", "y"),
    (
        "the answer begins: a right turn at the second light leads to the old town hall and its square, he said",
        "y",
    ),
    ("the weather is fine today", "x"),
    ("there is no such thing as a free lunch", "y"),
]


def put(work: Work) -> None:
    work.put_rows("train.jsonl", LEARNED)
    folder = work.folder / "exam"
    folder.mkdir()
    questions = [PLAIN, "close account 18"]
    (folder / "questions.csv").write_text("question\n" + "\n".join(questions) + "\n")
    town = "tell me: a right turn at the second light leads to the old town hall and its square"
    (folder / "more.jsonl").write_text(json.dumps({"q": town, "a": "yes"}) + "\n")


def collect(work: Work, *benchmarks: str) -> Outcome:
    return work.collect(Source("train.jsonl", {}), rules=DataRules(benchmarks=benchmarks))


def test_rows_of_a_benchmark_are_kept_apart_and_counted(work: Work) -> None:
    """The same but for case, and but for a typing error, is kept apart; another number makes another text."""
    put(work)
    made = collect(work, "exam")
    used = {row.inputs["text"] for row in made.examples}
    assert used == {text for text, _ in LEARNED[2:]}
    table = made.report["leaks"]["benchmarks"][0]
    counts = {kind: (found["train"], found["benchmark"]) for kind, found in table["kinds"].items()}
    assert counts == {"exact": (0, 0), "recased": (1, 1), "near": (0, 0), "typo": (1, 1), "overlap": (1, 1)}
    assert (table["benchmark"], table["rows"], table["kept_apart"]) == ("exam", 3, 2)
    assert {row["near"] for row in made.apart} == {"exam/questions.csv:2:question"}


def test_the_verdict_has_a_sentence_and_a_table(work: Work) -> None:
    put(work)
    made = collect(work, "exam")
    verdict = note_leaks(Verdict(True, ("Fine.",), {}, (), "", "a"), work.folder / "out" / "1")
    assert verdict.reasons[-1] == (
        "Of 3 texts of the benchmark `exam`: 1 are in the data, or nearly; 2 rows were kept apart before "
        "training; 1 share a long run of words with a training row."
    )
    assert verdict.leaks == made.report["leaks"]


def test_without_benchmarks_nothing_is_said(work: Work) -> None:
    put(work)
    made = collect(work)
    assert "benchmarks" not in made.report["leaks"]
    assert len(made.examples) == len(LEARNED)


def test_a_changed_benchmark_makes_the_data_be_collected_anew(work: Work) -> None:
    put(work)
    task = replace(work.task, sources=(Source("train.jsonl", {}),), rules=DataRules(benchmarks=("exam",)))
    shelf = cast("Registry", work.shelf)
    before = fingerprint(task, shelf)
    assert fingerprint(task, shelf) == before
    (work.folder / "exam" / "questions.csv").write_text("question\nanother question of this exam\n")
    assert fingerprint(task, shelf) != before


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "The benchmark `nowhere` is not there"), ("empty", "is no file, and no folder with files")],
)
def test_a_benchmark_that_cannot_be_read_is_named(name: str, message: str, work: Work) -> None:
    put(work)
    (work.folder / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        collect(work, name)


def test_that_nothing_is_left_to_learn_from_is_said(work: Work) -> None:
    put(work)
    with pytest.raises(DataError, match="Every row that could be learned from is in a benchmark"):
        collect(work, "train.jsonl")
