"""The task folder that the benchmark builds."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest
from bench.banking77 import write_task


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, count in {"train": 100, "test": 10}.items():
        rows = [["text", "category"], *([f'row {i}, "quoted"', f"label {i % 7}"] for i in range(count))]
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


@pytest.mark.parametrize(("rows", "kept"), [(0, 100), (10, 10), (33, 33), (100, 100), (500, 100)])
def test_task_points_at_the_data_or_a_subset(tmp_path: Path, data: Path, rows: int, kept: int) -> None:
    write_task(tmp_path / "task", data, rows=rows, seed=3)
    task = tomllib.loads((tmp_path / "task" / "task.toml").read_text())
    assert task["task"]["seed"] == 3
    train, test = task["source"]
    assert (train["split"], test["split"]) == ("train", "test")
    assert Path(test["uri"]) == data / "test.csv"
    with Path(train["uri"]).open(newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == kept
    assert len({row["category"] for row in read}) == 7


def test_subset_spreads_over_the_whole_file(tmp_path: Path, data: Path) -> None:
    write_task(tmp_path / "task", data, rows=10, seed=0)
    with (tmp_path / "task" / "train.csv").open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert texts[0].startswith("row 0,")
    assert texts[-1].startswith("row 90,")
