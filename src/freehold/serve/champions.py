"""The models in service: loaded, watched, swapped.

Owns which reader answers for which task at this moment. A reader is taken once a request and kept to its end,
so a swap never touches a request that has begun. Knows nothing of HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from freehold.errors import FreeholdError, IntegrityError, UserError
from freehold.serve.drift import read_expected
from freehold.serve.readers import Loaded, OpenReader, Served
from freehold.task import Field, Release

__all__ = ["Champions", "Slot"]

_log = logging.getLogger("freehold.serve")
_KEPT = 4
_WAIT_MOST = 60.0


class _Failed(NamedTuple):
    """A version that could not be loaded, and when it is tried again."""

    version: int
    until: float
    wait: float


class Slot:
    """The place of one task's champion.

    Attributes:
        loaded: What answers now; None where there is no champion, or none that could be loaded.
        problem: Why the registry's champion is not what answers; empty where it is.
        reachable: The registry could be read when it was last asked.
        failures: How often a champion could not be loaded.
    """

    def __init__(self, served: Served, *, open_reader: OpenReader, threads: int) -> None:
        self.task = served.task
        self.shelf = served.shelf
        self.loaded: Loaded | None = None
        self.problem = ""
        self.reachable = True
        self.failures = 0
        self._open = open_reader
        self._threads = threads
        self._failed: _Failed | None = None
        self._others: OrderedDict[int, Loaded] = OrderedDict()
        self._lock = threading.Lock()
        self._others_lock = threading.Lock()

    @property
    def fields(self) -> tuple[Field, ...]:
        """Output fields as the task file declares them; labels found in the data as the champion has them."""
        loaded = self.loaded
        learned = {field.name: field for field in loaded.reader.fields} if loaded else {}
        return tuple(
            field if field.labels is not None else learned.get(field.name, field) for field in self.task.fields
        )

    def refresh(self) -> bool:
        """Makes the registry's champion the one that answers. Returns whether it changed.

        Where the new one cannot be loaded the old one stays, `problem` says why, and it is tried again later,
        each time after a longer wait.
        """
        with self._lock:
            try:
                return self._refresh()
            except Exception as error:  # noqa: BLE001  the rim of the background worker: it must go on
                self._note_failure(error)
                return False

    def load(self) -> None:
        """Makes the registry's champion the one that answers, or says why it cannot.

        Raises:
            IntegrityError: The champion's files are damaged.
            FreeholdError: The registry cannot be read.
        """
        with self._lock:
            self._refresh()

    def version(self, number: int) -> Loaded:
        """Returns one version of the task's models, loaded; the last few stay in memory.

        Raises:
            NotFoundError: There is no such version.
            IntegrityError: Its files are damaged.
        """
        current = self.loaded
        if current is not None and current.release.version == number:
            return current
        with self._others_lock:
            if number not in self._others:
                self._others[number] = self._load(self.shelf.release(self.task.name, number))
            self._others.move_to_end(number)
            while len(self._others) > _KEPT:
                self._others.popitem(last=False)
            return self._others[number]

    def _refresh(self) -> bool:
        wanted = self._wanted()
        current = self.loaded.release.version if self.loaded else None
        if wanted == current:
            self._failed, self.problem = None, ""
            return False
        if wanted is None:
            self.loaded = None
            return True
        if self._failed and self._failed.version == wanted and time.monotonic() < self._failed.until:
            return False
        try:
            release = self.shelf.champion(self.task.name)
            self.loaded = self._load(release) if release else None
        except Exception:
            self._put_off(wanted)
            raise
        self._failed, self.problem = None, ""
        return True

    def _wanted(self) -> int | None:
        try:
            wanted = self.shelf.champion_version(self.task.name)
        except Exception:
            self.reachable = False
            raise
        self.reachable = True
        return wanted

    def _load(self, release: Release) -> Loaded:
        reader = self._open(release.artifact.folder, threads=self._threads)
        if reader.digest != release.artifact.digest:
            raise IntegrityError(
                f"The files of `{release.name}` are not what was released: `{release.artifact.folder}`.",
                hint="See what is damaged: freehold verify",
            )
        # Asked once before it serves: a session's first answer is slow, and a model that cannot answer is no
        # champion.
        reader.predict([dict.fromkeys(reader.inputs, "ready?")], model=release.name, requests=["ready"])
        return Loaded(release, reader, read_expected(self.shelf, release, reader.fields))

    def _put_off(self, version: int) -> None:
        before = self._failed if self._failed and self._failed.version == version else None
        wait = min(before.wait * 2, _WAIT_MOST) if before else 1.0
        self._failed = _Failed(version, until=time.monotonic() + wait, wait=wait)
        self.failures += 1

    def _note_failure(self, error: Exception) -> None:
        problem = error.message if isinstance(error, FreeholdError) else f"{type(error).__name__}: {error}"
        if problem != self.problem:
            _log.error("task=%s champion cannot be loaded: %s", self.task.name, problem)
        self.problem = problem


class Champions:
    """The slots of all tasks of a server.

    Args:
        tasks: Every name once.
        open_reader: Opens an artifact's folder.
        threads: Threads of one forward pass.

    Raises:
        UserError: Two tasks have one name.
    """

    def __init__(
        self,
        tasks: Iterable[Served],
        *,
        open_reader: OpenReader,
        threads: int = 0,
    ) -> None:
        self._slots: dict[str, Slot] = {}
        for served in tasks:
            if served.task.name in self._slots:
                raise UserError(
                    f"Two of the tasks are called `{served.task.name}`.", hint="Serve one of them alone."
                )
            self._slots[served.task.name] = Slot(served, open_reader=open_reader, threads=threads)

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def get(self, name: str) -> Slot | None:
        """Returns the slot of a task, or None."""
        return self._slots.get(name)

    def names(self) -> list[str]:
        """Returns the names of the tasks, in the order they were given."""
        return list(self._slots)

    def load(self) -> None:
        """Loads every champion there is; the first that is damaged stops it.

        Raises:
            IntegrityError: A champion's files are damaged; the message names its task.
        """
        for slot in self:
            try:
                slot.load()
            except IntegrityError as error:
                raise IntegrityError(
                    f"The champion of `{slot.task.name}` is damaged: {error.message}",
                    hint=error.hint or "See what else is: freehold verify",
                ) from error

    def refresh(self, slot: Slot) -> None:
        """Looks once for a new champion of one task."""
        if slot.refresh():
            loaded = slot.loaded
            _log.info("task=%s champion=%s", slot.task.name, loaded.release.name if loaded else "none")
