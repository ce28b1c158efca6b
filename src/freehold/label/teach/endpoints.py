"""Asks endpoints, several calls at one time: rate, retries, and that every call is within the budget and kept.

Owns the order of calls and when an endpoint is given up. What is sent stands in `freehold.engine`; what becomes of
answers is for others. Texts are sent as data, and nothing that comes back is followed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from freehold.engine import RemoteFault, RemoteLimits, RemoteModel, Usage, pause_before
from freehold.label.teach.books import Book, Entry
from freehold.label.teach.purses import Purse
from freehold.registry import Spent
from freehold.task import Json, Teacher

if TYPE_CHECKING:
    from freehold.engine import RemoteRequest

__all__ = ["Call", "Outcomes", "ask_endpoints", "worst_case"]

_RETRIES = 4
_LONGEST_PAUSE = 10.0
_CONNECT, _BETWEEN, _WHOLE = 5.0, 60.0, 120.0
_GIVEN_UP = 5
"""Calls in a row that fail, after which an endpoint is left alone for this run."""


class Call(NamedTuple):
    """One request to one teacher, and its name by content."""

    teacher: Teacher
    key: str
    request: RemoteRequest


class Outcomes(NamedTuple):
    """How calls ended: teacher to how many were not made, and why; and to how they failed."""

    unasked: Mapping[str, Counter[str]]
    failed: Mapping[str, Counter[str]]

    @property
    def left(self) -> int:
        """How many questions have no answer yet."""
        return sum(each.total() for each in (*self.unasked.values(), *self.failed.values()))


def worst_case(call: Call) -> Spent:
    """Returns the most that a call can cost."""
    written = call.teacher.output_tokens
    return Spent(1, call.request.tokens + written, _cost(call.teacher, call.request.tokens, written))


def ask_endpoints(
    calls: Sequence[Call], *, books: Mapping[str, Book], purse: Purse, tell: Callable[[int, int], None]
) -> Outcomes:
    """Makes the calls that have no answer yet, and keeps every answer in its teacher's book.

    Args:
        calls: In the order in which they are worth money; teachers are asked beside each other.
        tell: Called with calls done and calls in all.

    Raises:
        UserError: The key of an endpoint that is to be asked is not set.
        StorageError: An answer cannot be kept.
    """
    waiting: dict[str, deque[Call]] = {}
    known: set[tuple[str, str]] = set()
    for call in calls:
        name = (call.teacher.name, call.key)
        if name not in known and books[call.teacher.name].find(call.key) is None:
            waiting.setdefault(call.teacher.name, deque()).append(call)
        known.add(name)
    total = sum(len(each) for each in waiting.values())
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        tell(done, total)

    desks = [_Desk(queue[0].teacher, queue, books[name], purse, one_more) for name, queue in waiting.items()]
    if desks:
        asyncio.run(_work(desks))
    return Outcomes(
        {desk.teacher.name: desk.unasked for desk in desks}, {desk.teacher.name: desk.failed for desk in desks}
    )


async def _work(desks: Sequence[_Desk]) -> None:
    for desk in desks:
        desk.open()
    try:
        async with asyncio.TaskGroup() as group:
            for desk in desks:
                for _ in range(desk.teacher.parallel):
                    group.create_task(desk.work())
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from several
    finally:
        for desk in desks:
            await desk.close()


@dataclass(slots=True)
class _Desk:
    """One teacher's calls, and the workers that make them.

    Attributes:
        next: When the next call may begin, by the event loop's clock.
        stopped: Why no more calls are made; empty while they are.
        lost: Calls in a row that failed.
    """

    teacher: Teacher
    queue: deque[Call]
    book: Book
    purse: Purse
    one_more: Callable[[], None]
    unasked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    next: float = 0.0
    stopped: str = ""
    lost: int = 0
    model: RemoteModel | None = None

    def open(self) -> None:
        self.model = RemoteModel(self.teacher.endpoint())

    async def close(self) -> None:
        if self.model is not None:
            await self.model.close()

    async def work(self) -> None:
        """Takes calls until there are none left."""
        while self.queue:
            call = self.queue.popleft()
            if not self.stopped:
                await self._make(call)
            else:
                self.unasked[self.stopped] += 1
            self.one_more()

    async def _make(self, call: Call) -> None:
        """Makes a call, again where that may help."""
        for attempt in range(_RETRIES + 1):
            reason = await self._begin(call)
            if reason:
                self.unasked[reason] += 1
                self.stopped = self.stopped or reason
                return
            fault = await self._ask(call)
            if fault is None:
                self.lost = 0
                return
            pause = pause_before(attempt, fault, longest=_LONGEST_PAUSE)
            if pause is None or attempt == _RETRIES or pause > self.purse.seconds_left:
                self._lose(fault)
                return
            if fault.retry_after is not None:  # it is said to all who ask it
                self.next = max(self.next, asyncio.get_running_loop().time() + pause)
            else:
                await asyncio.sleep(pause)

    def _lose(self, fault: RemoteFault) -> None:
        self.failed[fault.outcome] += 1
        self.lost += 1
        if self.lost >= _GIVEN_UP:
            self.stopped = self.stopped or "given up"

    async def _begin(self, call: Call) -> str:
        """Waits for the call's turn and reserves its worst case; returns why it is not made, or nothing."""
        clock = asyncio.get_running_loop().time
        while (wait := self.next - clock()) > 0:
            if wait > self.purse.seconds_left:
                return "time"
            await asyncio.sleep(wait)
        if self.teacher.per_minute:
            self.next = max(self.next, clock()) + 60 / self.teacher.per_minute
        if self.stopped:
            return self.stopped
        if self.purse.seconds_left <= 0:
            return "time"
        return "" if await self.purse.hold(worst_case(call), teacher=self.teacher.name) else "budget"

    async def _ask(self, call: Call) -> RemoteFault | None:
        """Makes a call once and keeps what came of it; returns what to do about it where there is no answer."""
        assert self.model is not None
        worst, begun = worst_case(call), time.perf_counter()
        values: Mapping[str, Json] | None = None
        problem: RemoteFault | None = None
        whole = min(_WHOLE, self.purse.seconds_left)
        try:
            limits = RemoteLimits(min(_CONNECT, whole), min(_BETWEEN, whole), whole)
            reply = await self.model.ask(call.request, limits=limits)
        except RemoteFault as fault:
            problem, usage = fault, fault.usage
        else:
            values, usage = cast("Mapping[str, Json]", reply.values), reply.usage
        if usage is None:  # the worst, where it may have been answered
            free = problem is not None and not problem.sent
            usage = Usage(0, 0) if free else Usage(call.request.tokens, self.teacher.output_tokens)
        spent = Spent(1, usage.input + usage.output, _cost(self.teacher, usage.input, usage.output))
        ended = problem.outcome if problem else "ok"
        seconds = time.perf_counter() - begun
        entry = Entry(values, ended, usage.input, usage.output, spent.cost, round(seconds, 4))
        if entry.is_final or spent.tokens:
            self.book.write(call.key, entry)
        await self.purse.settle(worst, spent, teacher=self.teacher.name)
        return None if entry.is_final else problem


def _cost(teacher: Teacher, read: int, written: int) -> int:
    return teacher.price.cost(read, written) if teacher.price else 0
