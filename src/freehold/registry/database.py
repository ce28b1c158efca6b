"""One database, SQLite or PostgreSQL, behind two doors: `read` and `write`.

Owns connections, transactions and the JSON in columns. Knows nothing of what the tables mean.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from freehold.errors import IntegrityError, MissingExtraError
from freehold.registry import address, faults
from freehold.registry.appends import AtOnce, Statement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["Database", "now", "pack", "pack_finite", "unpack"]

_BUSY_SECONDS = 30


class Database:
    """Connections to the memory. Threads may share it; a process that forks opens its own.

    Args:
        url: Where it is.
        folder: The state folder, for messages about a full disk.

    Raises:
        MissingExtraError: The URL needs a driver that is not installed.
    """

    def __init__(self, url: sa.URL, *, folder: Path) -> None:
        self.name = address.shown(url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._folder = folder
        self._secrets = address.secrets(url)
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._statements: dict[str, Statement] = {}
        plain = self.is_sqlite and url.database not in (None, "", ":memory:") and not url.query
        self._at_once = AtOnce(Path(str(url.database)).absolute()) if plain else None

    def close(self) -> None:
        """Closes every connection."""
        if self._at_once is not None:
            self._at_once.close()
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database.

        Raises:
            StorageError: The database is out of reach, busy or on a full disk.
            IntegrityError: The database's file is damaged.
        """
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Like `read`, for many queries that must agree with each other while others write."""
        with self.read() as connection:
            if not self.is_sqlite:  # SQLite's transactions are snapshots by themselves
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that is committed as a whole, or not at all. Raises like `read`."""
        with self._explained(), self._engine.connect() as connection:
            # A transaction that may write asks at once: one that turned into a writer later could be refused
            # by SQLite without waiting.
            connection = connection.execution_options(freehold_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def append(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows in one transaction; those whose key is known are left as they are. Raises like `read`."""
        statement = self._statement(table)
        given = [statement.values(row) for row in rows]
        with self._past_sqlalchemy(), closing(self._engine.raw_connection()) as connection:
            due = self._at_once if self._at_once is not None and self._at_once.is_due else None
            if due is not None:
                with suppress(sqlite3.Error):  # the log is longer, then; whether rows can be added is seen below
                    due.move()
            cursor = connection.cursor()
            if self.is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany(statement.sql, given)
            connection.commit()
            if due is not None:  # not where it became due meanwhile: nothing was moved then
                due.is_due = False

    def append_at_once(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Like `append`, by somebody who must not wait: returns False, and adds nothing, where that is needed.

        It is where another connection writes, and now and then for what `append` does besides. What is added
        survives the end of the process; a power cut it survives once `settle` was called, or something else
        was written after it. Only where `appends_at_once`.
        """
        assert self._at_once is not None
        statement = self._statement(table)
        with self._past_sqlalchemy():
            return self._at_once.append(statement.sql, [statement.values(row) for row in rows])

    @property
    def appends_at_once(self) -> bool:
        """Whether there is somebody who need not wait: never where the database lies behind a network."""
        return self._at_once is not None

    def settle(self) -> None:
        """Puts what was added at once on the disk. Raises like `read`."""
        if self._at_once is not None:
            with self._past_sqlalchemy():
                self._at_once.move()

    def _statement(self, table: sa.Table) -> Statement:
        if table.name not in self._statements:
            self._statements[table.name] = Statement.of(self.insert(table), table, self._engine.dialect)
        return self._statements[table.name]

    @contextmanager
    def _past_sqlalchemy(self) -> Iterator[None]:
        with self._explained():
            try:
                yield
            except self._engine.dialect.loaded_dbapi.Error as error:
                raise _as_sqlalchemy(error, self._engine) from None

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Returns an INSERT that knows `ON CONFLICT`."""
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def use_wal(self) -> None:
        """Lets readers and one writer work at the same time (SQLite; PostgreSQL always does)."""
        if self.is_sqlite:
            with self._explained(), self._engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA journal_mode = WAL")

    def revision(self) -> str:
        """Returns the migration that the database is at, empty for a new one, by one query."""
        query = sa.text("SELECT version_num FROM alembic_version")
        with self._explained():
            try:
                with self._engine.connect() as connection:
                    return str(connection.execute(query).scalar() or "")
            except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
                if "alembic_version" in str(error.orig):
                    return ""
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            meaning = faults.explain(error, name=self.name, folder=self._folder, secrets=self._secrets)
            if meaning is None:
                raise
            raise meaning from None  # the driver's own error may hold the address with its password


def _as_sqlalchemy(error: Exception, engine: sa.Engine) -> BaseException:
    """Returns a driver's error as SQLAlchemy would have raised it."""
    base = engine.dialect.loaded_dbapi.Error
    return sa.exc.DBAPIError.instance(None, None, error, base, hide_parameters=True, dialect=engine.dialect)


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, max_overflow=-1, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` says, not where the driver guesses
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # a record never outlives the files it speaks of

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("freehold_begin", "BEGIN"))

    return engine


def _postgresql_engine(url: sa.URL) -> sa.Engine:
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        return sa.create_engine(
            url, connect_args=patience, max_overflow=-1, pool_pre_ping=True, hide_parameters=True
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("psycopg", "postgres") from error


def pack(value: object) -> str:
    """Returns plain data as a column holds it: JSON in ASCII, keys sorted."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def pack_finite(value: object) -> str:
    """Returns what `unpack` reads, ten times as fast as `pack`, of data that is known to hold finite numbers."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # halves of surrogate pairs, numbers of more than 64 bits
        return pack(value)


def unpack(text: str, *, what: str) -> Any:
    """Returns what `pack` packed.

    Raises:
        IntegrityError: The column does not hold JSON; the message names `what`.
    """
    try:
        return json.loads(text)
    except ValueError:
        raise IntegrityError(
            f"The database's {what} is not what was recorded.", hint="List the damage with: freehold verify"
        ) from None


def now() -> str:
    """Returns the time as it is recorded: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
