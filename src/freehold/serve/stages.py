"""Threads that take whoever waits, all at once.

Owns the queue in front of such a thread. Nobody is waited for: who comes while a group is being worked on goes
with the next one, so that groups grow with the load and a lone request is not held up (as in group commit; DeWitt
et al., "Implementation Techniques for Main Memory Database Systems", 1984).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["Stage"]

_log = logging.getLogger("freehold.serve")
T = TypeVar("T")


class Stage(Generic[T]):
    """One such thread. Any thread may put something into its queue.

    Args:
        work: Is given those who wait, in their order; answers for its own errors.
        size: How much of `most` somebody takes up.
        most: When a group is full; the first of it is taken however large.
        threads: How many groups are worked on at one time.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], None],
        *,
        name: str,
        size: Callable[[T], int],
        most: int,
        threads: int = 1,
    ) -> None:
        self._work, self._size, self._most = work, size, most
        self._queue: SimpleQueue[T | None] = SimpleQueue()
        self._left, self._done = 0, threading.Condition()
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def put(self, item: T) -> None:
        """Puts somebody at the end of the queue."""
        with self._done:
            self._left += 1
        self._queue.put(item)

    def close(self) -> None:
        """Returns when all who were put in before are worked on, and whom that work put in."""
        with self._done:
            self._done.wait_for(lambda: not self._left)
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = self._gather(first)
            try:
                self._work(group)
            except Exception as error:  # noqa: BLE001  the rim of the thread: it must go on
                _log.error("%s failed: %s", threading.current_thread().name, type(error).__name__)
            with self._done:
                self._left -= len(group)
                self._done.notify_all()

    def _gather(self, first: T) -> list[T]:
        """Returns a group."""
        group, size = [first], self._size(first)
        while size < self._most:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is None:  # for another thread to know
                self._queue.put(None)
                break
            group.append(item)
            size += self._size(item)
        return group
