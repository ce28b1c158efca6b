"""The runner computes what is not recorded or not whole, and nothing else."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.line.toy_line import STAGES, Words, make_runner, make_task, rank, split, turn

from freehold.errors import PluginError, StorageError
from freehold.line import LocalRunner
from freehold.registry import Registry
from freehold.task import Desk, Event, Result, Task, stage


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "state") as shelf:
        yield shelf


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path / "task")


def cached(run: LocalRunner) -> list[bool]:
    return [stage.cached for stage in run.stages]


def test_first_computes_then_recalls(shelf: Registry, task: Task) -> None:
    first, second = make_runner(shelf), make_runner(shelf)
    made = turn(task, shelf=shelf, run=first)
    again = turn(task, shelf=shelf, run=second)
    assert cached(first) == [False, False, False]
    assert cached(second) == [True, True, True]
    assert [stage.name for stage in second.stages] == list(STAGES)
    assert (again.digest, again.folder, dict(again.facts)) == (made.digest, made.folder, dict(made.facts))
    assert (made.folder / "ranking.json").read_text() == '["be", "to"]'
    assert first.results["toy.split"].facts == {"words": 6}


def test_only_what_is_out_of_date_is_computed(shelf: Registry, task: Task, tmp_path: Path) -> None:
    turn(task, shelf=shelf, run=make_runner(shelf))
    runner = make_runner(shelf)
    turn(task, shelf=shelf, run=runner, top=1)
    assert cached(runner) == [True, True, False]
    changed, runner = make_task(tmp_path / "task", "be not to be"), make_runner(shelf)
    turn(changed, shelf=shelf, run=runner)
    assert cached(runner) == [False, False, False]


def test_same_bytes_from_other_inputs_stop_the_wave(shelf: Registry, task: Task, tmp_path: Path) -> None:
    turn(task, shelf=shelf, run=make_runner(shelf))
    changed, runner = make_task(tmp_path / "task", "be  to or not to be"), make_runner(shelf)
    turn(changed, shelf=shelf, run=runner)
    # other words in another order, but the same counts
    assert cached(runner) == [False, False, True]


def damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("tampered")


@pytest.mark.parametrize("way", ["blob damaged", "blob missing", "layout missing", "layout changed"])
def test_what_is_not_whole_is_made_again(shelf: Registry, task: Task, way: str) -> None:
    made = turn(task, shelf=shelf, run=make_runner(shelf))
    words = shelf.state / "results"
    recorded = next(p for p in words.rglob("counts.json"))
    blob = next(p for p in (shelf.state / "blobs").rglob("*") if p.is_file() and p.samefile(recorded))
    if way == "blob damaged":
        damage(blob)
    elif way == "blob missing":
        blob.unlink()
    elif way == "layout missing":
        recorded.unlink()
    else:
        content = recorded.read_bytes()
        recorded.unlink()
        recorded.write_bytes(content + b" ")
    events: list[Event] = []
    runner = make_runner(shelf, events.append)
    again = turn(task, shelf=shelf, run=runner)
    notes = [event.note for event in events if event.kind == "note"]
    assert again.digest == made.digest
    assert cached(runner) == [True, "layout" in way, True]
    assert any("counts.json" in note and "It is made again." in note for note in notes) == ("blob" in way)
    assert shelf.verify().damaged == ()


def test_events_tell_the_whole_story(shelf: Registry, task: Task) -> None:
    events: list[Event] = []
    turn(task, shelf=shelf, run=make_runner(shelf, events.append))
    turn(task, shelf=shelf, run=make_runner(shelf, events.append))
    told = [(event.stage, event.kind) for event in events if event.kind != "progress"]
    assert told == [
        ("toy.split", "start"),
        ("toy.split", "note"),
        ("toy.split", "done"),
        ("toy.count", "start"),
        ("toy.count", "done"),
        ("toy.rank", "start"),
        ("toy.rank", "done"),
        *((name, "cached") for name in STAGES),
    ]
    progress = [(event.done, event.total) for event in events if event.kind == "progress"]
    assert progress == [(n, 6) for n in range(1, 7)]


def test_nothing_is_left_behind(shelf: Registry, task: Task) -> None:
    runner = make_runner(shelf)
    turn(task, shelf=shelf, run=runner)
    assert [p for p in (shelf.state / "work").rglob("*") if p.is_file()] == []
    runner.clear()
    assert not (shelf.state / "work" / "toy").exists()


def test_a_stopped_stage_keeps_its_scratch_and_nothing_else(shelf: Registry, task: Task) -> None:
    def stop(event: Event) -> None:
        if event.stage == "toy.count" and event.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turn(task, shelf=shelf, run=make_runner(shelf, stop))
    left = sorted(p.name for p in (shelf.state / "work").rglob("*"))[1:]
    assert "done.txt" in left
    assert "folder" not in left
    events: list[Event] = []
    runner = make_runner(shelf, events.append)
    turn(task, shelf=shelf, run=runner)
    assert cached(runner) == [True, False, False]
    assert [event.done for event in events if event.kind == "progress"] == [5, 6]


@stage("toy.liar", version=1, result=Words)
def liar(desk: Desk, task: Task) -> Words:
    return Result(desk.folder)  # type: ignore[return-value]


@stage("toy.stray", version=1, result=Words)
def stray(desk: Desk, task: Task) -> Words:
    return Words(desk.scratch)


def test_a_stage_that_breaks_its_contract_is_named(shelf: Registry, task: Task) -> None:
    with pytest.raises(PluginError, match=r"`toy.liar` returned Result, not Words"):
        make_runner(shelf)(liar, task)
    with pytest.raises(PluginError, match=r"`toy.stray` left its result in"):
        make_runner(shelf)(stray, task)


@stage("toy.full", version=1, result=Words, reads=("seed",))
def fills_the_disk(desk: Desk, task: Task) -> Words:
    (desk.folder / "half").write_text("half")
    if task.seed:
        raise RuntimeError("PytorchStreamWriter failed writing file: No space left on device")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_full_disk_is_said_and_leaves_no_half(shelf: Registry, tmp_path: Path, seed: int) -> None:
    task = Task("toy", tmp_path, {"text": "string"}, (), seed=seed)
    with pytest.raises(StorageError, match=r"is full; `toy.full` could not finish") as caught:
        make_runner(shelf)(fills_the_disk, task)
    assert "--state" in caught.value.hint
    assert [p for p in (shelf.state / "work").rglob("*") if p.is_file()] == []


def test_other_errors_stay_what_they_are(shelf: Registry, task: Task) -> None:
    words = make_runner(shelf)(split, task, shelf)
    with pytest.raises(FileNotFoundError):
        make_runner(shelf)(rank, task, words, top=1)  # type: ignore[arg-type]


@stage("toy.cut", version=1, result=Words, reads=("seed",))
def stumbles(desk: Desk, task: Task) -> Words:
    """Fails as whoever reads a file does that a native writer has cut short."""
    raise LookupError("the wire format is corrupt")


@pytest.mark.parametrize(("free", "error"), [(0, StorageError), (1 << 30, LookupError)])
def test_a_failure_on_a_full_disk_is_the_disks(
    free: int, error: type[Exception], shelf: Registry, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=free))
    with pytest.raises(error):
        make_runner(shelf)(stumbles, task)
