"""The URLs that a crawl knows: those that wait, breadth first by host, and what came of the others.

Owns the table and its order. What came of a URL and what was found on it are written in one transaction, so that a
crawl that is killed neither loses a page nor forgets one. Knows nothing of HTTP and of what may be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database

__all__ = ["Found", "Frontier", "FrontierCounts", "FrontierState", "Outcome", "Waiting"]

FrontierState: TypeAlias = Literal["waiting", "done", "moved", "refused", "failed"]

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A URL that somebody found.

    Attributes:
        url: In its one form.
        host: Without a port: what is asked one thing at a time.
        kind: `page`, `sitemap`, `robots` or `tdm`.
        depth: Links from a start.
        hops: Redirects from the URL that was found.
        via: The URL that was asked first, where redirects led here.
        changed: When it was changed last, as a sitemap says.
    """

    url: str
    host: str
    kind: str = "page"
    depth: int = 0
    hops: int = 0
    via: str = ""
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A URL that is to be asked for.

    Attributes:
        tries: How often it was asked for in vain.
        etag: What its last reply said, and so on; empty where there was none.
        place: Where the archive has that.
    """

    found: Found
    tries: int
    etag: str
    modified: str
    sha256: str
    place: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a URL.

    Attributes:
        status: Of HTTP; 0 where there was no reply.
        reason: Why, where it was not simply fetched.
        size: Bytes that were sent.
        place: Where the archive has it, in an order that only grows; empty where it has not.
        noted: When: ISO 8601, UTC.
    """

    state: FrontierState
    status: int = 0
    reason: str = ""
    size: int = 0
    place: str = ""
    etag: str = ""
    modified: str = ""
    sha256: str = ""
    noted: str = ""


class FrontierCounts(NamedTuple):
    """How many pages are in which state, and how many bytes were sent for all that was fetched."""

    waiting: int = 0
    done: int = 0
    moved: int = 0
    refused: int = 0
    failed: int = 0
    size: int = 0


class Frontier:
    """The URLs of one crawl. One process at a time may use it.

    Example:
        >>> import tempfile; from pathlib import Path; from freehold.registry import Registry
        >>> with Registry.open(Path(tempfile.mkdtemp())) as shelf:
        ...     frontier = shelf.frontier("manual")
        ...     frontier.add([Found("https://example.org/", host="example.org")])
        ...     frontier.next("example.org", now=0.0).found.url
        'https://example.org/'
    """

    def __init__(self, database: Database, crawl: str) -> None:
        self._database = database
        self._crawl = crawl
        self._mine = tables.frontier.c.crawl == crawl
        self._number = -1

    def add(self, found: Sequence[Found]) -> None:
        """Adds URLs that wait; those that are known are left as they are."""
        if found:
            with self._database.write() as connection:
                self._add(connection, found)

    def next(self, host: str, *, now: float) -> Waiting | None:
        """Returns the URL of a host that is to be asked for next: the least depth first, then as they were found.

        Args:
            host: Whom to ask.
            now: Seconds since 1970; what is due later is left out.
        """
        row = tables.frontier.c
        query = sa.select(tables.frontier).where(self._waiting(host), row.due <= now)
        with self._database.read() as connection:
            first = connection.execute(query.order_by(row.depth, row.number).limit(1)).first()
        if first is None:
            return None
        return Waiting(_found(first), first.tries, first.etag, first.modified, first.sha256, first.place)

    def soonest(self, host: str) -> float | None:
        """Returns when the next URL of a host is due; None where none waits."""
        query = sa.select(sa.func.min(tables.frontier.c.due)).where(self._waiting(host))
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else float(found)

    def hosts(self) -> list[str]:
        """Returns the hosts of which something waits."""
        row = tables.frontier.c
        query = sa.select(row.host).where(self._mine, row.state == "waiting").distinct()
        with self._database.read() as connection:
            return sorted(connection.execute(query).scalars())

    def settle(self, url: Found, outcome: Outcome, *, found: Sequence[Found] = ()) -> None:
        """Notes what came of a URL and adds what was found there, in one transaction."""
        row = self._row(url, outcome)
        kept = {name: value for name, value in row.items() if name not in ("crawl", "url", "number")}
        statement = self._database.insert(tables.frontier).on_conflict_do_update(
            index_elements=["crawl", "url"], set_=kept
        )
        with self._database.write() as connection:
            connection.execute(statement, {**row, "number": self._take_number(connection)})
            self._add(connection, found)

    def postpone(self, url: str, *, tries: int, due: float, reason: str) -> None:
        """Lets a URL wait until a time, in seconds since 1970."""
        row = tables.frontier.c
        statement = sa.update(tables.frontier).where(self._mine, row.url == url)
        with self._database.write() as connection:
            connection.execute(statement.values(tries=tries, due=due, reason=reason, state="waiting"))

    def hold(self, host: str, *, due: float) -> None:
        """Lets everything of a host that waits now wait until a time at least, in seconds since 1970."""
        due_now = tables.frontier.c.due
        statement = sa.update(tables.frontier).where(self._waiting(host), due_now < due).values(due=due)
        with self._database.write() as connection:
            connection.execute(statement)

    def reopen(self) -> int:
        """Lets every page and sitemap wait anew, to be asked whether it changed; returns how many."""
        row = tables.frontier.c
        old = sa.and_(self._mine, row.kind.in_(["page", "sitemap"]), row.state != "waiting")
        with self._database.write() as connection:
            count = connection.execute(sa.select(sa.func.count()).where(old)).scalar()
            connection.execute(sa.update(tables.frontier).where(old).values(state="waiting", tries=0, due=0.0))
        return int(count or 0)

    def find(self, url: str) -> Outcome | None:
        """Returns what came of a URL; None where it is not known or waits."""
        row = tables.frontier.c
        query = sa.select(tables.frontier).where(self._mine, row.url == url, row.state != "waiting")
        with self._database.read() as connection:
            found = connection.execute(query).first()
        if found is None:
            return None
        names = ("state", "status", "reason", "size", "place", "etag", "modified", "sha256", "noted")
        return Outcome(**{name: getattr(found, name) for name in names})

    def last_place(self) -> str:
        """Returns the greatest place in the archive that is known; empty where none is."""
        query = sa.select(sa.func.max(tables.frontier.c.place)).where(self._mine)
        with self._database.read() as connection:
            return str(connection.execute(query).scalar() or "")

    def counts(self) -> FrontierCounts:
        """Returns how many pages are in which state."""
        row = tables.frontier.c
        query = sa.select(row.state, row.kind, sa.func.count().label("n"), sa.func.sum(row.size).label("size"))
        with self._database.read() as connection:
            rows = connection.execute(query.where(self._mine).group_by(row.state, row.kind)).all()
        pages = {each.state: int(each.n) for each in rows if each.kind == "page"}
        return FrontierCounts(**pages, size=sum(int(each.size) for each in rows if each.state != "waiting"))

    def urls(self) -> Iterator[str]:
        """Yields every URL that is known."""
        query = sa.select(tables.frontier.c.url).where(self._mine)
        with self._database.read() as connection:
            for (url,) in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
                yield url

    def failures(self, *, limit: int = 100) -> list[tuple[Found, Outcome]]:
        """Returns pages that failed or were refused, in the order in which they were found."""
        row = tables.frontier.c
        query = sa.select(tables.frontier).where(
            self._mine, row.state.in_(["failed", "refused"]), row.kind == "page"
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(row.depth, row.number).limit(limit)).all()
        return [(_found(each), Outcome(each.state, each.status, each.reason, noted=each.noted)) for each in rows]

    def _waiting(self, host: str) -> sa.ColumnElement[bool]:
        row = tables.frontier.c
        return sa.and_(self._mine, row.state == "waiting", row.host == host)

    def _add(self, connection: sa.Connection, found: Sequence[Found]) -> None:
        if not found:
            return
        rows = [{**self._row(each, Outcome("waiting")), "number": self._take_number(connection)} for each in found]
        connection.execute(self._database.insert(tables.frontier).on_conflict_do_nothing(), rows)

    def _take_number(self, connection: sa.Connection) -> int:
        if self._number < 0:
            query = sa.select(sa.func.max(tables.frontier.c.number)).where(self._mine)
            found = connection.execute(query).scalar()
            self._number = 0 if found is None else int(found) + 1
        self._number += 1
        return self._number - 1

    def _row(self, url: Found, outcome: Outcome) -> dict[str, Any]:
        return {
            "crawl": self._crawl,
            "url": url.url,
            "kind": url.kind,
            "host": url.host,
            "depth": url.depth,
            "hops": url.hops,
            "via": url.via,
            "changed": url.changed,
            "state": outcome.state,
            "tries": 0,
            "due": 0.0,
            "status": outcome.status,
            "reason": outcome.reason,
            "size": outcome.size,
            "place": outcome.place,
            "etag": outcome.etag,
            "modified": outcome.modified,
            "sha256": outcome.sha256,
            "noted": outcome.noted,
        }


def _found(row: sa.Row[Any]) -> Found:
    return Found(row.url, row.host, row.kind, row.depth, row.hops, row.via, row.changed)
