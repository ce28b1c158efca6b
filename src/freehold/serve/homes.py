"""Where files and batches lie: in the state folders of the tasks that are served.

Owns which of them a caller's are in, and that nobody finds another's. A server of several tasks may have several
state folders, and may be started with others tomorrow: what is looked for is looked for in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from freehold.serve.batches import Batch, Batches
from freehold.serve.callers import Caller
from freehold.serve.champions import Champions
from freehold.serve.faults import Fault
from freehold.serve.files import Files, StoredFile

__all__ = ["Home", "Homes", "owner"]


class Home(NamedTuple):
    """One state folder.

    Attributes:
        settle: Returns when the requests that were recorded there are on the disk.
    """

    state: Path
    files: Files
    batches: Batches
    settle: Callable[[], None]


def owner(caller: Caller) -> str:
    """Returns what the records of a caller's files and batches name: its key, or nothing where it needs none."""
    return "" if caller.grants is None else caller.name


class Homes:
    """The state folders of one server."""

    def __init__(self, champions: Champions) -> None:
        shelves = {slot.shelf.state: slot.shelf for slot in champions}
        known = {
            state: Home(state, Files(state), Batches(state), shelf.settle_requests)
            for state, shelf in shelves.items()
        }
        self.all: Sequence[Home] = tuple(known.values())
        self._by_task = {slot.task.name: known[slot.shelf.state] for slot in champions}

    def home(self, caller: Caller) -> Home:
        """Returns where a caller's new files go: to the first task that it may ask.

        Raises:
            Fault: 404 where there is no task.
        """
        for task, home in self._by_task.items():
            if caller.may("predict", task=task):
                return home
        raise Fault(404, "There is no task here that this could be for.", code="task_not_found")

    def files(self, caller: Caller) -> list[StoredFile]:
        """Returns a caller's files, oldest first."""
        found = [each for home in self.all for each in home.files.all(owner(caller))]
        return sorted(found, key=lambda each: (each.created, each.id))

    def file(self, id: str, caller: Caller, *, param: str = "id") -> tuple[Home, StoredFile]:
        """Returns one of a caller's files, and where it is.

        Raises:
            Fault: 404 where it has none of this id.
        """
        for home in self.all:
            found = home.files.find(id)
            if found is not None and found.owner == owner(caller):
                return home, found
        raise Fault(404, f"There is no file {id[:60]!r}.", code="not_found", param=param)

    def batches(self, caller: Caller) -> list[tuple[Home, Batch]]:
        """Returns a caller's batches, oldest first, each with where it is."""
        found = [(home, each) for home in self.all for each in home.batches.all(owner(caller))]
        return sorted(found, key=lambda pair: (pair[1].created, pair[1].id))

    def batch(self, id: str, caller: Caller) -> tuple[Home, Batch]:
        """Returns one of a caller's batches, and where it is.

        Raises:
            Fault: 404 where it has none of this id.
        """
        for home in self.all:
            found = home.batches.find(id)
            if found is not None and found.owner == owner(caller):
                return home, found
        raise Fault(404, f"There is no batch {id[:60]!r}.", code="not_found", param="id")
