"""Parquet in and out for whole columns, batch by batch. The only module here that imports pyarrow.

Owns how texts come out of a column, how a result becomes a file that is either whole or not there, and what is
said where a file is not what was expected. Knows nothing of duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.data.scale.leftovers import replacing
from freehold.data.scale.words import PAD, Packed
from freehold.errors import DataError, StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Ranks = NDArray[np.float64]
    Positions = NDArray[np.int64]

__all__ = ["Source", "Texts", "pack", "read_ranks", "read_texts", "write"]

ROWS = 4096
GROUP = 1 << 16
"""Rows of a row group that is written."""

_GROUP_BYTES = 1 << 26
_BUFFER = 1 << 20
_EXPANDED = 48
"""Bytes in memory for each byte of text while it is signed."""


class Texts(NamedTuple):
    """Texts of a column; those that are null are empty, and not `present`."""

    packed: Packed
    present: Mask


class Source(NamedTuple):
    """Parquet files with the same columns, in order.

    Attributes:
        rows: Of all files.
        schema: A pyarrow schema.
        each: Bytes of a row on average, unpacked.
    """

    paths: tuple[Path, ...]
    rows: int
    schema: Any
    each: int

    @classmethod
    def open(cls, source: Path) -> Source:
        """Looks at a Parquet file, or at a folder of them in the order of their names.

        Raises:
            DataError: There is none, one is damaged, or they have different columns.
        """
        paths = tuple(sorted(source.rglob("*.parquet"))) if source.is_dir() else (source,)
        if not paths or not paths[0].exists():
            raise DataError(f"`{source}` is neither a Parquet file nor a folder with one.")
        rows = size = 0
        schema = None
        for path in paths:
            with _open(path) as file:
                rows += file.metadata.num_rows
                size += sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
                if schema is not None and not file.schema_arrow.equals(schema):
                    raise DataError(f"`{path}` has other columns than `{paths[0]}`.")
                schema = file.schema_arrow
        return cls(paths, rows, schema, max(1, size // max(1, rows)))

    def groups(self) -> list[tuple[Path, int]]:
        """Returns the files' row groups in order: pieces that can be read apart from each other."""
        found = []
        for path in self.paths:
            with _open(path) as file:
                found += [(path, number) for number in range(file.num_row_groups)]
        return found

    def check(self, column: str) -> None:
        """Raises DataError where a column is not there, or holds no texts."""
        import pyarrow as pa

        if column not in self.schema.names:
            raise DataError(
                f"`{self.paths[0]}` has no column `{column}`.", hint=f"It has: {', '.join(self.schema.names)}."
            )
        kind = self.schema.field(column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
        if not any(fits(kind) for fits in texts):
            raise DataError(f"column `{column}` holds {kind}; texts are needed.")


def pack(texts: Sequence[str | None] | Any) -> Texts:
    """Returns texts in lower case in one array of bytes.

    Args:
        texts: Strings, or a column of pyarrow.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(texts, pa.Array):
        try:
            texts = pa.array(texts, pa.large_string())
        except UnicodeEncodeError:
            texts = pa.array(
                [text and text.encode("utf-8", "replace").decode() for text in texts], pa.large_string()
            )
    column = texts.cast(pa.large_string())
    present = np.asarray(column.is_valid())
    try:
        column = pc.utf8_lower(column.fill_null(""))
    except pa.ArrowInvalid:  # not UTF-8: some file was written carelessly
        column = pc.ascii_lower(column.fill_null(""))
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    raw = np.frombuffer(data, np.uint8)[starts[0] : starts[-1]] if data else np.empty(0, np.uint8)
    padded = np.concatenate([raw, np.full(PAD, 32, np.uint8)])
    return Texts(Packed(padded, starts - starts[0]), present)


def read_texts(source: Source, column: str, *, memory: int, group: int | None = None) -> Iterator[Any]:
    """Yields a column as arrays of pyarrow with so few rows that signing one fits into memory.

    Args:
        source: The files.
        column: Has the texts.
        memory: Bytes.
        group: The only row group of each file to read.

    Raises:
        DataError: A file is damaged.
    """
    most = max(1, memory // _EXPANDED)
    for batch in _batches(source, [column], memory=memory, group=group):
        texts = batch.column(0)
        parts = min(len(texts), -(-texts.nbytes // most)) or 1
        size = -(-len(texts) // parts) or 1
        yield from (texts.slice(start, size) for start in range(0, len(texts), size))


def read_ranks(source: Source, column: str, *, memory: int) -> Ranks:
    """Returns a column of numbers or times as numbers; where there is none, the lowest.

    Raises:
        DataError: The column is not there, or holds neither.
    """
    import numpy as np
    import pyarrow as pa

    if column not in source.schema.names:
        raise DataError(
            f"`{source.paths[0]}` has no column `{column}`.", hint=f"It has: {', '.join(source.schema.names)}."
        )
    found = [np.empty(0)]
    for batch in _batches(source, [column], memory=memory):
        values = batch.column(0)
        try:
            if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
                values = values.cast(pa.timestamp("us"))
            if pa.types.is_temporal(values.type):
                values = values.cast(pa.timestamp("us")).cast(pa.int64())
            ranks = values.cast(pa.float64(), safe=False).fill_null(-np.inf)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"column `{column}` holds {values.type}; numbers or times are needed to choose by."
            ) from error
        found.append(np.nan_to_num(np.asarray(ranks), nan=-np.inf, posinf=np.inf, neginf=-np.inf))
    return np.concatenate(found)


def write(
    source: Source,
    target: Path,
    *,
    clusters: Positions,
    kept: Mask,
    memory: int,
    tell: Callable[[int], None] = lambda done: None,
) -> None:
    """Writes the rows that are kept, with the column `cluster`; the file is whole or not there.

    Raises:
        DataError: A file is damaged.
        StorageError: The target could not be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = source.schema.append(pa.field("cluster", pa.int64(), nullable=False))
    try:
        with replacing(target) as unfinished, ParquetWriter(unfinished, schema, compression="zstd") as writer:
            done, waiting = 0, _Waiting(writer, schema, most=min(_GROUP_BYTES, memory // 4))
            for batch in _batches(source, None, memory=memory):
                part = slice(done, done + len(batch))
                whole = pa.RecordBatch.from_arrays([*batch.columns, pa.array(clusters[part])], schema=schema)
                for rows in _filter(whole, kept[part]):
                    waiting.add(rows)
                done += len(batch)
                tell(done)
            waiting.flush()
    except OSError as error:
        raise StorageError(f"`{target}` could not be written: {error}.") from error


def _filter(batch: Any, kept: Mask) -> list[Any]:
    """Returns the rows that are kept; of types that pyarrow cannot filter, in runs."""
    import numpy as np
    import pyarrow as pa

    if kept.all():
        return [batch]
    try:
        return [batch.filter(pa.array(kept))]
    except pa.ArrowNotImplementedError:
        borders = np.flatnonzero(np.diff(kept, prepend=False, append=False)).reshape(-1, 2)
        return [batch.slice(start, end - start) for start, end in borders.tolist()]


class _Waiting:
    """Batches that become a row group together."""

    def __init__(self, writer: Any, schema: Any, *, most: int) -> None:
        self._writer, self._schema, self._most = writer, schema, most
        self._batches: list[Any] = []
        self._rows = self._bytes = 0

    def add(self, batch: Any) -> None:
        self._batches.append(batch)
        self._rows += len(batch)
        self._bytes += batch.nbytes
        if self._rows >= GROUP or self._bytes >= self._most:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_batches(self._batches, self._schema), row_group_size=GROUP * 2)
        self._batches, self._rows, self._bytes = [], 0, 0


def _batches(source: Source, columns: list[str] | None, *, memory: int, group: int | None = None) -> Iterator[Any]:
    """Yields record batches; damage in the middle of a file shows only here."""
    from pyarrow import ArrowException

    size = max(1, min(ROWS, memory // _EXPANDED // source.each))
    for path in source.paths:
        with _open(path) as file:
            groups = None if group is None else [group]
            batches = file.iter_batches(batch_size=size, row_groups=groups, columns=columns)
            while True:
                try:
                    batch = next(batches, None)
                except (OSError, ArrowException) as error:
                    raise _damaged(path, error) from error
                if batch is None:
                    break
                yield batch


def _open(path: Path) -> Any:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    except (OSError, ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return DataError(f"`{path}` cannot be read as Parquet: {reason}.")
