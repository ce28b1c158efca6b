from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from bench.labels.active import FIELD, Point, draw_curves, tell_means, write_task
from bench.labels_mended import mend

from freehold.task import ReviewRules


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
