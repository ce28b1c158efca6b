"""The rows of each task that wait for a person.

Knows nothing of how they were chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database, pack, unpack
from freehold.task import Json

__all__ = ["Review", "Reviews"]


@dataclass(frozen=True, slots=True)
class Review:
    """One field of one example that a person should label.

    Attributes:
        example: The example's id.
        suggestion: What a teacher thinks the value is.
        confidence: How sure it is, 0 to 1.
    """

    example: str
    task: str
    field: str
    inputs: Mapping[str, str]
    suggestion: Json
    confidence: float


class Reviews:
    """The review queues."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, task: str, rows: Sequence[Review]) -> None:
        """Replaces a task's queue, in one transaction. Of two rows for one field the last counts."""
        values = {
            (row.example, row.field): {
                "task": task,
                "example": row.example,
                "field": row.field,
                "inputs": pack(dict(row.inputs)),
                "suggestion": pack(row.suggestion),
                "confidence": row.confidence,
            }
            for row in rows
        }
        with self._database.write() as connection:
            connection.execute(sa.delete(tables.reviews).where(tables.reviews.c.task == task))
            if values:
                connection.execute(
                    self._database.insert(tables.reviews).on_conflict_do_nothing(), list(values.values())
                )

    def read(self, task: str, *, limit: int) -> list[Review]:
        """Returns up to `limit` rows, those that the teacher is least sure of first."""
        reviews = tables.reviews.c
        query = sa.select(tables.reviews).where(reviews.task == task)
        query = query.order_by(reviews.confidence, reviews.example, reviews.field).limit(limit)
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
            )
            for row in rows
        ]
