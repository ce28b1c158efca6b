"""The benchmark of labels scores what it is given, and its contenders do not read the truth."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from bench.intervals import Interval
from bench.labels import contenders
from bench.labels.answers import read_answers, read_truth
from bench.labels.crowd import score, widest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty questions: two workers are right, one says 1 always; the last question is tied without the third."""
    place = tmp_path / "crowd-labels"
    place.mkdir()
    rows = [(f"q{q}", f"w{w}", str(q % 2 if w < 2 else 1)) for q in range(40) for w in range(3)]
    rows = [row for row in rows if row[:2] != ("q39", "w0") and row[:2] != ("q38", "w0")]
    (place / "toy-answer.csv").write_text("\n".join(["question,worker,answer", *map(",".join, rows)]) + "\n")
    truths = [f"q{q},{q % 2}" for q in range(40)]
    (place / "toy-truth.csv").write_text("\n".join(["question,truth", *truths]) + "\n")
    return tmp_path


def test_our_contender_answers_every_question_without_the_truth(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = read_truth(folder, "toy")
    (folder / "crowd-labels" / "toy-truth.csv").unlink()
    contenders.main(["freehold", str(folder), "toy", "--rounds", "2"])
    found = json.loads(capsys.readouterr().out)
    assert all(len(each["cpu"]) == 2 and set(each["result"]) == set(truth) for each in found.values())
    rows = {row["method"]: row for row in score({**found, **named_as_peers(found)}, truth)}
    assert rows["majority, ties open"]["no answer"] == 1
    open_ties, by_skill = rows["majority, ties open"]["accuracy"], rows["Dawid-Skene (none)"]["accuracy"]
    assert isinstance(open_ties, Interval)
    assert isinstance(by_skill, Interval)
    assert (open_ties.value, by_skill.value) == (39 / 40, 1.0)
    assert rows["crowd-kit DawidSkene"]["minus crowd-kit's"] is None


def named_as_peers(found: dict[str, object]) -> dict[str, object]:
    return {
        "crowd-kit MajorityVote": found["majority, ties by lot"],
        "crowd-kit DawidSkene": found["Dawid-Skene (none)"],
    }


def test_agreement_is_measured_for_all_workers_who_met(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contenders.main(["freehold-agreement", str(folder), "toy", "--rounds", "1"])
    found = json.loads(capsys.readouterr().out)
    assert set(found["alpha"]["result"]) == {"nominal", "ordinal", "interval"}
    assert contenders.pairs_of_workers(read_answers(folder, "toy")) == [("w0", "w1"), ("w0", "w2"), ("w1", "w2")]
    assert found["cohen"]["result"]["none w0 w1"] == 1.0
    assert found["cohen"]["result"]["none w0 w2"] == 0.0


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"),
    [
        ({"a": 1.0, "b": None}, {"a": 0.75, "b": None}, 0.25),
        ({"a": 1.0}, {"a": None}, math.inf),
        ({"a": 1.0}, {"b": 1.0}, math.inf),
    ],
)
def test_figures_are_apart_by_the_widest_difference(
    ours: dict[str, float | None], theirs: dict[str, float | None], apart: float
) -> None:
    assert widest(ours, theirs) == apart
