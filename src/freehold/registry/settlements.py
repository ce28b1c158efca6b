"""What the answers of experts come to: a correction, a dispute, or nothing yet.

Owns the rule (`decide`) and the step that makes the database say what the rule says (`reconcile`), which may be
repeated at will. Works within a transaction of its caller.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database, pack, unpack
from freehold.registry.traffic import Feedback, feedback_values
from freehold.task import Json

__all__ = ["Decision", "Look", "decide", "reconcile"]

Standing: TypeAlias = Literal["waiting", "disputed", "settled"]
_Place: TypeAlias = tuple[str, str, str]
_PLACE = ("task", "example", "field")


class Look(NamedTuple):
    """What one expert says of one field."""

    expert: str
    value: Json


class Decision(NamedTuple):
    """What looks come to.

    Attributes:
        makers: Who said so: all who agreed, or who adjudicated.
    """

    state: Standing
    value: Json = None
    makers: tuple[str, ...] = ()


def decide(looks: Sequence[Look], adjudicated: Look | None, *, overlap: int) -> Decision:
    """Returns what the blind looks at one field of one item come to.

    An adjudication decides. Without one, a field is settled when `overlap` experts have looked and all agree.

    Args:
        looks: In any order; values in the one form that equal ones have.

    Example:
        >>> decide([Look("ann", "spam"), Look("bob", "spam")], None, overlap=2)
        Decision(state='settled', value='spam', makers=('ann', 'bob'))
    """
    if adjudicated is not None:
        return Decision("settled", adjudicated.value, (adjudicated.expert,))
    if len(looks) < overlap:
        return Decision("waiting")
    if len({pack(look.value) for look in looks}) > 1:
        return Decision("disputed")
    return Decision("settled", looks[0].value, tuple(sorted(look.expert for look in looks)))


def reconcile(
    database: Database, connection: sa.Connection, *, task: str, example: str, fields: Iterable[str], overlap: int
) -> dict[str, Standing]:
    """Makes corrections, disputes and the queue what the answers to some fields of an item come to.

    What is settled stays so while all whom it rests on stand by it.

    Returns:
        Field to what it came to.
    """
    found: dict[str, Standing] = {}
    rows = _rows(connection, task, example)
    for field in sorted(set(fields)):
        mine = [row for row in rows if row.field == field]
        place = (task, example, field)
        before = connection.execute(sa.select(tables.settlements).where(_at(tables.settlements, place))).first()
        looks, adjudicated = _looks(mine)
        decision = decide(looks, adjudicated, overlap=overlap)
        if before is not None and _stands(before, [*looks, *([adjudicated] if adjudicated else [])]):
            decision = Decision(
                "settled", unpack(before.value, what="settlement"), tuple(unpack(before.makers, what="settlement"))
            )
        _enter(database, connection, decision, mine, place=place, before=before)
        found[field] = decision.state
    return found


def _rows(connection: sa.Connection, task: str, example: str) -> Sequence[sa.Row[Any]]:
    """Returns every row of an item that could say something of it, or restore its place in the queue."""
    rows = tables.assignments.c
    query = sa.select(tables.assignments).where(
        rows.task == task, rows.example == example, rows.kind != "gold", rows.state != "over"
    )
    return connection.execute(query.order_by(rows.taken, rows.id)).all()


def _looks(rows: Sequence[sa.Row[Any]]) -> tuple[list[Look], Look | None]:
    """Returns the blind looks, and the latest adjudication if there is one."""
    said = [row for row in rows if row.state in ("answered", "settled")]
    looks = [Look(row.expert, unpack(row.value, what="answer")) for row in said if row.kind == "first"]
    judged = [Look(row.expert, unpack(row.value, what="answer")) for row in said if row.kind == "adjudication"]
    return looks, judged[-1] if judged else None


def _enter(
    database: Database,
    connection: sa.Connection,
    decision: Decision,
    rows: Sequence[sa.Row[Any]],
    *,
    place: _Place,
    before: sa.Row[Any] | None,
) -> None:
    """Enters a decision where it is not what is entered."""
    _mark(connection, place, settled=decision.state == "settled")
    if before is not None and _is_entered(before, decision):
        return
    if before is not None:
        connection.execute(sa.delete(tables.settlements).where(_at(tables.settlements, place)))
        feedback = tables.feedback.c.id == before.feedback
        connection.execute(sa.update(tables.feedback).where(feedback).values(withdrawn=True))
    entry = _correct(connection, decision, rows, place) if decision.state == "settled" else ""
    if decision.state != "waiting":
        said = {"state": decision.state, "value": pack(decision.value), "makers": pack(decision.makers)}
        row = {**dict(zip(_PLACE, place, strict=True)), **said, "feedback": entry}
        connection.execute(sa.insert(tables.settlements), row)
    if decision.state == "settled":
        connection.execute(sa.delete(tables.reviews).where(_at(tables.reviews, place)))
    elif before is not None and before.state == "settled":
        _queue_again(database, connection, rows[-1])


def _is_entered(row: sa.Row[Any], decision: Decision) -> bool:
    entered = (row.state, row.value, row.makers)
    return entered == (decision.state, pack(decision.value), pack(decision.makers))


def _stands(row: sa.Row[Any], looks: Sequence[Look]) -> bool:
    """Returns whether all whom a settlement rests on still say what it says."""
    said = {(look.expert, pack(look.value)) for look in looks}
    makers: list[str] = unpack(row.makers, what="settlement")
    return bool(row.state == "settled") and all((maker, row.value) in said for maker in makers)


def _at(table: sa.Table, place: _Place) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == value for name, value in zip(_PLACE, place, strict=True)))


def _mark(connection: sa.Connection, place: _Place, *, settled: bool) -> None:
    """Says of the looks at a field whether they are done with."""
    rows = tables.assignments.c
    old, new = ("answered", "settled") if settled else ("settled", "answered")
    where = (_at(tables.assignments, place), rows.state == old, rows.kind != "gold")
    connection.execute(sa.update(tables.assignments).where(*where).values(state=new))


def _correct(connection: sa.Connection, decision: Decision, rows: Sequence[sa.Row[Any]], place: _Place) -> str:
    """Records a correction and returns its id."""
    moment = time.time_ns()
    entry = Feedback(
        id=f"{moment:016x}00000{secrets.token_hex(4)}",
        task=place[0],
        request="",
        inputs=unpack(rows[-1].inputs, what=f"assignment {rows[-1].id!r}"),
        kind="correction",
        value={place[2]: decision.value},
        maker=f"person:{', '.join(decision.makers)}",
        created=datetime.fromtimestamp(moment / 1e9, UTC).isoformat(timespec="microseconds"),
    )
    connection.execute(sa.insert(tables.feedback), feedback_values(entry))
    return entry.id


def _queue_again(database: Database, connection: sa.Connection, row: sa.Row[Any]) -> None:
    """Puts a field back into the queue as it stood there, unless it is there."""
    shown: Mapping[str, Any] = unpack(row.shown, what=f"assignment {row.id!r}")
    values = {
        "task": row.task,
        "example": row.example,
        "field": row.field,
        "inputs": row.inputs,
        "suggestion": pack(shown["suggestion"]),
        "given": pack(shown["given"]),
        **{name: shown[name] for name in ("confidence", "origin", "reason", "worth")},
    }
    connection.execute(database.insert(tables.reviews).on_conflict_do_nothing(), values)
