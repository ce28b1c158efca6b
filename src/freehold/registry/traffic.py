"""What comes in from outside: requests with their answers, and feedback on them.

Knows nothing of HTTP, nor of what feedback is used for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database, pack, pack_finite, unpack
from freehold.task import Json

__all__ = ["Feedback", "FeedbackLog", "RecordedRequest", "Requests", "feedback_values"]

_MOST_VARIABLES = 500  # databases bound how many values one statement may name


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request that was answered.

    Attributes:
        model: `task@version`.
        answers: Field to answer, in the shape of the contract.
        created: ISO 8601, UTC.
        milliseconds: How long the answer took.
    """

    id: str
    task: str
    model: str
    inputs: Mapping[str, str]
    answers: Mapping[str, Json]
    created: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said about an answer, or about inputs in general.

    Attributes:
        request: The request it is about; empty where it is about none.
        value: A correction's right outputs (field to value), a rating, or an outcome.
        maker: Who said it: `person:NAME`, `system:NAME`; of several who agree `person:NAME, NAME`.
        created: ISO 8601, UTC.
        withdrawn: It no longer counts.
        batch: Name of the bulk it came in; empty for a single one.
    """

    id: str
    task: str
    request: str
    inputs: Mapping[str, str]
    kind: Literal["correction", "rating", "outcome"]
    value: Mapping[str, Json]
    maker: str
    created: str
    withdrawn: bool = False
    batch: str = ""


class Requests:
    """The log of requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Sequence[RecordedRequest]) -> None:
        """Records requests in one transaction; an id that is known already is left as it is."""
        if rows:
            self._database.append(tables.requests, _values(rows))

    def add_at_once(self, rows: Sequence[RecordedRequest]) -> bool:
        """Like `add`, without waiting; see `Database.append_at_once`."""
        return self._database.appends_at_once and self._database.append_at_once(tables.requests, _values(rows))

    def find(self, id: str) -> RecordedRequest | None:
        """Returns one request, or None."""
        query = sa.select(tables.requests).where(tables.requests.c.id == id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return _request(row) if row else None

    def latest(self, task: str, *, limit: int) -> list[RecordedRequest]:
        """Returns up to `limit` requests, the newest first."""
        requests = tables.requests.c
        query = sa.select(tables.requests).where(requests.task == task)
        query = query.order_by(requests.created.desc(), requests.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_request(row) for row in connection.execute(query)]


def _values(rows: Sequence[RecordedRequest]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "task": row.task,
            "model": row.model,
            "inputs": pack_finite(dict(row.inputs)),
            "answers": pack_finite(dict(row.answers)),
            "created": row.created,
            "milliseconds": row.milliseconds,
        }
        for row in rows
    ]


class FeedbackLog:
    """Everything that was said, withdrawn or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Sequence[Feedback]) -> None:
        """Records feedback in one transaction; an id that is known already is left as it is."""
        if not rows:
            return
        values = [feedback_values(row) for row in rows]
        with self._database.write() as connection:
            connection.execute(self._database.insert(tables.feedback).on_conflict_do_nothing(), values)

    def read(self, task: str, *, kind: str, withdrawn: bool) -> list[Feedback]:
        """Returns feedback in order of creation, with the withdrawn where asked for."""
        feedback = tables.feedback.c
        query = sa.select(tables.feedback).where(feedback.task == task)
        if kind:
            query = query.where(feedback.kind == kind)
        if not withdrawn:
            query = query.where(feedback.withdrawn.is_(False))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(feedback.created, feedback.id)).all()
        return [_feedback(row) for row in rows]

    def withdraw(self, task: str, *, ids: Sequence[str]) -> int:
        """Withdraws by ids of feedback or of batches, in one transaction; returns how many changed."""
        feedback = tables.feedback.c
        wanted = sorted(set(ids) - {""})
        changed = 0
        with self._database.write() as connection:
            for start in range(0, len(wanted), _MOST_VARIABLES):
                some = wanted[start : start + _MOST_VARIABLES]
                statement = (
                    sa.update(tables.feedback)
                    .values(withdrawn=True)
                    .where(
                        feedback.task == task,
                        feedback.withdrawn.is_(False),
                        feedback.id.in_(some) | feedback.batch.in_(some),
                    )
                )
                changed += connection.execute(statement).rowcount
                _unsettle(connection, task, some)
        return changed


def feedback_values(row: Feedback) -> dict[str, Any]:
    """Returns a piece of feedback as its columns hold it."""
    return {
        "id": row.id,
        "task": row.task,
        "request": row.request,
        "inputs": pack(dict(row.inputs)),
        "kind": row.kind,
        "value": pack(dict(row.value)),
        "maker": row.maker,
        "created": row.created,
        "withdrawn": row.withdrawn,
        "batch": row.batch,
    }


def _unsettle(connection: sa.Connection, task: str, ids: Sequence[str]) -> None:
    """Forgets what experts had agreed on where that was withdrawn: if it waits again, it is asked anew."""
    settlements, rows = tables.settlements.c, tables.assignments.c
    gone = (settlements.task == task) & settlements.feedback.in_(ids)
    for row in connection.execute(sa.select(settlements.example, settlements.field).where(gone)).all():
        where = (rows.task == task, rows.example == row.example, rows.field == row.field, rows.kind != "gold")
        over = sa.update(tables.assignments).where(*where, rows.state.in_(["settled", "answered", "skipped"]))
        connection.execute(over.values(state="over"))
    connection.execute(sa.delete(tables.settlements).where(gone))


def _request(row: sa.Row[Any]) -> RecordedRequest:
    what = f"request {row.id!r}"
    return RecordedRequest(
        id=row.id,
        task=row.task,
        model=row.model,
        inputs=unpack(row.inputs, what=what),
        answers=unpack(row.answers, what=what),
        created=row.created,
        milliseconds=row.milliseconds,
    )


def _feedback(row: sa.Row[Any]) -> Feedback:
    what = f"feedback {row.id!r}"
    return Feedback(
        id=row.id,
        task=row.task,
        request=row.request,
        inputs=unpack(row.inputs, what=what),
        kind=row.kind,
        value=unpack(row.value, what=what),
        maker=row.maker,
        created=row.created,
        withdrawn=row.withdrawn,
        batch=row.batch,
    )
