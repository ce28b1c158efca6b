"""Requests that are recorded by somebody who must not wait."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.registry.test_registry_storage import small_disk
from tests.registry.test_registry_traffic import asked

from freehold.errors import OperatorError, StorageError
from freehold.registry import Registry
from freehold.registry.appends import AtOnce

__all__ = ["small_disk"]

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.registry.test_registry_traffic import asked
from freehold.registry import Registry

shelf = Registry.open(Path(sys.argv[1]))
assert shelf.record_requests_at_once([asked("a"), asked("b")])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The state folder of a registry on SQLite."""
    with Registry.open(tmp_path / "state"):
        return tmp_path / "state"


def whole(shelf: Registry) -> bool:
    with closing(sqlite3.connect(shelf.state / "freehold.db")) as looking:
        return looking.execute("PRAGMA integrity_check").fetchone() == ("ok",)  # type: ignore[no-any-return]


def test_what_is_recorded_at_once_is_recorded(shelf: Registry) -> None:
    shelf.record_requests([asked("a")])
    if shelf.record_requests_at_once([asked("a", text="something else"), asked("b")]):
        assert [each.id for each in shelf.requests("banking")] == ["b", "a"]
    else:  # a database behind a network has to be waited for
        assert [each.id for each in shelf.requests("banking")] == ["a"]
    assert shelf.request("a") == asked("a")


def test_nobody_waits_for_another_writer(here: Path) -> None:
    with Registry.open(here) as shelf, closing(sqlite3.connect(here / "freehold.db")) as other:
        assert shelf.record_requests_at_once([asked("a")])
        other.execute("BEGIN IMMEDIATE")
        assert not shelf.record_requests_at_once([asked("b")])
        other.rollback()
        assert shelf.request("b") is None
        assert shelf.record_requests_at_once([asked("b")])
        assert shelf.request("b") == asked("b")


def test_the_end_of_the_process_takes_nothing(here: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(here)], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with Registry.open(here) as shelf:
        assert [each.id for each in shelf.requests("banking")] == ["b", "a"]
        assert whole(shelf)


@pytest.mark.parametrize("servers", [1, 3])
def test_the_log_begins_anew_now_and_then(here: Path, servers: int) -> None:
    """It would have every page that was ever written, some 60 MB here, if nobody waited for that now and then."""
    number = 3_000 // servers

    def ask(name: str) -> int:
        later = []
        with Registry.open(here) as shelf, ThreadPoolExecutor(1) as patient:
            for row in range(number):
                rows = [asked(f"{name}{row}", text="x" * 4_000)]
                if not shelf.record_requests_at_once(rows):
                    later.append(patient.submit(shelf.record_requests, rows))
            for each in later:
                each.result()
        return len(later)

    with Registry.open(here) as shelf, ThreadPoolExecutor(servers) as writers:
        assert min(writers.map(ask, "abc"[:servers])) >= number // 256
        assert len(shelf.requests("banking", limit=10_000)) == 3_000
        assert (here / "freehold.db-wal").stat().st_size < 25_000_000
        assert whole(shelf)


def test_a_log_that_cannot_be_moved_is_no_reason_to_refuse_an_answer(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: AtOnce) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(AtOnce, "move", fail)
    with Registry.open(here) as shelf:
        for number in range(300):
            if not shelf.record_requests_at_once([asked(f"{number}")]):
                shelf.record_requests([asked(f"{number}")])
        assert len(shelf.requests("banking", limit=1_000)) == 300
        with pytest.raises(OperatorError):
            shelf.settle_requests()


def test_a_database_without_a_log_is_waited_for(here: Path) -> None:
    with closing(sqlite3.connect(here / "freehold.db")) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    with Registry.open(here) as shelf:
        for number in range(3):
            assert not shelf.record_requests_at_once([asked(f"{number}")])
        shelf.record_requests([asked("a")])
        assert [each.id for each in shelf.requests("banking")] == ["a"]


def test_what_is_settled_is_out_of_the_log(here: Path) -> None:
    with Registry.open(here) as shelf:
        assert shelf.record_requests_at_once([asked("a")])
        shelf.settle_requests()
        database = (here / "freehold.db").read_bytes()
        (here / "alone.db").write_bytes(database)
        with closing(sqlite3.connect(here / "alone.db")) as alone:
            assert alone.execute("SELECT id FROM requests").fetchall() == [("a",)]


def test_a_full_disk_keeps_what_is_there(small_disk: Path) -> None:
    with Registry.open(small_disk / "state") as shelf:
        kept = 0
        with pytest.raises(StorageError, match=f"`{small_disk}.* is full"):  # noqa: PT012
            for number in range(200):
                rows = [asked(f"{number}-{row}", text="x" * 1_000) for row in range(50)]
                assert shelf.record_requests_at_once(rows)
                kept += 50
        assert len(shelf.requests("banking", limit=10_000)) == kept
        assert whole(shelf)


def test_who_may_wait_moves_the_log_when_it_is_long(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[int] = []
    move = AtOnce.move

    def count(self: AtOnce) -> None:
        moved.append(1)
        move(self)

    monkeypatch.setattr(AtOnce, "move", count)
    with Registry.open(here) as shelf:
        shelf.record_requests([asked("first")])
        assert moved == []
        for number in range(600):
            if not shelf.record_requests_at_once([asked(f"{number}")]):
                shelf.record_requests([asked(f"{number}")])
        assert moved == [1, 1]
