"""Writes requests down before they are answered, many at a time where many come at once.

Owns the queue in front of one registry. A database takes about as long for one row as for a hundred, so
whoever comes while a transaction is being written is written with the next one (group commit; DeWitt et al.,
"Implementation Techniques for Main Memory Database Systems", 1984).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.registry import RecordedRequest, Registry

__all__ = ["Recorder"]


class Recorder:
    """The queue in front of one registry. Threads may share it."""

    def __init__(self, shelf: Registry) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._waiting: list[tuple[Sequence[RecordedRequest], Future[None]]] = []
        self._writing = False

    def record(self, rows: Sequence[RecordedRequest]) -> None:
        """Returns when the rows are on disk.

        Raises:
            StorageError: They could not be written; none of them was.
        """
        mine: Future[None] = Future()
        with self._lock:
            self._waiting.append((rows, mine))
            leads, self._writing = not self._writing, True
        if leads:
            self._write()
        mine.result()

    def _write(self) -> None:
        """Writes until nobody waits any more."""
        while True:
            with self._lock:
                group, self._waiting = self._waiting, []
                self._writing = bool(group)
            if not group:
                return
            self._write_group(group)

    def _write_group(self, group: Sequence[tuple[Sequence[RecordedRequest], Future[None]]]) -> None:
        try:
            self._shelf.record_requests([row for rows, _ in group for row in rows])
        except BaseException as error:  # noqa: BLE001  handed on to everyone who waits, also the one who leads
            for _, future in group:
                future.set_exception(error)
        else:
            for _, future in group:
                future.set_result(None)
