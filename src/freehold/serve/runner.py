"""Who answers batches: finds those that have not ended, after a start too, and sees them to their ends.

Owns which batches this server works on. Another server on the same state folder leaves them alone while they are
locked; a lock ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import IO

from starlette.routing import Router

from freehold.errors import FreeholdError
from freehold.serve.asker import Asker
from freehold.serve.batches import ENDED
from freehold.serve.errands import Busy, Errand, in_thread
from freehold.serve.faults import Fault
from freehold.serve.homes import Home, Homes
from freehold.serve.service import Service

__all__ = ["Runner"]

_log = logging.getLogger("freehold.serve")
_AT_ONCE = 4
_POLL_SECONDS = 5.0
_MOST_WAIT = 60.0


class Runner:
    """Sees the batches of one server to their ends."""

    def __init__(self, homes: Homes, *, service: Service, router: Router) -> None:
        self._homes = homes
        self._service = service
        self._asker = Asker(router)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ended: set[str] = set()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Says that there is a new batch."""
        self._news.set()

    async def watch(self) -> None:
        """Goes on until cancelled; what is unfinished then is finished after the next start."""
        try:
            await in_thread(self._sweep)
            while True:
                self._news.clear()
                try:
                    await self._take_up()
                except Exception as error:  # noqa: BLE001  the rim of the background worker: it must go on
                    _log.error("batches cannot be read: %s", _said(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _POLL_SECONDS)
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _sweep(self) -> None:
        for home in self._homes.all:
            try:
                home.files.sweep()
                home.batches.sweep()
                for batch in home.batches.all():
                    if batch.status in ENDED:
                        home.batches.clear(batch)
            except (FreeholdError, Fault, OSError) as error:
                _log.error("`%s` cannot be swept: %s", home.state, _said(error))

    async def _take_up(self) -> None:
        for home in self._homes.all:
            for batch in await in_thread(home.batches.unfinished, self._ended):
                if len(self._running) >= _AT_ONCE:
                    return
                if batch.id in self._running:
                    continue
                lock = await in_thread(home.batches.lock, batch.id)
                if lock is not None:
                    self._running[batch.id] = asyncio.create_task(self._run(batch.id, home, lock))

    async def _run(self, id: str, home: Home, lock: IO[bytes]) -> None:
        errand = Errand(id, home=home, asker=self._asker, service=self._service)
        wait, said = 1.0, ""
        try:
            while True:
                try:
                    await errand.run()
                    return
                except Exception as error:  # noqa: BLE001  the rim of the background worker: it must go on
                    if (problem := _said(error)) != said:
                        _log.error("batch=%s waits: %s", id, problem)
                    said = problem
                await asyncio.sleep(wait)
                wait = min(wait * 2, _MOST_WAIT)
        finally:
            lock.close()
            del self._running[id]
            self.wake()


def _said(error: Exception) -> str:
    if isinstance(error, Busy):
        return "the server is busy."
    return error.message if isinstance(error, FreeholdError | Fault) else f"{type(error).__name__}: {error}"
