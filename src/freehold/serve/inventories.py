"""What is known of the data behind releases, read in a thread of its own that gives way to answers.

Owns that thread and the last few inventories. What was collected never changes, so that it is read once. Knows
nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from freehold.serve.champions import Slot
from freehold.task import Release

if TYPE_CHECKING:
    from freehold.pages import Inventory

__all__ = ["Inventories"]

_KEPT = 24
"""More than a page lists."""
_WAITING = 8
_PAUSE = 0.001
_AGAIN = 60.0
"""Seconds after which an inventory that something was missing from is read again."""


class _Closing(Exception):  # noqa: N818  ends a reading, is no fault of anybody
    """The server ends."""


class _Reading(NamedTuple):
    """A reading, and when it began."""

    future: Future[Inventory]
    began: float

    def stale(self) -> bool:
        """Whether another one may find more: this one failed, or something was missing."""
        if not self.future.done():
            return False
        if self.future.exception() or not self.future.result().digest:
            return True
        return bool(self.future.result().notes) and time.monotonic() - self.began > _AGAIN


class Inventories:
    """The inventories of one server.

    Args:
        patience: Seconds after which a request does not wait for rows that are being read any longer.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="freehold-data")
        self._known: OrderedDict[tuple[str, int, str], _Reading] = OrderedDict()
        self._closing = False

    async def find(self, slot: Slot, release: Release) -> Inventory | None:
        """Returns what is known of a release's data, or None where that is still being read."""
        started = self._start(slot, release)
        if started is None:
            return None
        reading = asyncio.wrap_future(started)
        reading.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # it is said to whoever asks next
        done, _ = await asyncio.wait([reading], timeout=self._patience)
        return reading.result() if done else None

    def _start(self, slot: Slot, release: Release) -> Future[Inventory] | None:
        """Returns the reading of a release; None where so many wait already that it is not begun."""
        name = (release.task, release.version, release.artifact.digest)
        known = self._known.get(name)
        if known is None or known.stale():
            if sum(not each.future.done() for each in self._known.values()) >= _WAITING:
                return None
            reading = self._pool.submit(self._read, slot, release)
            known = self._known[name] = _Reading(reading, time.monotonic())
        self._known.move_to_end(name)
        done = [each for each, reading in self._known.items() if reading.future.done()]
        for each in done[: max(0, len(self._known) - _KEPT)]:
            del self._known[each]
        return known.future

    def _read(self, slot: Slot, release: Release) -> Inventory:
        from freehold.pages import take_release

        return take_release(slot.task, release, shelf=slot.shelf, step=self._step)

    def _step(self) -> None:
        """Lets whoever answers go first: Python runs one thread at a time."""
        if self._closing:
            raise _Closing
        time.sleep(_PAUSE)

    def close(self) -> None:
        """Ends what is being read."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
