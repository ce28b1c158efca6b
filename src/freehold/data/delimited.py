"""Tables as text: comma- and tab-separated files, record by record.

Owns the grammar of a record (RFC 4180: a field may be quoted, a quoted field may hold delimiters, line ends
and doubled quotes) and what happens where a file does not keep to it: the line is refused and reading goes on
at the next one, so that one stray quote never swallows the rows behind it. Python's `csv` module cannot do
that: it reads on to the next quote, wherever that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from freehold.data.sources import ROW_LIMIT, BadRow, Place, Row, Table, raw_text
from freehold.data.streams import Line, Lines, has_ending, hash_file, open_lines
from freehold.errors import DataError

__all__ = ["Delimited"]

TOO_LONG = f"the row is longer than {ROW_LIMIT:,} bytes"
_QUOTE = b'"'
_ENDS = (b"", b"\n", b"\r\n", b"\r")


class _BadRecordError(ValueError):
    """A record that cannot be used; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Delimited:
    """Text files with one record a line, the columns named by the first.

    Args:
        ending: The file name's ending, such as `.csv`.
        delimiter: One byte.
        literal_quotes: A record whose quotes are not in order is split as if they were plain characters.
            Tab-separated files often mean them so.
    """

    ending: str
    delimiter: bytes
    literal_quotes: bool = False
    licence: str = ""

    @property
    def written(self) -> str:
        return f"FILE{self.ending}[.gz|.zst]"

    def claims(self, place: Place) -> bool:
        return has_ending(place, self.ending)

    def digest(self, place: Place) -> str:
        return hash_file(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        with open_lines(place) as lines:
            columns = self._header(lines, place)
            yield Table(columns, self._rows(lines, columns, place))

    def _header(self, lines: Lines, place: Place) -> tuple[str, ...]:
        first = _next_line(lines)
        if first is None:
            raise DataError(f"source `{place.uri}` is empty.")
        try:
            cells, _ = self._record(first, lines)
        except _BadRecordError as reason:
            raise DataError(f"{place.name}:{first.number}: the header cannot be read: {reason}.") from reason
        return tuple(cell.strip() for cell in cells)

    def _rows(self, lines: Lines, columns: tuple[str, ...], place: Place) -> Iterator[Row | BadRow]:
        name = place.name
        while (first := _next_line(lines)) is not None:
            text = raw_text(first.data)
            try:
                cells, more = self._record(first, lines)
                if len(cells) != len(columns):
                    lines.give_back(more)
                    raise _BadRecordError(_misfit(len(cells), len(columns)))
            except _BadRecordError as reason:
                yield BadRow(first.number, str(reason), text)
                continue
            row: dict[str, object] = dict(zip(columns, cells, strict=True))
            yield Row(first.number, f"{name}:{first.number}", row, text)

    def _record(self, first: Line, lines: Lines) -> tuple[list[str], list[Line]]:
        """Returns the cells of the record that begins with `first`, and the further lines it took."""
        if not first.whole:
            raise _BadRecordError(TOO_LONG)
        if _QUOTE not in first.data:
            return _decode(first.data.rstrip(b"\r\n").split(self.delimiter)), []
        more: list[Line] = []
        try:
            cells = self._split(first, lines, more)
        except _BadRecordError:
            lines.give_back(more)
            if not self.literal_quotes:
                raise
            return _decode(first.data.rstrip(b"\r\n").split(self.delimiter)), []
        return _decode(cells), more

    def _split(self, first: Line, lines: Lines, more: list[Line]) -> list[bytes]:
        """Returns the raw cells of a record with quotes; lines that a quoted cell runs on to go to `more`."""
        data, at, cells = first.data, 0, []
        while True:
            if data.startswith(_QUOTE, at):
                end = _closing(data, at + 1)
                if end < 0:
                    data, end = _run_on(data, lines, more)
                cells.append(data[at + 1 : end].replace(b'""', _QUOTE))
                at = end + 1
                if data[at:] in _ENDS:
                    return cells
                if not data.startswith(self.delimiter, at):
                    raise _BadRecordError("a closing quote is followed by more text")
            else:
                end = data.find(self.delimiter, at)
                cells.append(data[at:end] if end >= 0 else data[at:].rstrip(b"\r\n"))
                if end < 0:
                    return cells
                at = end
            at += 1


def _next_line(lines: Lines) -> Line | None:
    """Returns the next line that is not blank."""
    for line in lines:
        if line.data.strip(b"\r\n"):
            return line
    return None


def _closing(data: bytes, start: int) -> int:
    """Returns where the quoted cell ends whose content begins at `start`: its closing quote, or -1."""
    at = data.find(_QUOTE, start)
    while at >= 0 and data.startswith(_QUOTE, at + 1):
        at = data.find(_QUOTE, at + 2)
    return at


def _run_on(data: bytes, lines: Lines, more: list[Line]) -> tuple[bytes, int]:
    """Returns a record with the lines that its open quote runs on to, and where the quote closes."""
    size, parts = len(data), [data]
    while (line := lines.take()) is not None:
        more.append(line)
        end = _closing(line.data, 0)
        parts.append(line.data)
        if size + len(line.data) > ROW_LIMIT:
            raise _BadRecordError(f"a quote is not closed within {ROW_LIMIT:,} bytes")
        if end >= 0:
            return b"".join(parts), size + end
        size += len(line.data)
    raise _BadRecordError("a quote is not closed before the end of the file")


def _decode(cells: list[bytes]) -> list[str]:
    joined = b"\n".join(cells)
    if b"\0" in joined:
        raise _BadRecordError("the row has a NUL byte")
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise _BadRecordError(f"the row is not UTF-8: byte {byte:#04x} at {error.start} of a cell") from error


def _misfit(found: int, wanted: int) -> str:
    return f"too {'few' if found < wanted else 'many'} columns: {found} where the header has {wanted}"
