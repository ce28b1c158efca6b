"""The keys that a server knows now: read from the registries again and again, asked without touching them.

Owns which key is good for which tasks, and when each was last used. Knows nothing of headers.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from freehold.errors import FreeholdError
from freehold.registry import Key, Registry, key_id, secret_hash
from freehold.serve.callers import Caller

__all__ = ["Keyring"]

_log = logging.getLogger("freehold.serve")
_NO_HASH = "0" * 64


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Keyring:
    """The keys of the tasks of one server.

    A key is good for the tasks whose registry has it: for one task where each has its own state, for all that
    share a database.

    Args:
        shelves: Task to its registry.
        clock: The time, as registries write it.

    Attributes:
        made: Whether a key was ever made in one of the registries; it stays so when all have been revoked, or the
            last one's end would open the server to everybody.
    """

    def __init__(self, shelves: Mapping[str, Registry], *, clock: Callable[[], str] = _now) -> None:
        self.made = False
        self._shelves = dict(shelves)
        self._clock = clock
        self._rings: dict[str, dict[str, Key]] = {task: {} for task in shelves}
        self._problems: dict[str, str] = {}
        self._used: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(self._shelves)

    def load(self) -> None:
        """Reads the keys.

        Raises:
            FreeholdError: A registry cannot be read.
        """
        for task in self._shelves:
            self._read(task)

    def poll(self) -> None:
        """Reads the keys again; where a registry cannot be read, its keys stay as they were."""
        for task in self._shelves:
            try:
                self._read(task)
            except Exception as error:  # noqa: BLE001  the rim of the background worker: it must go on
                self._note(task, _said(error))
            else:
                self._problems.pop(task, None)

    def find(self, secret: str) -> Caller | None:
        """Returns whose secret it is and what it is good for now; None where it is nobody's."""
        id, sha256, time = key_id(secret), secret_hash(secret), self._clock()
        grants = {}
        for task, ring in self._rings.items():
            key = ring.get(id)
            same = hmac.compare_digest(key.sha256 if key else _NO_HASH, sha256)
            if key and same and key.works_at(time):
                grants[task] = frozenset(key.scopes)
        if not grants:
            return None
        with self._lock:
            for task in grants:
                self._used.setdefault(task, {})[id] = time
        return Caller(id, grants)

    def caller(self, id: str) -> Caller:
        """Returns what a key is good for now, for work that it asked for before: nothing, where it has ended."""
        time = self._clock()
        keys = {task: ring[id] for task, ring in self._rings.items() if id in ring}
        return Caller(id, {task: frozenset(key.scopes) for task, key in keys.items() if key.works_at(time)})

    def name(self, id: str) -> str:
        """Returns what a key is called; its id where it has ended since."""
        return next((ring[id].name for ring in self._rings.values() if id in ring), id)

    def write_used(self) -> None:
        """Writes down when keys were last used, as far as that is not written yet."""
        with self._lock:
            used, self._used = self._used, {}
        for task, times in used.items():
            try:
                self._shelves[task].note_keys_used(times)
            except Exception as error:  # noqa: BLE001  the rim of the background worker; the next use is written
                self._note(task, _said(error))

    def _read(self, task: str) -> None:
        shelf = self._shelves[task]
        ring = {key.id: key for key in shelf.working_keys()}
        self.made = self.made or bool(ring) or shelf.had_keys()
        self._rings[task] = ring

    def _note(self, task: str, problem: str) -> None:
        if self._problems.get(task) != problem:
            _log.error("task=%s keys cannot be read or written: %s", task, problem)
        self._problems[task] = problem


def _said(error: Exception) -> str:
    return error.message if isinstance(error, FreeholdError) else type(error).__name__
