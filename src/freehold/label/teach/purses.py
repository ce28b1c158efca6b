"""What one run may spend on teachers, held exactly: in money, in tokens and in time.

Owns the run's name, which outlives a kill, and the amounts: a call's worst case is reserved before it is made, and
what it did cost put in its place. The books are the registry's, which no thread and no process can overspend; what
a killed process had reserved goes on counting.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.registry import Budget, Spent
from freehold.task import Teaching

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["BILLION", "Purse"]

BILLION = 10**9


class Purse:
    """The money of one run.

    Args:
        scratch: A folder that outlives a killed run, so that it goes on with what is left.
    """

    def __init__(self, task: str, shelf: Registry, *, teaching: Teaching, scratch: Path) -> None:
        cost = None if teaching.budget is None else round(teaching.budget * BILLION)
        self._task, self._shelf = task, shelf
        self._budget = Budget(teaching.tokens, cost)
        self._run = f"label {_name_run(scratch)}"
        self._ends = None if teaching.minutes is None else time.monotonic() + 60 * teaching.minutes
        self._held = 0
        self._settled = asyncio.Condition()

    @property
    def seconds_left(self) -> float:
        """How long calls may still take."""
        return float("inf") if self._ends is None else self._ends - time.monotonic()

    async def hold(self, amount: Spent, *, teacher: str) -> bool:
        """Reserves the worst that a call can cost; False where there is not enough, whatever is settled."""
        async with self._settled:
            while not self._reserve(amount, teacher):
                if not self._held:
                    return False
                await self._settled.wait()
            self._held += 1
        return True

    def _reserve(self, amount: Spent, teacher: str) -> bool:
        return self._shelf.reserve_spending(
            self._task, amount, upstream=teacher, month=self._run, budget=self._budget
        )

    async def settle(self, amount: Spent, spent: Spent, *, teacher: str) -> None:
        """Puts what a call cost in place of what was reserved for it."""
        async with self._settled:
            self._held -= 1
            self._shelf.settle_spending(self._task, amount, spent, upstream=teacher, month=self._run)
            self._settled.notify_all()

    @property
    def is_exceeded(self) -> bool:
        """Whether more was counted than there was: an endpoint said that a call took more than it may."""
        spent, (tokens, cost) = self.spent(), self._budget
        return (tokens is not None and spent.tokens > tokens) or (cost is not None and spent.cost > cost)

    def spent(self) -> Spent:
        """Returns what this run has spent, by what is settled and reserved."""
        return self._shelf.spending(self._task, month=self._run).get("", Spent())


def _name_run(scratch: Path) -> str:
    path = scratch / "run.txt"
    if path.exists() and (name := path.read_text().strip()):
        return name
    name = uuid.uuid4().hex
    scratch.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    return name
