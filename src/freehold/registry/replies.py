"""What requests under an idempotency key were answered, so that the same is said again and nothing is done twice.

Owns whose turn it is: a key is claimed before the work begins and holds its reply afterwards. A claim lapses
where nobody renews it: its server was killed. Whoever claims it next goes on under the same stamp and request id,
so that records which are named after them are not made twice. Knows nothing of HTTP.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from freehold.errors import IntegrityError
from freehold.registry import tables
from freehold.registry.database import Database, pack, unpack

__all__ = ["Claim", "KeptReply", "Replies"]

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class KeptReply:
    """What a request was answered.

    Attributes:
        sha256: Of the request.
        request: Its id.
        status: The HTTP status.
    """

    sha256: str
    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Claim(NamedTuple):
    """What a key stands for.

    Attributes:
        reply: What was answered under it before; None where nothing yet.
        ours: It is free, and whoever asked may do the work now.
        stamp: 32 hexadecimal digits, in the order of time: what the work may name its records after.
        request: The id of the request that came first.
        again: The work was begun before, by a server that did not end it.
    """

    reply: KeptReply | None
    ours: bool
    stamp: str
    request: str
    again: bool = False


class Replies:
    """The replies of one database, each kept for a day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, caller: str, key: str, *, request: str, now: datetime) -> Claim:
        """Returns what a key of a caller stands for; where it stands for nothing it is claimed for `request`."""
        with self._database.write() as connection:
            connection.execute(
                sa.delete(tables.replies).where(
                    _named(caller, key),
                    tables.replies.c.created < _written(now - KEPT),
                    tables.replies.c.until < _written(now),
                )
            )
            stamp = f"{time.time_ns():016x}{secrets.token_hex(8)}"
            row = {"caller": caller, "key": key, "stamp": stamp, "request": request, "sha256": "", "status": 0}
            row |= {"headers": "{}", "body": b"", "created": _written(now), "until": _written(now + LEASE)}
            insert = self._database.insert(tables.replies).values(row).on_conflict_do_nothing()
            if connection.execute(insert.returning(tables.replies.c.key)).first():
                return Claim(None, True, stamp, request)
            found = connection.execute(sa.select(tables.replies).where(_named(caller, key))).first()
            if found is None:  # given up by its holder since
                return Claim(None, False, stamp, request)
            if found.status:
                return Claim(_reply(found), False, found.stamp, found.request)
            lapsed = (
                _named(caller, key) & (tables.replies.c.until < _written(now)) & (tables.replies.c.status == 0)
            )
            taken = connection.execute(sa.update(tables.replies).where(lapsed).values(until=row["until"]))
            return Claim(None, bool(taken.rowcount), found.stamp, found.request, again=True)

    def keep(self, caller: str, key: str, *, reply: KeptReply) -> None:
        """Keeps what a claimed key's request was answered."""
        values = {
            "sha256": reply.sha256,
            "request": reply.request,
            "status": reply.status,
            "headers": pack(dict(reply.headers)),
            "body": zlib.compress(reply.body, 1),
        }
        self._change(caller, key, lambda where: sa.update(tables.replies).where(where).values(values))

    def drop(self, caller: str, key: str) -> None:
        """Lets a claimed key go, as if it had never been used."""
        self._change(caller, key, lambda where: sa.delete(tables.replies).where(where))

    def renew(self, claims: Iterable[tuple[str, str]], *, now: datetime) -> None:
        """Holds claims on, given as caller and key, in one transaction."""
        with self._database.write() as connection:
            for caller, key in claims:
                where = _named(caller, key) & (tables.replies.c.status == 0)
                held = sa.update(tables.replies).where(where).values(until=_written(now + LEASE))
                connection.execute(held)

    def forget(self, *, now: datetime) -> int:
        """Deletes what is older than a day; returns how many."""
        replies = tables.replies.c
        old = (replies.created < _written(now - KEPT)) & (replies.until < _written(now))
        with self._database.read() as connection:  # most often there is none, and no writer is held up
            if connection.execute(sa.select(replies.key).where(old).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            return connection.execute(sa.delete(tables.replies).where(old)).rowcount

    def _change(self, caller: str, key: str, statement: Any) -> None:
        with self._database.write() as connection:
            connection.execute(statement(_named(caller, key) & (tables.replies.c.status == 0)))


def _named(caller: str, key: str) -> sa.ColumnElement[bool]:
    return (tables.replies.c.caller == caller) & (tables.replies.c.key == key)


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _reply(row: sa.Row[Any]) -> KeptReply:
    what = f"reply to {row.request!r}"
    headers = unpack(row.headers, what=what)
    try:
        return KeptReply(row.sha256, row.request, row.status, headers, zlib.decompress(row.body))
    except zlib.error:
        raise IntegrityError(f"The database's {what} is not what was recorded.") from None
