from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from bench.labels.__main__ import main
from bench.labels.active import FIELD, Point, draw_curves, tell_means, write_task
from bench.labels.expert import answer_head
from bench.labels_mended import mend

from freehold.line import open_state
from freehold.registry import Review
from freehold.task import ReviewRules, example_id


def test_the_task_holds_texts_and_names_and_no_label(tmp_path: Path) -> None:
    texts = ["where, is it", 'a "card"']
    task = write_task(tmp_path / "x", texts, labels=["b", "a"], strategy="random.v1", seed=3)
    assert (task.seed, task.effort, task.review) == (3, "quick", ReviewRules(strategy="random.v1"))
    assert [label.name for label in task.field(FIELD).labels or ()] == ["b", "a"]
    with (tmp_path / "x" / "pool.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["text"], *([text] for text in texts)]


def test_means_are_those_of_the_seeds_and_the_picture_has_a_point_for_each() -> None:
    points = [
        Point(strategy, seed, answers, (True,) * right + (False,) * (10 - right), 1, 2, 3.0)
        for strategy, seed, answers, right in (("ours", 0, 0, 5), ("ours", 1, 0, 7), ("chance", 0, 77, 4))
    ]
    first, second = tell_means(points).rows
    assert first["answers"] == 0
    assert first["ours"][0] == pytest.approx(0.6)  # type: ignore[index]
    assert (first["chance"], second["chance"]) == (None, 0.4)
    assert draw_curves(points).count("<title>") == 2


def test_only_what_was_shown_is_put_right() -> None:
    given, truth = np.array([0, 1, 2, 0]), np.array([0, 0, 0, 1])
    assert mend(given, truth, shown=np.array([2, 1])).tolist() == [0, 0, 0, 0]


def test_the_expert_answers_the_head_of_the_list_over_http_and_nothing_else(tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(7)]
    names = [example_id({"text": text}) for text in texts]
    # worth, then doubt, then the name: two are alike in worth, two in both
    standing = [(0.1, 0.5), (0.9, 0.5), (0.5, 0.7), (0.5, 0.2), (0.9, 0.5), (0.0, 0.0), (1.0, 1.0)]
    folder = tmp_path / "x"
    task = write_task(folder, texts, labels=["a", "b"], strategy="worth.v1", seed=0)
    with open_state(folder) as shelf:
        waiting = [
            Review(name, task.name, FIELD, {"text": text}, "a", confidence, worth=worth)
            for name, text, (worth, confidence) in zip(names, texts, standing, strict=True)
        ]
        shelf.queue_reviews(task.name, waiting)
        listed = [each.example for each in shelf.reviews(task.name)]
        gold = dict.fromkeys(listed[:3], "b")  # to look up the label of any other would fail
        assert answer_head(folder, task.name, gold, field=FIELD, count=3) == 3
        kept = sorted(shelf.feedback(task.name, kind="correction"), key=lambda each: each.id)
        assert [example_id(each.inputs) for each in kept] == listed[:3]
        assert {(each.maker, each.value[FIELD]) for each in kept} == {("person:gold", "b")}
        assert [each.example for each in shelf.reviews(task.name)] == listed[3:]
        assert answer_head(folder, task.name, dict.fromkeys(listed[3:], "a"), field=FIELD, count=9) == 4
        assert shelf.reviews(task.name) == []


def test_a_strategy_that_is_not_measured_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["active", "--only", "worth"])
    assert "`--only` is 'worth'; of `active` it is one of: worth.v1, random.v1." in capsys.readouterr().err
