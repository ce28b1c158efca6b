"""A row that was ever a test row never becomes a training row, whatever the task file says meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from freehold import data
from freehold.line import LocalRunner, plan
from freehold.registry import Registry
from freehold.task import Examples, Field, Source, Split, Task, read_examples

WORDS = ("amber", "brick", "cloud", "delta", "ember", "frost")


def write_rows(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text, "kind": text[0]}) + "\n" for text in texts))


@pytest.fixture
def task(tmp_path: Path) -> Callable[[Split], Task]:
    """Makes the task file anew: what it says about the second source is up to the test."""
    write_rows(tmp_path / "train.jsonl", [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS])
    write_rows(tmp_path / "more.jsonl", [f"{a} is not {b}" for a in WORDS for b in WORDS])

    def make(split: Split) -> Task:
        sources = (Source("train.jsonl", {}), Source("more.jsonl", {}, split=split))
        return Task("desk", tmp_path, {"text": "string"}, (Field("kind", "choice"),), sources)

    return make


def collect(shelf: Registry, task: Task) -> tuple[Examples, bool]:
    """Returns the examples, and whether they were recalled."""
    room, cache = shelf.state / "work", shelf.state / "cache"
    run = LocalRunner(shelf, room=room, cache=cache, threads=1, tell=lambda _event: None)
    return run(data.collect, task, shelf), run.stages[0].cached


def ids(examples: Examples, *splits: Split) -> set[str]:
    return {row.id for row in read_examples(examples.folder / "examples.jsonl") if row.split in splits}


def test_a_task_file_that_is_changed_and_changed_back(tmp_path: Path, task: Callable[[Split], Task]) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        first, _ = collect(shelf, task("train"))
        between, _ = collect(shelf, task("test"))
        tests = ids(between, "test")
        assert len(tests & ids(first, "train")) >= 36, "what was learned from became a test row"
        [state] = [each.state for each in plan(task("train"), shelf=shelf, tell=lambda _: None)][:1]
        assert state == "out of date"
        last, recalled = collect(shelf, task("train"))
        assert not recalled
        assert not tests & ids(last, "train", "validation")


def test_turning_back_and_forth_comes_to_rest(tmp_path: Path, task: Callable[[Split], Task]) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        for split in ("train", "test"):
            assert [collect(shelf, task(split))[1] for _ in range(2)] == [False, True]
        collect(shelf, task("train"))
        assert [collect(shelf, task(split))[1] for split in ("test", "train", "test")] == [True] * 3
