"""The rows of each task that wait for a person.

Knows nothing of how they were chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.assignments import in_parts
from freehold.registry.database import Database, pack, unpack
from freehold.task import Json, example_id, normalise

__all__ = ["Review", "Reviews", "row_name"]


@dataclass(frozen=True, slots=True)
class Review:
    """One field of one example that a person should label.

    Attributes:
        example: The example's id.
        suggestion: What a teacher thinks the value is.
        confidence: How sure it is, 0 to 1.
        origin: `line`: a row of the data; `request`: one that nobody was sure enough of.
        given: The label that the row has; None where it has none.
        reason: Why somebody should look, as a sentence; empty where that is because it has no label.
        worth: How much an answer is expected to be worth: those worth more are read first.
    """

    example: str
    task: str
    field: str
    inputs: Mapping[str, str]
    suggestion: Json
    confidence: float
    origin: Literal["line", "request"] = "line"
    given: Json = None
    reason: str = ""
    worth: float = 0.0


class Reviews:
    """The review queues."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, task: str, rows: Sequence[Review]) -> None:
        """Replaces what the line put into a task's queue, in one transaction.

        What requests put there stays, and so does what an expert is at work on or waits for another's look.
        """
        reviews, held = tables.reviews.c, tables.assignments
        begun = sa.exists().where(_same_place(held), held.c.state.in_(["open", "answered"]))
        with self._database.write() as connection:
            mine = (reviews.task == task, reviews.origin == "line", ~begun)
            connection.execute(sa.delete(tables.reviews).where(*mine))
            self._insert(connection, task, rows)

    def add(self, task: str, rows: Sequence[Review]) -> None:
        """Adds rows that are not in the queue."""
        if rows:
            with self._database.write() as connection:
                self._insert(connection, task, rows)

    def _insert(self, connection: sa.Connection, task: str, rows: Sequence[Review]) -> None:
        """Inserts rows; of two for one field the last counts, one that is there or settled already stays so."""
        values = {(row.example, row.field): _values(task, row) for row in rows}
        if not values:
            return
        connection.execute(self._database.insert(tables.reviews).on_conflict_do_nothing(), list(values.values()))
        reviews, settlements = tables.reviews.c, tables.settlements
        settled = sa.exists().where(_same_place(settlements), settlements.c.state == "settled")
        for part in in_parts(example for example, _ in values):
            again = (reviews.task == task, reviews.example.in_(part), settled)
            connection.execute(sa.delete(tables.reviews).where(*again))

    def remove(self, task: str, answered: Iterable[tuple[str, str]]) -> None:
        """Takes what a person has answered, by example and field, out of a task's queue, in one transaction."""
        reviews = tables.reviews.c
        wanted = set(answered)
        if not wanted:
            return
        with self._database.write() as connection:
            for example, field in sorted(wanted):
                where = (reviews.task == task, reviews.example == example, reviews.field == field)
                connection.execute(sa.delete(tables.reviews).where(*where))

    def read(self, task: str, *, limit: int) -> list[Review]:
        """Returns up to `limit` rows: those worth most, then those that the teacher is least sure of."""
        reviews = tables.reviews.c
        query = sa.select(tables.reviews).where(reviews.task == task)
        query = query.order_by(reviews.worth.desc(), reviews.confidence, reviews.example, reviews.field).limit(
            limit
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Review(
                example=row.example,
                task=row.task,
                field=row.field,
                inputs=unpack(row.inputs, what=f"review of {row.example!r}"),
                suggestion=unpack(row.suggestion, what=f"review of {row.example!r}"),
                confidence=row.confidence,
                origin=row.origin,
                given=unpack(row.given, what=f"review of {row.example!r}"),
                reason=row.reason,
                worth=row.worth,
            )
            for row in rows
        ]


def _same_place(table: sa.Table) -> sa.ColumnElement[bool]:
    reviews = tables.reviews.c
    return sa.and_(*(table.c[name] == reviews[name] for name in ("task", "example", "field")))


def _values(task: str, row: Review) -> dict[str, Any]:
    return {
        "task": task,
        "example": row.example,
        "field": row.field,
        "inputs": pack(dict(row.inputs)),
        "suggestion": pack(row.suggestion),
        "confidence": row.confidence,
        "origin": row.origin,
        "given": pack(row.given),
        "reason": row.reason,
        "worth": row.worth,
    }


def row_name(inputs: Mapping[str, str]) -> str:
    """Returns the name that the example with these inputs has, or would have."""
    whole = {name: text.encode("utf-8", "replace").decode() for name, text in inputs.items()}
    return example_id({name: normalise(text) for name, text in whole.items()})
