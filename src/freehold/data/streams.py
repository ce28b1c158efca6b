"""Files as lines of bytes, unpacked on the way, with a limit to how long a line may be.

Owns opening plain, `.gz` and `.zst` files, and turning whatever is wrong with one into a message. Knows
nothing of what the lines mean. Imports zstandard, as `web/encodings.py` does, which unpacks what was sent.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from freehold.data.sources import ROW_LIMIT, Place
from freehold.errors import DataError
from freehold.task import file_digest, nearest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Line", "Lines", "find_file", "has_ending", "hash_file", "open_lines", "reading"]

PACKED = ("", ".gz", ".zst")

_CHUNK = 1 << 16
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_FAULTS = (OSError, EOFError, zlib.error)


class Line(NamedTuple):
    """One physical line with its end; `whole` is False where it was longer than a row may be."""

    number: int
    data: bytes
    whole: bool = True


class Lines:
    """The lines of a stream, numbered from 1; lines that were taken can be given back."""

    def __init__(self, stream: BinaryIO, place: Place) -> None:
        self._stream = stream
        self._place = place
        self._number = 0
        self._returned: deque[Line] = deque()

    def take(self) -> Line | None:
        """Returns the next line, or None at the end. Of one that is too long, only the beginning is kept.

        Raises:
            DataError: The file is damaged.
        """
        if self._returned:
            return self._returned.popleft()
        try:
            return self._read()
        except _FAULTS as error:
            raise _fault(self._place, error) from error

    def _read(self) -> Line | None:
        data = self._stream.readline(ROW_LIMIT + 1)
        if not data:
            return None
        self._number += 1
        whole = len(data) <= ROW_LIMIT
        if not whole and not data.endswith(b"\n"):
            while (rest := self._stream.readline(_CHUNK)) and not rest.endswith(b"\n"):
                pass
        return Line(self._number, data.removeprefix(_BOM) if self._number == 1 else data, whole)

    def give_back(self, lines: list[Line]) -> None:
        """Puts lines back, to be taken again in the same order."""
        self._returned.extendleft(reversed(lines))

    def __iter__(self) -> Iterator[Line]:
        while (line := self.take()) is not None:
            yield line


def has_ending(place: Place, ending: str) -> bool:
    """Tells whether a place names a file of this kind, packed or not: `.csv`, `.csv.gz`, `.csv.zst`."""
    if place.path is None or place.path.is_dir():
        return False
    return place.path.name.lower().endswith(tuple(ending + packed for packed in PACKED))


def find_file(place: Place) -> Path:
    """Returns the file at a place.

    Raises:
        DataError: It is not there, or it is empty.
    """
    path = place.file
    with reading(place):
        if not path.exists():
            raise DataError(f"source `{place.uri}` is not there.", hint=_elsewhere(path))
        if not path.is_file():
            raise DataError(f"source `{place.uri}` is no file.")
        if path.stat().st_size == 0:
            raise DataError(f"source `{place.uri}` is empty.")
    return path


def _elsewhere(path: Path) -> str:
    """Returns what may have been meant by a path that leads nowhere."""
    if not path.parent.is_dir():
        return f"There is no folder `{path.parent}`; relative paths start at the task's folder."
    like = nearest(path.name, sorted(each.name for each in path.parent.iterdir()))
    return f"Did you mean `{like}`?" if like else f"`{path.parent}` has no file of that name."


def hash_file(place: Place) -> str:
    """Returns the sha256 of the file at a place.

    Raises:
        DataError: It is not there, it is empty, or it cannot be read.
    """
    path = find_file(place)
    with reading(place):
        return file_digest(path)


@contextmanager
def reading(place: Place) -> Iterator[None]:
    """Turns what can go wrong with a file as a whole into a DataError."""
    try:
        yield
    except _FAULTS as error:
        raise _fault(place, error) from error


def _fault(place: Place, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.strerror:
        return DataError(f"source `{place.uri}` cannot be read: {error.strerror}.")
    reason = str(error).rstrip(".").replace("Compressed file ended", "it ends")
    return DataError(f"source `{place.uri}` is damaged: {reason or type(error).__name__}.")


@contextmanager
def open_lines(place: Place) -> Iterator[Lines]:
    """Opens a file, unpacked where its name ends in `.gz` or `.zst`.

    Raises:
        DataError: It is missing, empty, damaged, or not UTF-8 by its first bytes.
    """
    path = find_file(place)
    with reading(place):
        file = path.open("rb")
    with file, _unpack(file, ending=path.suffix.lower()) as stream:
        with reading(place):
            start = stream.peek(2)[:2]
        if not start:
            raise DataError(f"source `{place.uri}` is empty.")
        if start in _WIDE_BOMS:
            raise DataError(f"source `{place.uri}` is UTF-16.", hint="Save it as UTF-8.")
        yield Lines(stream, place)


@contextmanager
def _unpack(file: io.BufferedReader, *, ending: str) -> Iterator[io.BufferedReader]:
    if ending not in PACKED[1:]:
        yield file
        return
    raw: Any = gzip.GzipFile(fileobj=file) if ending == ".gz" else _Zstandard(file)
    with raw, io.BufferedReader(raw, _CHUNK) as stream:
        yield stream


class _Zstandard(io.RawIOBase):
    """Unpacks Zstandard frames, and unlike `zstandard.open` notices when the last one is cut off."""

    def __init__(self, file: BinaryIO) -> None:
        import zstandard

        self._file = file
        self._unpacker = zstandard.ZstdDecompressor()
        self._error = zstandard.ZstdError
        self._frame = self._unpacker.decompressobj()
        self._inside = False
        self._packed = b""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready and self._refill():
            pass
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _refill(self) -> bool:
        """Unpacks the next chunk; returns False at the end of the file."""
        self._packed = self._packed or self._file.read(1 << 12)
        if not self._packed:
            if self._inside:
                raise EOFError("it ends in the middle of a Zstandard frame")
            return False
        try:
            self._ready = self._frame.decompress(self._packed)
        except self._error as error:
            raise EOFError(str(error)) from error
        self._inside = not self._frame.eof
        self._packed = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = self._unpacker.decompressobj()
        return True
