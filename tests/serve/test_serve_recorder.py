"""Requests are written together where many come at once, and nobody is told of success too early."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from freehold.errors import StorageError
from freehold.registry import RecordedRequest
from freehold.serve.recorder import Recorder


class SlowShelf:
    """Notes each transaction; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.go = threading.Event()
        self.broken = False

    def record_requests(self, rows: Sequence[RecordedRequest]) -> None:
        self.go.wait(10)
        if self.broken:
            raise StorageError("full")
        self.written.append([row.id for row in rows])


def row(name: str) -> list[RecordedRequest]:
    return [RecordedRequest(name, "t", "t@1", {}, {}, "2026-01-01", 0.0)]


def record_many(shelf: Any, count: int) -> list[BaseException | None]:
    """Records from as many threads, lets the shelf go when all wait, and returns what each was told."""
    recorder = Recorder(shelf)
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(recorder.record, row(str(number))) for number in range(count)]
        while len(recorder._waiting) < count - 1:
            threading.Event().wait(0.005)
        assert not any(future.done() for future in futures)
        shelf.go.set()
        wait(futures)
    return [future.exception() for future in futures]


def test_those_who_wait_are_written_in_one_transaction() -> None:
    shelf = SlowShelf()
    assert record_many(shelf, 6) == [None] * 6
    assert [len(group) for group in shelf.written] == [1, 5]
    assert sorted(name for group in shelf.written for name in group) == list("012345")


def test_everyone_hears_of_a_failure_and_the_next_one_is_tried_anew() -> None:
    shelf = SlowShelf()
    shelf.broken = True
    assert {type(error) for error in record_many(shelf, 4)} == {StorageError}
    shelf.broken = False
    Recorder(shelf).record(row("later"))  # type: ignore[arg-type]
    assert shelf.written == [["later"]]


def test_a_recorder_goes_on_after_a_failure() -> None:
    shelf = SlowShelf()
    shelf.go.set()
    recorder = Recorder(shelf)  # type: ignore[arg-type]
    shelf.broken = True
    with pytest.raises(StorageError):
        recorder.record(row("a"))
    shelf.broken = False
    recorder.record(row("b"))
    assert shelf.written == [["b"]]
