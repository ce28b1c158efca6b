"""One upstream of one task: asked, asked again where that may help, left alone where it does not.

Owns retries, their pauses, the circuit breaker, and that every call is within the budget, counted and settled. In
what order upstreams are asked stands in `router`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from freehold.engine import RemoteFault, RemoteLimits, RemoteModel, RemoteOutcome, pause_before
from freehold.errors import FreeholdError
from freehold.registry import Spent
from freehold.serve.breakers import Breaker
from freehold.serve.measures import Measures
from freehold.serve.purse import BILLION, Held, Pocket, Purse, cost_of, worst_case
from freehold.serve.trails import Step
from freehold.task import Upstream, Value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from freehold.engine import RemoteReply, RemoteRequest

__all__ = ["Gate", "Remote", "Row", "UpstreamOutcome"]

_log = logging.getLogger("freehold.serve")

UpstreamOutcome = RemoteOutcome | Literal["ok", "cached", "budget", "busy", "late", "open", "cancelled"]
"""How asking ended: by an answer, by one of the engine's faults, or without a call."""

_CONNECT, _BETWEEN = 3.0, 5.0


@dataclass(slots=True)
class Row:
    """A row on its way through upstreams.

    Attributes:
        caller: The key that asks.
        ends: When its time is over, by the event loop's clock.
        steps: Whom it was passed to, and how that ended; grows.
    """

    inputs: Mapping[str, str]
    caller: str
    ends: float
    steps: list[Step]
    pocket: Pocket = field(default_factory=Pocket)


class NotAsked(Exception):  # noqa: N818  not an error: the next one is asked
    """A call was not made."""

    def __init__(self, outcome: UpstreamOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Gate:
    """How many calls a server makes at one time."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    @asynccontextmanager
    async def entered(self, *, patience: float) -> AsyncIterator[None]:
        """Holds a place until the end of the block.

        Raises:
            NotAsked: There was none for `patience` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                await self._free.acquire()
        except TimeoutError:
            raise NotAsked("busy") from None
        try:
            yield
        finally:
            self._free.release()


class Means(NamedTuple):
    """What the upstreams of a task share."""

    task: str
    retries: int
    purse: Purse
    gate: Gate
    measures: Measures


class Remote:
    """One upstream."""

    def __init__(self, upstream: Upstream, means: Means) -> None:
        self.upstream = upstream
        self._means = means
        self._model = RemoteModel(upstream)
        self._breaker = Breaker()
        means.measures.watch_breaker(means.task, upstream.name, lambda: self._breaker.state)

    async def ask(self, request: RemoteRequest, row: Row, *, seconds: float) -> Mapping[str, Value] | None:
        """Returns what the upstream answers within some seconds; None where it does not, and it is counted why."""
        loop = asyncio.get_running_loop()
        ends = min(row.ends, loop.time() + seconds)
        for attempt in range(self._means.retries + 1):
            try:
                return (await self._attempt(request, row, ends)).values
            except NotAsked as reason:
                self.count(reason.outcome, row)
                return None
            except RemoteFault as fault:
                pause = pause_before(attempt, fault)
                if fault.retry_after and loop.time() + fault.retry_after >= ends:
                    self._breaker.rest(fault.retry_after)
                if pause is None or attempt == self._means.retries or loop.time() + pause >= ends:
                    return None
                await asyncio.sleep(pause)
        return None

    async def close(self) -> None:
        """Closes its connections."""
        await self._model.close()

    def count(self, outcome: UpstreamOutcome, row: Row, *, seconds: float | None = None, cost: int = 0) -> None:
        """Counts how one call, or what came in its place, ended."""
        row.steps.append(Step(self.upstream.name, outcome))
        task, name = self._means.task, self.upstream.name
        self._means.measures.count_upstream(task, name, outcome, seconds=seconds, cost=cost / BILLION)
        if outcome not in ("ok", "cached"):
            _log.info("task=%s upstream=%s outcome=%s", task, name, outcome)

    async def _attempt(self, request: RemoteRequest, row: Row, ends: float) -> RemoteReply:
        clock = asyncio.get_running_loop().time
        if self._breaker.state == "open":
            raise NotAsked("open")
        if clock() >= ends:
            raise NotAsked("late")
        async with self._means.gate.entered(patience=(ends - clock()) / 2):
            held = await self._hold(request, row)
            if clock() < ends and self._breaker.take():
                return await self._call(request, row, held=held, seconds=ends - clock())
            await self._means.purse.settle(held, Spent())
            raise NotAsked("late" if clock() >= ends else "open")

    async def _hold(self, request: RemoteRequest, row: Row) -> Held:
        amount, name = worst_case(self.upstream, request), self.upstream.name
        try:
            held = await self._means.purse.hold(amount, upstream=name, pocket=row.pocket)
        except FreeholdError as error:  # what cannot be written down is not spent
            _log.error("task=%s spending cannot be written: %s", self._means.task, type(error).__name__)
            held = None
        if held is None:
            raise NotAsked("budget")
        return held

    async def _call(self, request: RemoteRequest, row: Row, *, held: Held, seconds: float) -> RemoteReply:
        """Makes one call; one that is broken off is held to have cost its worst."""
        outcome: UpstreamOutcome = "cancelled"
        spent, begun = held.amount, time.perf_counter()
        try:
            limits = RemoteLimits(min(_CONNECT, seconds), min(_BETWEEN, seconds), seconds)
            reply = await self._model.ask(request, limits=limits)
            outcome, spent = "ok", cost_of(self.upstream, reply.usage) if reply.usage else spent
        except RemoteFault as fault:
            outcome = fault.outcome
            spent = spent if fault.sent else Spent(1)
            spent = cost_of(self.upstream, fault.usage) if fault.usage else spent
            raise
        finally:
            self._breaker.note(None if outcome == "cancelled" else outcome == "ok")
            self.count(outcome, row, seconds=time.perf_counter() - begun, cost=spent.cost)
            await self._settle(held, spent)
        return reply

    async def _settle(self, held: Held, spent: Spent) -> None:
        try:
            await self._means.purse.settle(held, spent)
        except FreeholdError as error:  # it stays counted as its worst
            _log.error("task=%s spending cannot be settled: %s", self._means.task, type(error).__name__)
