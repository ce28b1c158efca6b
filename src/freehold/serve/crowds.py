"""Calls that run at the same time and wait for each other, so that what they want can be done for all at once.

Owns the waiting. Knows nothing of what is wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias, TypeVar

__all__ = ["Crowd", "Outcome", "crowd"]

Q = TypeVar("Q")
T = TypeVar("T")


class Outcome(NamedTuple):
    """What became of one wish: a result, or an error where that is not None."""

    result: Any
    error: BaseException | None


Solve: TypeAlias = Callable[[Sequence[Any]], Awaitable[Sequence[Outcome]]]


class _Wish(NamedTuple):
    solve: Solve
    item: Any
    group: Hashable
    future: asyncio.Future[Any]


class Crowd:
    """Some calls; each is a task of its own, and finds its crowd with `crowd`.

    What is wanted is done when no call runs: every one is done, or waits. Groups are taken one after the other.
    """

    def __init__(self) -> None:
        self._running = 0
        self._wishes: list[_Wish] = []
        self._work: asyncio.Task[None] | None = None

    async def run(self, call: Callable[[Q], Awaitable[T]], items: Sequence[Q]) -> list[T]:
        """Returns what the call gives for each item, in order."""
        self._running = len(items)
        try:
            return await asyncio.gather(*(self._call(call, each) for each in items))
        finally:
            if self._work is not None:
                self._work.cancel()

    async def wait(self, solve: Solve, item: Any, *, group: Hashable) -> Any:
        """Returns the result of one wish.

        Args:
            solve: Gives the outcomes of many.
            group: Wishes of one group are given to one `solve`.
        """
        wish = _Wish(solve, item, group, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        self._rest()
        return await wish.future

    async def _call(self, call: Callable[[Q], Awaitable[T]], item: Q) -> T:
        _current.set(self)  # for this call alone: it is a task with a context of its own
        try:
            return await call(item)
        finally:
            self._rest()

    def _rest(self) -> None:
        self._running -= 1
        if not self._running and self._wishes:
            self._work = asyncio.create_task(self._grant())

    async def _grant(self) -> None:
        wishes, self._wishes = self._wishes, []
        groups: dict[Hashable, list[_Wish]] = {}
        for each in wishes:
            groups.setdefault(each.group, []).append(each)
        outcomes: list[tuple[_Wish, Outcome]] = []
        for group in groups.values():
            outcomes += zip(group, await _solve(group), strict=True)
        self._running += len(outcomes)
        for wish, (result, error) in outcomes:
            if wish.future.done():
                self._running -= 1
            elif error is None:
                wish.future.set_result(result)
            else:
                wish.future.set_exception(error)


async def _solve(group: Sequence[_Wish]) -> Sequence[Outcome]:
    try:
        return await group[0].solve([each.item for each in group])
    except Exception as error:  # noqa: BLE001  handed on to whoever waits
        return [Outcome(None, error)] * len(group)


_current: ContextVar[Crowd] = ContextVar("crowd")


def crowd() -> Crowd:
    """Returns the crowd of the current call."""
    return _current.get()
