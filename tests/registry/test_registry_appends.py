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

from freehold.errors import StorageError
from freehold.registry import Registry

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


def test_the_log_begins_anew_while_somebody_writes(here: Path) -> None:
    """It would have every page that was ever written, some 60 MB here, if nobody waited for that now and then."""
    with Registry.open(here) as shelf, ThreadPoolExecutor(1) as patient:
        later = []
        for number in range(3_000):
            rows = [asked(f"{number}", text="x" * 4_000)]
            if not shelf.record_requests_at_once(rows):
                later.append(patient.submit(shelf.record_requests, rows))
        for each in later:
            each.result()
        assert len(later) >= 3_000 // 256
        assert len(shelf.requests("banking", limit=10_000)) == 3_000
        assert (here / "freehold.db-wal").stat().st_size < 25_000_000
        assert whole(shelf)


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
