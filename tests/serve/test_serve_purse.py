"""What is held for a call is given back where there is none; rows have budgets of their own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from freehold.errors import StorageError
from freehold.registry import Registry, Spent
from freehold.serve.policies import Left
from freehold.serve.purse import Pocket, Purse, find_month
from freehold.task import Routing

CALL = Spent(1, 10, 100)


class SlowShelf:
    """Writes into the books when it is let."""

    def __init__(self, shelf: Registry) -> None:
        self._shelf = shelf
        self.go, self.settled = threading.Event(), threading.Event()
        self.broken = False

    def reserve_spending(self, *words: Any, **named: Any) -> bool:
        self.go.wait(10)
        if self.broken:
            raise StorageError("full")
        return self._shelf.reserve_spending(*words, **named)

    def settle_spending(self, *words: Any, **named: Any) -> None:
        self._shelf.settle_spending(*words, **named)
        self.settled.set()


def test_what_is_broken_off_before_the_call_costs_nothing(shelf: Registry) -> None:
    slow: Any = SlowShelf(shelf)
    pocket = Pocket()

    async def test() -> None:
        with ThreadPoolExecutor(2) as threads:
            purse = Purse("banking", slow, routing=Routing(), threads=threads)
            holding = asyncio.ensure_future(purse.hold(CALL, upstream="cloud", pocket=pocket))
            await asyncio.sleep(0.01)
            holding.cancel()
            with pytest.raises(asyncio.CancelledError):
                await holding
            slow.go.set()
            while not slow.settled.is_set():
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(test(), 20))
    assert pocket.spent == Spent()
    assert shelf.spending("banking", month=find_month()) == {"": Spent(), "cloud": Spent()}


def test_books_that_cannot_be_written_hold_nothing(shelf: Registry) -> None:
    slow: Any = SlowShelf(shelf)
    slow.broken = True
    slow.go.set()
    pocket = Pocket()

    async def test() -> None:
        with ThreadPoolExecutor(1) as threads:
            purse = Purse("banking", slow, routing=Routing(), threads=threads)
            with pytest.raises(StorageError):
                await purse.hold(CALL, upstream="cloud", pocket=pocket)

    asyncio.run(test())
    assert pocket.spent == Spent()


def test_a_row_has_a_budget_and_a_policy_sees_what_is_left(shelf: Registry) -> None:
    routing = Routing(tokens_per_request=25, cost_per_month=1e-6)

    async def test() -> None:
        with ThreadPoolExecutor(1) as threads:
            purse, pocket = Purse("banking", shelf, routing=routing, threads=threads), Pocket()
            first = await purse.hold(CALL, upstream="cloud", pocket=pocket)
            assert first is not None
            assert await purse.hold(CALL, upstream="cloud", pocket=pocket) is not None
            assert await purse.hold(CALL, upstream="cloud", pocket=pocket) is None
            await purse.settle(first, Spent(1, 4, 30))
            assert pocket.spent == Spent(2, 14, 130)
            assert await purse.hold(CALL, upstream="cloud", pocket=pocket) is not None
            assert await purse.left(milliseconds=7) == Left(7, 770 / 10**9, 25)

    asyncio.run(test())
