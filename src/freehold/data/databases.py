"""What a database answers to a query, as a source: `sqlite:///FILE`, `postgresql://HOST/NAME` with `query`
beside it.

`env:NAME` takes the whole address from an environment variable: an address with a password stands in no task file.

Owns how it is asked: in a transaction that can only read and is rolled back, row by row. A password never
stands in a locator or a message. The only module of this stage that imports SQLAlchemy.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from freehold.data.sources import BadRow, Place, Row, Table
from freehold.errors import DataError
from freehold.task import canonical

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Database", "database"]

_SCHEMES = (
    "sqlite:",
    "postgresql:",
    "postgresql+",
    "mysql:",
    "mysql+",
    "mariadb:",
    "mariadb+",
    "oracle:",
    "mssql",
)
_VARIABLE = "env:"
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Database:
    """A query. Its columns are those of the answer; rows come in the order that the query says."""

    written: str = "postgresql://HOST/NAME"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.uri.lower().startswith((*_SCHEMES, _VARIABLE))

    def digest(self, place: Place) -> str:
        """Returns a name for the answer, which asks the query."""
        running = hashlib.sha256()
        with _answer(place) as result:
            running.update(canonical(list(result.keys())))
            for row in result:
                running.update(canonical([_plain(value) for value in row]))
        return running.hexdigest()

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        with _answer(place) as result:
            columns = tuple(result.keys())
            yield Table(columns, _rows(result, place, columns=columns))


def _rows(result: sa.CursorResult[Any], place: Place, *, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    name = place.source.name if place.source else place.name
    for number, row in enumerate(result, start=1):
        cells = {column: _plain(value) for column, value in zip(columns, row, strict=True)}
        text = canonical({name: str(value)[:80] for name, value in cells.items()}).decode()[:200]
        yield Row(number, f"{name}:{number}", cells, text)


def _plain(value: object) -> Any:
    """Returns a value as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode(errors="replace")
    if isinstance(value, float) and value != value:
        return None
    return str(value) if isinstance(value, UUID) else value


@contextmanager
def _answer(place: Place) -> Iterator[sa.CursorResult[Any]]:
    """Asks the query of a place.

    Raises:
        DataError: There is no query, the database cannot be reached, or it says no.
    """
    import sqlalchemy as sa

    query = place.source.query if place.source else ""
    if not query:
        hint = 'Say what is asked: query = "SELECT text, label FROM tickets ORDER BY id"'
        raise DataError(f"source `{place.name}` is a database and has no `query`.", hint=hint)
    try:
        engine = _engine(place)
        with engine.connect().execution_options(stream_results=True, max_row_buffer=_AT_ONCE) as connection:
            if engine.dialect.name in ("postgresql", "mysql", "mariadb"):
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield _ask(connection, query, place=place)
            connection.rollback()
    except sa.exc.SQLAlchemyError as error:
        raise DataError(f"source `{place.name}` cannot be read: {_reason(error)}.") from error
    except ModuleNotFoundError as error:
        hint = f"Install the driver: pip install {error.name}"
        raise DataError(f"source `{place.name}` needs the Python package `{error.name}`.", hint=hint) from error
    engine.dispose()


def _ask(connection: sa.Connection, query: str, *, place: Place) -> sa.CursorResult[Any]:
    result = connection.exec_driver_sql(query)
    if not result.returns_rows:
        raise DataError(f"source `{place.name}`: its `query` gives no rows.", hint="It must be a SELECT.")
    return result


def _engine(place: Place) -> sa.Engine:
    """Returns a way to the database. A file of SQLite is opened for reading alone, and must be there."""
    import sqlalchemy as sa

    url = sa.make_url(_address(place))
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, poolclass=sa.NullPool)
    path = (place.folder / (url.database or "")).resolve()
    if not path.is_file():
        raise DataError(f"source `{place.name}` is not there.", hint=f"There is no file `{path}`.")
    return sa.create_engine(f"sqlite:///{path.as_uri()}?mode=ro&uri=true", poolclass=sa.NullPool)


def _address(place: Place) -> str:
    if not place.uri.startswith(_VARIABLE):
        return place.uri
    name = place.uri.removeprefix(_VARIABLE)
    if not os.environ.get(name):
        hint = f"Set it: export {name}=postgresql://USER:PASSWORD@HOST/NAME"
        raise DataError(f"source `{place.uri}`: the environment variable {name!r} is not set.", hint=hint)
    return os.environ[name]


def _reason(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (said[0] if said else type(error).__name__).rstrip(".")


database = Database()
