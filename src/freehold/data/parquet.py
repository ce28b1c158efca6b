"""Parquet and Arrow files, batch by batch. The only module that imports pyarrow, and only when a file is opened.

Knows nothing of what the values mean; they keep the type that the file gives them. Labels that a file of Hugging
Face's `datasets` keeps as numbers come by the names that its schema gives them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from freehold.data.sources import ROW_LIMIT, TEXT_LIMIT, BadRow, Place, Row, Table
from freehold.data.streams import find_file, hash_file, reading
from freehold.errors import DataError

__all__ = ["Arrow", "Parquet"]

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
        except (OSError, ArrowException, UnicodeDecodeError) as error:
            raise _damaged(place, error) from error
        with file:
            columns = _names(file, place)
            taken = [name for name in columns if name in wanted]
            batches = _whole(file.iter_batches(batch_size=_BATCH, columns=taken), place)
            yield Table(columns, _rows(batches, place, names=_label_names(file.schema_arrow)))


@dataclass(frozen=True, slots=True)
class Arrow:
    """Streams of Arrow record batches, as `save_to_disk` of Hugging Face's `datasets` writes them."""

    written: str = "FILE.arrow"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        path = place.path
        return path is not None and path.name.lower().endswith(".arrow") and not path.is_dir()

    def digest(self, place: Place) -> str:
        return hash_file(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        from pyarrow import ArrowException, ipc, memory_map

        path = find_file(place)
        with reading(place), memory_map(str(path)) as file:
            try:
                stream = ipc.open_stream(file)
            except (OSError, ArrowException, UnicodeDecodeError) as error:
                raise _damaged(place, error, form="an Arrow stream") from error
            columns = _names(stream, place)
            taken = [name for name in columns if name in wanted]
            batches = (batch.select(taken) for batch in _whole(iter(stream), place))
            yield Table(columns, _rows(batches, place, names=_label_names(stream.schema)))


def _damaged(place: Place, error: Exception, *, form: str = "Parquet") -> DataError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return DataError(f"source `{place.uri}` cannot be read as {form}: {reason}.")


def _names(opened: Any, place: Place) -> tuple[str, ...]:
    """Returns the names of the columns of a file or stream that is open."""
    from pyarrow import ArrowException

    try:
        return tuple((opened.schema_arrow if hasattr(opened, "schema_arrow") else opened.schema).names)
    except (UnicodeDecodeError, ArrowException) as error:
        raise _damaged(place, error) from error


def _label_names(schema: Any) -> Mapping[str, Sequence[str]]:
    """Returns column to the names of its labels, which `datasets` writes into a schema's metadata."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: each["names"] for name, each in features.items() if each.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _whole(batches: Iterator[Any], place: Place) -> Iterator[Any]:
    """Yields record batches; damage in the middle of the file shows only here."""
    from pyarrow import ArrowException

    while True:
        try:
            batch = next(batches, None)
            for column in batch.columns if batch is not None else ():
                _check(column)
        except (OSError, ArrowException, UnicodeDecodeError) as error:
            raise _damaged(place, error) from error
        if batch is None:
            return
        yield batch


def _check(column: Any) -> None:
    """Raises ArrowInvalid where a column's offsets lead out of its data: reading it would end the process.

    Text that is not UTF-8 is let through: it costs its row alone.
    """
    import pyarrow as pa

    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        bare = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}.get(column.type)
        if bare is None:  # text inside of lists: nothing that is not text itself is let through
            raise
        column.view(bare).validate(full=True)


def _rows(batches: Iterator[Any], place: Place, *, names: Mapping[str, Sequence[str]]) -> Iterator[Row | BadRow]:
    number, place_name = 0, place.name
    for batch in batches:
        columns = {
            name: [_label(value, names[name]) for value in _values(column)] if name in names else _values(column)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        for cells in zip(*columns.values(), strict=True):
            number += 1
            row = dict(zip(columns, cells, strict=True))
            text = str({column: _short(value) for column, value in row.items()})[:TEXT_LIMIT]
            if _size(row) > ROW_LIMIT:
                yield BadRow(number, f"the row is longer than {ROW_LIMIT:,} bytes", text)
            else:
                yield Row(number, f"{place_name}:{number}", row, text)


def _values(column: Any) -> list[object]:
    """Returns a column's values; text that is not UTF-8 comes as bytes, which no field takes."""
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_value(cell) for cell in column]
    return values


def _label(value: object, names: Sequence[str]) -> object:
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


def _value(cell: Any) -> object:
    try:
        return cell.as_py()
    except UnicodeDecodeError as error:
        return error.object


def _short(value: object) -> object:
    return value[:TEXT_LIMIT] if isinstance(value, str | bytes) else value


def _size(row: dict[str, object]) -> int:
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in row.values())
