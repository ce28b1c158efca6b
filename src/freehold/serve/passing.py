"""Requests that the model is not sure of, on their way through upstreams; nobody else waits for them.

Owns the tasks in the event loop that do it, how many rows of one request go at a time, and what becomes of those
that nobody waits for any more. What is asked of whom stands in `router`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from freehold.serve.jobs import Job, Pass
from freehold.serve.router import Passed, Router
from freehold.task import Answer, Prediction

if TYPE_CHECKING:
    from freehold.registry import RecordedRequest

__all__ = ["Passing"]

_log = logging.getLogger("freehold.serve")
_ROWS_AT_ONCE = 8
"""Rows of one request that are passed on at one time, so that a long list leaves room for others."""


class Passing:
    """The requests of one task that are being passed on.

    Args:
        done: Is given each request when that is over, however it ended. Called in the event loop.
    """

    def __init__(self, router: Router, *, done: Callable[[Job], None]) -> None:
        self._router = router
        self._done = done
        self._running: set[asyncio.Task[None]] = set()

    def put(self, job: Job) -> None:
        """Begins with a request. Any thread may call this."""
        job.future.get_loop().call_soon_threadsafe(self._start, job)

    async def end(self) -> None:
        """Breaks off whatever is under way: it is answered as the model left it. Closes the connections."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._router.close()

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._run(job))
        self._running.add(task)
        job.future.add_done_callback(lambda _: task.cancel())  # nobody waits, so nobody pays

        def finish(ended: asyncio.Task[None]) -> None:
            self._running.discard(ended)
            if not ended.cancelled() and (error := ended.exception()) is not None:
                _log.error("a request could not be passed on: %s", type(error).__name__)
            self._done(job)

        task.add_done_callback(finish)

    async def _run(self, job: Job) -> None:
        begun = time.perf_counter()
        turns = asyncio.Semaphore(_ROWS_AT_ONCE)

        async def pass_on(row: int) -> None:
            async with turns:
                await self._pass_on(job, row)

        try:
            async with asyncio.TaskGroup() as group:
                for row in job.open_rows:
                    group.create_task(pass_on(row))
        finally:
            ended = time.perf_counter()
            job.seconds += ended - begun
            if job.asked.passes is not None:
                job.asked.passes.append(Pass("upstreams", begun, ended, len(job.passed)))

    async def _pass_on(self, job: Job, row: int) -> None:
        prediction = job.passed[row] = job.answers[row]
        recorded = job.before.get(prediction.request)
        if recorded is not None:
            answers = _remembered(prediction, recorded)
        else:
            steps = job.steps if len(job) == 1 else []
            fields = job.loaded.reader.fields
            passed = Passed(job.asked.inputs[row], prediction.answers, fields, job.caller, steps)
            answers = await self._router.answer(passed)
            job.reviewed.add(row)
        job.answers[row] = replace(prediction, answers=answers)


def _remembered(prediction: Prediction, recorded: RecordedRequest) -> dict[str, Answer]:
    """Returns a retry's answers: where the model abstains again, what was answered the first time."""
    found = dict(prediction.answers)
    for name, answer in prediction.answers.items():
        before: Any = recorded.answers.get(name)
        if answer.abstained and isinstance(before, Mapping) and before.get("tier") and not before["abstained"]:
            known = {key: before[key] for key in ("value", "confidence", "probabilities", "tier")}
            found[name] = Answer(**known, in_scope=before.get("in_scope"))
    return found
