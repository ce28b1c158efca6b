"""Rows that are only ever added, past SQLAlchemy: its steps take thrice as long as SQLite does for a few rows.

Owns the statement as the driver takes it, and SQLite's connection of somebody who must not wait. Knows nothing of
what the rows mean.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["AtOnce", "Statement"]

_IN_A_ROW = 256
"""Transactions after which somebody has to write who may wait: what was logged is moved into the database then."""


class Statement(NamedTuple):
    """How rows of one table are added.

    Attributes:
        sql: The statement.
        makers: What makes of each value what the database takes, in the statement's order; None leaves it.
        named: The driver takes values by name, not by place.
    """

    sql: str
    makers: Mapping[str, Callable[[Any], Any] | None]
    named: bool

    @classmethod
    def of(cls, insert: sqlite.Insert | postgresql.Insert, table: sa.Table, dialect: sa.Dialect) -> Statement:
        """Returns the one that leaves rows whose key is known as they are."""
        compiled = insert.on_conflict_do_nothing().compile(dialect=dialect)
        names = compiled.positiontup or [column.name for column in table.columns]
        makers = {name: table.columns[name].type.bind_processor(dialect) for name in names}
        return cls(str(compiled), makers, named=compiled.positiontup is None)

    def values(self, row: Mapping[str, Any]) -> Any:
        """Returns a row as the driver takes it."""
        made = {name: make(row[name]) if make else row[name] for name, make in self.makers.items()}
        return made if self.named else tuple(made.values())


class AtOnce:
    """A connection to SQLite that does not wait for other writers, nor for the disk but where the log begins anew.

    Threads may share it. What it adds is the system's to write: it survives the end of the process, and a power
    cut once any other connection has written after it. The log is in order, so nothing that came later survives
    without it (`synchronous = NORMAL`, https://www.sqlite.org/pragma.html#pragma_synchronous). A database without
    a write-ahead log is not written to.

    Attributes:
        is_due: The log is long, and nothing is added: somebody who may wait is to call `move`, and to write next.
            If this went on meanwhile, the log would not begin anew.
    """

    is_due = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._has_log = True
        self._count = 0

    def append(self, sql: str, rows: Sequence[Any]) -> bool:
        """Adds rows in one transaction; returns False, and adds none, where somebody writes or now has to.

        Raises:
            sqlite3.Error: The database cannot be used.
        """
        with self._lock:
            self._count += 1
            if self._count % _IN_A_ROW == 0:
                self.is_due = True
            if self.is_due or not self._has_log:
                return False
            try:
                return self._append(sql, rows)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return False

    def _append(self, sql: str, rows: Sequence[Any]) -> bool:
        connection = self._connection = self._connection or self._open()
        if not self._has_log:
            return False
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(sql, rows)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return True

    def move(self) -> None:
        """Puts what was logged on the disk and into the database, so that the log begins anew.

        Whoever writes next waits for the disk once.

        Raises:
            sqlite3.Error: The database cannot be used.
        """
        with closing(self._open()) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Closes it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._has_log = connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "wal_autocheckpoint = 0"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection
