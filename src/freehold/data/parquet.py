"""Parquet files, batch by batch. The only module that imports pyarrow, and only when a file is opened.

Knows nothing of what the values mean; they keep the type that the file gives them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from freehold.data.sources import ROW_LIMIT, TEXT_LIMIT, BadRow, Place, Row, Table
from freehold.data.streams import find_file, hash_file
from freehold.errors import DataError

__all__ = ["Parquet"]

_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Parquet:
    """Parquet files; the line of a row is its number in the file, from 1."""

    written: str = "FILE.parquet"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        path = place.path
        return path is not None and path.name.lower().endswith(".parquet") and not path.is_dir()

    def digest(self, place: Place) -> str:
        return hash_file(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        path = find_file(place)
        try:
            file = ParquetFile(path)
        except (OSError, ArrowException) as error:
            raise _damaged(place, error) from error
        with file:
            columns = tuple(file.schema_arrow.names)
            taken = [name for name in columns if name in wanted]
            yield Table(columns, _rows(_batches(file, taken, place), place))


def _damaged(place: Place, error: Exception) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return DataError(f"source `{place.uri}` cannot be read as Parquet: {reason}.")


def _batches(file: Any, columns: list[str], place: Place) -> Iterator[Any]:
    """Yields record batches; damage in the middle of the file shows only here."""
    from pyarrow import ArrowException

    batches = file.iter_batches(batch_size=_BATCH, columns=columns)
    while True:
        try:
            batch = next(batches, None)
        except (OSError, ArrowException) as error:
            raise _damaged(place, error) from error
        if batch is None:
            return
        yield batch


def _rows(batches: Iterator[Any], place: Place) -> Iterator[Row | BadRow]:
    number, name = 0, place.name
    for batch in batches:
        names = batch.schema.names
        columns = [_values(column) for column in batch.columns]
        for cells in zip(*columns, strict=True):
            number += 1
            row = dict(zip(names, cells, strict=True))
            text = str({column: _short(value) for column, value in row.items()})[:TEXT_LIMIT]
            if _size(row) > ROW_LIMIT:
                yield BadRow(number, f"the row is longer than {ROW_LIMIT:,} bytes", text)
            else:
                yield Row(number, f"{name}:{number}", row, text)


def _values(column: Any) -> list[object]:
    """Returns a column's values; text that is not UTF-8 comes as bytes, which no field takes."""
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_value(cell) for cell in column]
    return values


def _value(cell: Any) -> object:
    try:
        return cell.as_py()
    except UnicodeDecodeError as error:
        return error.object


def _short(value: object) -> object:
    return value[:TEXT_LIMIT] if isinstance(value, str | bytes) else value


def _size(row: dict[str, object]) -> int:
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in row.values())
