"""What upstreams cost, by task, month and upstream, and the one statement that holds it within a budget.

A call's worst case is reserved before it is made, and settled when it is known what it cost. The row without an
upstream's name is the sum of all: that it stays within the budget is a condition of the statement that adds to it,
so that neither threads nor processes can overspend together. What a killed process had reserved goes on counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database

__all__ = ["Budget", "Spending", "Spent"]

_ALL = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent.

    Attributes:
        cost: In billionths of the currency.
    """

    calls: int = 0
    tokens: int = 0
    cost: int = 0


class Budget(NamedTuple):
    """The most that may be spent in a month; None for any amount."""

    tokens: int | None = None
    cost: int | None = None


class Spending:
    """The books of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, task: str, amount: Spent, *, upstream: str, month: str, budget: Budget) -> bool:
        """Adds an amount where the month's sum stays within the budget with it; returns whether it was added."""
        if not _fits(amount, budget):
            return False
        spending = tables.spending.c
        insert = self._database.insert(tables.spending)
        sums = {name: spending[name] + insert.excluded[name] for name in ("calls", "tokens", "cost")}
        limits = {"tokens": budget.tokens, "cost": budget.cost}
        within = [sums[name] <= most for name, most in limits.items() if most is not None]
        statement = insert.on_conflict_do_update(
            index_elements=["task", "month", "upstream"], set_=sums, where=sa.and_(sa.true(), *within)
        )
        values = {
            "task": task,
            "month": month,
            "calls": amount.calls,
            "tokens": amount.tokens,
            "cost": amount.cost,
        }
        with self._database.write() as connection:
            added = connection.execute(statement.returning(spending.task), {**values, "upstream": _ALL})
            if added.first() is None:
                return False
            both = insert.on_conflict_do_update(index_elements=["task", "month", "upstream"], set_=sums)
            connection.execute(both, {**values, "upstream": upstream})
        return True

    def settle(self, task: str, reserved: Spent, spent: Spent, *, upstream: str, month: str) -> None:
        """Puts what a call cost in place of what was reserved for it."""
        spending = tables.spending.c
        statement = (
            sa.update(tables.spending)
            .where(spending.task == task, spending.month == month, spending.upstream.in_([_ALL, upstream]))
            .values(
                calls=spending.calls + (spent.calls - reserved.calls),
                tokens=spending.tokens + (spent.tokens - reserved.tokens),
                cost=spending.cost + (spent.cost - reserved.cost),
            )
        )
        with self._database.write() as connection:
            connection.execute(statement)

    def read(self, task: str, *, month: str) -> dict[str, Spent]:
        """Returns upstream to what was spent on it in a month; all of it under the empty name."""
        spending = tables.spending.c
        query = sa.select(tables.spending).where(spending.task == task, spending.month == month)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(spending.upstream)).all()
        return {row.upstream: Spent(row.calls, row.tokens, row.cost) for row in rows}


def _fits(amount: Spent, budget: Budget) -> bool:
    """Returns whether an amount fits a budget of which nothing is spent: a new row has no condition."""
    return (budget.tokens is None or amount.tokens <= budget.tokens) and (
        budget.cost is None or amount.cost <= budget.cost
    )
