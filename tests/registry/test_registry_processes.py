"""Several processes at one registry, and processes that are killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.registry.made import TRAINED, admit, below, fill, record

from freehold.errors import OperatorError
from freehold.registry import Registry

ROOT = Path(__file__).resolve().parents[2]


def start(work: str, state: Path, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.registry.hands", work, str(state), url or "sqlite"]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


def test_killed_at_every_border_nothing_is_left_over(tmp_path: Path, database_url: str) -> None:
    with Registry.open(tmp_path / "state", url=database_url) as shelf:
        record(shelf, TRAINED)
    lines = [json.loads(line) for line in finish(start("record-killed", shelf.state, database_url)).splitlines()]
    assert len(lines) > 40
    assert [line["survived"] for line in lines] == [False] * (len(lines) - 1) + [True]
    for line in lines:
        assert (line["damaged"], line["tmp"]) == ([], []), line
        assert line["left"] == line["known"], line
    known = [line["known"] for line in lines]
    assert known == sorted(known)  # recorded from one border on, and not before
    assert known.count(True) > 1
    with Registry.open(shelf.state, url=database_url) as shelf:
        assert len(below(shelf.state / "blobs")) == 2 + 2 + len(lines)
        assert shelf.verify().damaged == ()


def test_an_expert_killed_at_every_border_has_said_all_or_nothing(shelf: Registry, database_url: str) -> None:
    lines = [json.loads(line) for line in finish(start("judge-killed", shelf.state, database_url)).splitlines()]
    assert len(lines) > 30
    assert [line["survived"] for line in lines] == [False] * (len(lines) - 1) + [True]
    for line in lines:
        acts, again = line["acts"], {0: "kept", 1: "repeated", 2: "closed"}[len(line["acts"])]
        assert acts == ["answer", "undo"][: len(acts)]
        assert (line["corrections"], line["waits"]) == ((1, False) if acts == ["answer"] else (0, True)), line
        assert (line["again"], line["damaged"]) == (again, []), line
    assert [len(line["acts"]) for line in lines] == sorted(len(line["acts"]) for line in lines)
    assert {len(line["acts"]) for line in lines} == {0, 1, 2}
    corrections = shelf.feedback("banking", kind="correction")
    assert len({row.inputs["text"] for row in corrections}) == len(corrections) == len(lines)


def test_the_sweep_touches_only_what_the_journal_lists(shelf: Registry) -> None:
    record(shelf, TRAINED)
    strange = {"blobs/zz/mine": b"1", "tmp/mine/file": b"2", "results/mine/file": b"3", "mine": b"4"}
    fill(shelf.state, strange)
    shelf.sweep()
    assert {name: (shelf.state / name).read_bytes() for name in strange} == strange
    unknown = shelf.verify().damaged
    assert len(unknown) == 2
    assert all("is unknown to the database" in complaint for complaint in unknown)


def test_processes_open_a_new_registry_at_once(tmp_path: Path, database_url: str) -> None:
    state = tmp_path / "new" / "state"
    state.parent.mkdir()
    for process in [start("begin", state, database_url) for _ in range(4)]:
        finish(process)
    with Registry.open(state, url=database_url) as shelf:
        assert shelf.verify().damaged == ()
        assert shelf.splits("banking") == {"a": "test"}
        assert len(below(shelf.state / "blobs")) == 3
        assert below(shelf.state / "tmp") == set()


def test_a_blob_that_another_writer_replaces_meanwhile_is_laid_out(tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        recorded = record(shelf, TRAINED)
        blob = shelf.blobs.path(next(iter(recorded.files.values())))
        ends = threading.Event()

        def replace() -> None:
            while not ends.is_set():
                shutil.copyfile(blob, tmp_path / "draft")
                (tmp_path / "draft").replace(blob)

        other = threading.Thread(target=replace)
        other.start()
        try:
            for _ in range(300):
                shutil.rmtree(shelf.state / "results")
                (shelf.state / "results").mkdir()
                assert shelf.lay_out(recorded).is_dir()
        finally:
            ends.set()
            other.join()


def test_processes_promote_at_once_and_one_version_is_champion(shelf: Registry, database_url: str) -> None:
    for name in "abcde":
        admit(shelf, name)
    for process in [start("promote", shelf.state, database_url) for _ in range(3)]:
        finish(process)
    states = {release.version: release.state for release in shelf.models("banking")}
    assert list(states.values()).count("champion") == 1
    assert shelf.verify().damaged == ()
    replayed = 0
    for row in shelf.history("banking"):  # each entry follows from the one before it
        version = row["version"]
        assert isinstance(version, int)
        assert (version == replayed) == (row["action"] == "withdraw"), row
        replayed = 0 if row["action"] == "withdraw" else version
    assert replayed == shelf.champion_version("banking")


def test_one_run_at_a_time(shelf: Registry, database_url: str) -> None:
    other = start("hold", shelf.state, database_url)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(OperatorError, match=f"process {other.pid}") as caught, shelf.lock():
        pass
    assert str(other.pid) in caught.value.hint
    shelf.record_requests([])  # the lock is the run's alone
    finish(other)
    with shelf.lock(), pytest.raises(OperatorError, match=f"process {os.getpid()}"), shelf.lock():
        pass
    with shelf.lock():
        pass


def test_a_lock_ends_with_its_process(shelf: Registry, database_url: str) -> None:
    other = start("hold", shelf.state, database_url)
    assert other.stdout is not None
    other.stdout.readline()
    other.kill()
    other.communicate()
    with shelf.lock():
        pass
