"""What may be spent on upstreams: on one row, and in a month.

Owns the amounts: the worst that a call can cost, held before it is made, and what it did cost, settled after it.
The month's books are the registry's, which several servers may share; they are written in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from freehold.registry import Budget, Spent
from freehold.serve.policies import Left
from freehold.task import Routing, Upstream

if TYPE_CHECKING:
    from freehold.engine import RemoteRequest, Usage
    from freehold.registry import Registry

__all__ = ["BILLION", "Held", "Pocket", "Purse", "cost_of", "find_month", "worst_case"]

T = TypeVar("T")

BILLION = 10**9
"""Amounts are whole billionths of the currency, so that sums are exact."""


@dataclass(slots=True)
class Pocket:
    """What one row has cost, what is held for it included."""

    spent: Spent = field(default_factory=Spent)

    def change(self, before: Spent, after: Spent) -> None:
        """Puts an amount in place of another."""
        now = self.spent
        self.spent = Spent(
            now.calls + after.calls - before.calls,
            now.tokens + after.tokens - before.tokens,
            now.cost + after.cost - before.cost,
        )


class Held(NamedTuple):
    """An amount that is held for one call."""

    amount: Spent
    upstream: str
    month: str
    pocket: Pocket


def worst_case(upstream: Upstream, request: RemoteRequest) -> Spent:
    """Returns the most that a call can cost."""
    written = upstream.output_tokens
    return Spent(1, request.tokens + written, upstream.cost(request.tokens, written))


def cost_of(upstream: Upstream, usage: Usage) -> Spent:
    """Returns what a call cost that used so many tokens."""
    return Spent(1, usage.input + usage.output, upstream.cost(usage.input, usage.output))


def find_month() -> str:
    """Returns the month that is now, as the books call it."""
    return datetime.now(UTC).strftime("%Y-%m")


class Purse:
    """The money of one task."""

    def __init__(self, task: str, shelf: Registry, *, routing: Routing, threads: ThreadPoolExecutor) -> None:
        self._task, self._shelf, self._threads = task, shelf, threads
        self._row = Budget(routing.tokens_per_request, _billionths(routing.cost_per_request))
        self._month = Budget(routing.tokens_per_month, _billionths(routing.cost_per_month))

    async def hold(self, amount: Spent, *, upstream: str, pocket: Pocket) -> Held | None:
        """Holds an amount, or returns None where it is over the row's or the month's budget.

        Raises:
            StorageError: The books cannot be written.
        """
        if not _within(pocket.spent, amount, self._row):
            return None
        held = Held(amount, upstream, find_month(), pocket)
        pocket.change(Spent(), amount)
        granted, writing = False, self._begin(lambda: self._reserve(held))
        try:
            granted = await asyncio.shield(writing)
        except asyncio.CancelledError:  # broken off before there was a call, so it costs nothing
            writing.add_done_callback(lambda done: self._give_back(held, done))
            raise
        finally:
            if not granted:
                pocket.change(amount, Spent())
        return held if granted else None

    def _give_back(self, held: Held, done: asyncio.Future[bool]) -> None:
        if not done.cancelled() and not done.exception() and done.result():
            self._begin(lambda: self._settle(held, Spent()))

    def _reserve(self, held: Held) -> bool:
        return self._shelf.reserve_spending(
            self._task, held.amount, upstream=held.upstream, month=held.month, budget=self._month
        )

    async def settle(self, held: Held, spent: Spent) -> None:
        """Puts what a call cost in place of what was held for it."""
        if spent == held.amount:
            return
        held.pocket.change(held.amount, spent)
        await asyncio.shield(self._begin(lambda: self._settle(held, spent)))

    def _settle(self, held: Held, spent: Spent) -> None:
        self._shelf.settle_spending(self._task, held.amount, spent, upstream=held.upstream, month=held.month)

    async def left(self, *, milliseconds: float) -> Left:
        """Returns what may be spent on a row for which nothing was spent."""
        if self._month == Budget():
            return Left(milliseconds, _currency(self._row.cost), self._row.tokens)
        month = find_month()
        books = await self._begin(lambda: self._shelf.spending(self._task, month=month))
        spent = books.get("", Spent())
        cost = _least(self._row.cost, _rest(self._month.cost, spent.cost))
        return Left(
            milliseconds, _currency(cost), _least(self._row.tokens, _rest(self._month.tokens, spent.tokens))
        )

    def _begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Runs what waits for a disk in a thread."""
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


def _billionths(amount: float | None) -> int | None:
    return None if amount is None else round(amount * BILLION)


def _currency(amount: int | None) -> float | None:
    return None if amount is None else amount / BILLION


def _within(spent: Spent, amount: Spent, budget: Budget) -> bool:
    return (budget.tokens is None or spent.tokens + amount.tokens <= budget.tokens) and (
        budget.cost is None or spent.cost + amount.cost <= budget.cost
    )


def _rest(most: int | None, spent: int) -> int | None:
    return None if most is None else max(0, most - spent)


def _least(*amounts: int | None) -> int | None:
    known = [each for each in amounts if each is not None]
    return min(known) if known else None
