"""The archive of a crawl: every reply that was kept, in WARC files in one folder, in the order in which it came.

Owns the folder, who may write into it, and that a reply is on the disk before anybody is told. A record that a
killed process left half written is removed when the archive is next written to. Knows nothing of the frontier.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from freehold.data.web.visits import Visit, choose_pages, make_visit
from freehold.data.web.warc import Record, pack_info, pack_record, read_members, unpack_record
from freehold.errors import IntegrityError, OperatorError, StorageError

__all__ = ["Archive", "Archived"]

_FILE_BYTES = 1 << 28
_MAGIC = b"\x1f\x8b\x08"


class Archived(NamedTuple):
    """A record with its place: a name that sorts as the records came."""

    place: str
    record: Record


class Archive:
    """A folder of WARC files.

    Args:
        folder: Where they are; made when something is written.
        file_bytes: How large a file gets before the next one is begun.
    """

    def __init__(self, folder: Path, *, file_bytes: int = _FILE_BYTES) -> None:
        self.folder = folder
        self._file_bytes = file_bytes
        self._info: Mapping[str, str] = {}

    @contextmanager
    def writing(self, info: Mapping[str, str]) -> Iterator[None]:
        """Held by the one process that writes; first the end of the last file is mended.

        Args:
            info: What a new file says of its maker.

        Raises:
            OperatorError: Another process writes.
            IntegrityError: A file is damaged elsewhere than at its end.
            StorageError: The folder cannot be written.
        """
        with self._storing():
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise OperatorError(
                    f"Another process crawls into `{self.folder}`.", hint="Wait for it, or stop it."
                ) from None
            self._info = info
            self._mend()
            yield

    def append(self, record: Record, *, payload: bytes) -> str:
        """Puts a reply on the disk and returns its place. Only within `writing`.

        Args:
            payload: Its body as it was sent.

        Raises:
            StorageError: The disk is full or cannot be written; nothing is left of the record.
        """
        packed = pack_record(record, payload=payload)
        number = max(len(self._files()), 1)
        path = self._path(number)
        if path.exists() and path.stat().st_size >= self._file_bytes:
            number, path = number + 1, self._path(number + 1)
        if not path.exists() or not path.stat().st_size:
            self._write(path, pack_info(path.name, self._info, time=datetime.now(UTC).isoformat()))
        return _place(number, self._write(path, packed))

    def records(self, *, after: str = "") -> Iterator[Archived]:
        """Yields the replies in the order in which they came.

        Args:
            after: A place; only later ones are given.

        Raises:
            IntegrityError: A file is damaged elsewhere than at its end.
        """
        first, offset = _read_place(after) if after else (1, 0)
        for path in self._files():
            number = _number(path)
            if number < first:
                continue
            for member in read_members(path, start=offset if number == first else 0):
                place = _place(number, member.start)
                record = unpack_record(member.data) if place > after else None
                if record is not None:
                    yield Archived(place, record)

    def read(self, place: str) -> Record:
        """Returns the reply at a place.

        Raises:
            IntegrityError: There is none.
        """
        number, offset = _read_place(place)
        path = self._path(number)
        member = next(read_members(path, start=offset), None) if path.exists() else None
        record = unpack_record(member.data) if member is not None else None
        if record is None:
            raise IntegrityError(f"The archive `{self.folder}` has no reply at {place!r}.")
        return record

    def visits(self, *, refused: bool = False) -> Iterator[Visit]:
        """Yields every page that was fetched, of each URL the newest version, in the order in which they came.

        A page that was gone or moved when it was last asked for is left out, and so is one that calls another page
        of the archive its canonical form.

        Args:
            refused: Whether pages are given too that do not want to be used (`noindex`, `noai`, ...).

        Raises:
            IntegrityError: A file is damaged elsewhere than at its end.
        """
        pages = choose_pages((place, record) for place, record in self.records())
        for place in sorted(pages):
            visit = make_visit(self.read(place), asked=pages[place])
            if refused or visit.signals.may_use:
                yield visit

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("crawl-[0-9][0-9][0-9][0-9][0-9].warc.gz"))

    def _path(self, number: int) -> Path:
        return self.folder / f"crawl-{number:05d}.warc.gz"

    def _write(self, path: Path, data: bytes) -> int:
        """Appends bytes, waits for the disk, and returns where they begin."""
        is_new = not path.exists()
        with self._storing(), path.open("ab", buffering=0) as file:
            start = file.seek(0, os.SEEK_END)
            try:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) or 0 :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(start)
                raise
            if is_new:
                self._settle_folder()
        return start

    def _mend(self) -> None:
        """Cuts the last file after its last whole record."""
        for path in self._files()[-1:]:
            end, fault = 0, None
            try:
                for member in read_members(path):
                    end = member.end
            except IntegrityError as error:
                fault = error
            if fault is not None and _has_member(path, after=end + 1):
                raise fault
            if end < path.stat().st_size:
                with self._storing(), path.open("r+b") as file:
                    file.truncate(end)
                    os.fsync(file.fileno())

    def _settle_folder(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            what = "is on a full disk" if full else f"cannot be written: {error.strerror or error}"
            raise StorageError(f"The archive `{self.folder}` {what}.") from error


def _has_member(path: Path, *, after: int) -> bool:
    """Tells whether a whole record begins somewhere after a place: what is before it was not cut off, then."""
    data = path.read_bytes()
    start = data.find(_MAGIC, after)
    while start >= 0:
        try:
            if (member := next(read_members(path, start=start), None)) and member.data.startswith(b"WARC/1."):
                return True
        except IntegrityError:
            pass
        start = data.find(_MAGIC, start + 1)
    return False


def _place(number: int, offset: int) -> str:
    return f"{number:05d}:{offset:012d}"


def _read_place(place: str) -> tuple[int, int]:
    number, _, offset = place.partition(":")
    if not (number.isdigit() and offset.isdigit()):
        raise IntegrityError(f"The frontier has {place[:40]!r} as a place in the archive.")
    return int(number), int(offset)


def _number(path: Path) -> int:
    return int(path.name[6:11])
