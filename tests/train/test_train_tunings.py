from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.small import FIELDS, make_desk, make_examples, make_task

from freehold.engine import Base, find_base
from freehold.task import Field, Label, Task
from freehold.train.rows import Rows, to_rows
from freehold.train.tunings import Tunings


def quiet(_done: int, _total: int, _note: str) -> None:
    pass


def without_first(rows: Rows, count: int) -> Rows:
    return rows.take(range(count, len(rows)))


@pytest.fixture(scope="module")
def split() -> tuple[Rows, Rows]:
    examples = make_examples(120)
    train, validation = (
        to_rows([e for e in examples if e.split == name], FIELDS, inputs=["text"])
        for name in ("train", "validation")
    )
    return train, validation


@pytest.fixture
def base(tiny_base: Path) -> Base:
    return find_base(str(tiny_base), relative_to=tiny_base)


@pytest.fixture
def task(tiny_base: Path, tmp_path: Path) -> Task:
    return make_task(tmp_path, base=str(tiny_base))


def make(folder: Path, task: Task, base: Base, *, fields: tuple[Field, ...] = FIELDS) -> Tunings:
    return Tunings(make_desk(folder), task, base, fields, scarce=False)


def test_a_kept_encoder_serves_much_the_same_rows(
    base: Base, task: Task, split: tuple[Rows, Rows], tmp_path: Path
) -> None:
    train, validation = split
    tunings = make(tmp_path / "a", task, base)
    assert not tunings.obtain(without_first(train, 3), validation, tell=quiet)
    assert tunings.obtain(train, validation, tell=quiet)
    assert not tunings.reason_against(train)
    tunings.note_lost()
    assert tunings.reason_against(train)
    half = train.take(range(0, len(train), 2))
    assert not tunings.reason_against(half)
    assert not tunings.obtain(half, validation, tell=quiet)


def test_a_kept_encoder_that_learned_from_a_row_that_left_is_made_again(
    base: Base, task: Task, split: tuple[Rows, Rows], tmp_path: Path
) -> None:
    train, validation = split
    tunings = make(tmp_path / "a", task, base)
    assert not tunings.obtain(train, validation, tell=quiet)
    assert not tunings.obtain(without_first(train, 1), validation, tell=quiet)
    assert not tunings.obtain(train, without_first(validation, 1), tell=quiet)


def test_a_kept_encoder_that_is_damaged_is_made_again(
    base: Base, task: Task, split: tuple[Rows, Rows], tmp_path: Path
) -> None:
    tunings = make(tmp_path / "a", task, base)
    assert not tunings.obtain(*split, tell=quiet)
    weights = tunings.folder / "changed.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert not tunings.obtain(*split, tell=quiet)
    assert tunings.obtain(*split, tell=quiet)


def test_other_labels_are_other_rows(base: Base, task: Task, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    train, validation = split
    tunings = make(tmp_path / "a", task, base)
    assert not tunings.obtain(train, validation, tell=quiet)
    tunings.note_lost()
    turned = {**train.targets, "urgent": np.asarray(1 - train.targets["urgent"])}
    assert not tunings.reason_against(replace(train, targets=turned))
    area, *others = FIELDS
    wider = replace(area, labels=(Label("a"), *(area.labels or ())))
    shifted = {**train.targets, "area": np.asarray(train.targets["area"] + 1)}
    more = make(tmp_path / "a", task, base, fields=(wider, *others))
    assert more.reason_against(replace(train, targets=shifted))


def test_a_killed_tuning_is_taken_up(base: Base, task: Task, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    told: list[int] = []

    def die(done: int, _total: int, note: str) -> None:
        told.append(done)
        if done == 12 and "rows/s" in note:
            raise KilledError

    tunings = make(tmp_path / "a", task, base)
    with pytest.raises(KilledError):
        tunings.obtain(*split, tell=die)
    assert not (tunings.folder).exists()
    assert not tunings.obtain(*split, tell=quiet)
    assert tunings.obtain(*split, tell=quiet)
