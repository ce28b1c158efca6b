"""Folders that appear on disk whole or not at all, each with a document that is replaced at once.

Owns the order in which bytes reach the disk, and what a killed server leaves: drafts, whose names begin with a
dot, which `sweep` removes. Knows nothing of what is kept. Names are made here; none comes from a client.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from freehold.errors import IntegrityError, StorageError
from freehold.serve.faults import Fault

__all__ = ["ABOUT", "Drawer", "copy_file", "sync_folder", "writing"]

ABOUT = "about.json"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_log = logging.getLogger("freehold.serve")


class Drawer:
    """One folder of records: each a folder that has the record's id for a name, with its document in it.

    Args:
        folder: Made when the first record is.
        prefix: What ids begin with.
    """

    def __init__(self, folder: Path, *, prefix: str) -> None:
        self.folder = folder
        self._prefix = prefix
        self._id = re.compile(rf"{re.escape(prefix)}[0-9a-f]{{32}}")

    def mint(self, stamp: str = "") -> str:
        """Returns an id that nothing has yet, and nobody can guess; or the one that is made of a stamp."""
        return f"{self._prefix}{stamp or uuid.uuid4().hex}"

    def has(self, id: str) -> bool:
        """Returns whether there is such a record; any text may be asked for."""
        return bool(self._id.fullmatch(id)) and (self.folder / id / ABOUT).is_file()

    def path(self, id: str) -> Path:
        """Returns the folder of a record."""
        assert self._id.fullmatch(id), "an id that was not looked up"
        return self.folder / id

    def ids(self) -> list[str]:
        """Returns the ids of all records."""
        try:
            return sorted(name for name in os.listdir(self.folder) if self._id.fullmatch(name))
        except FileNotFoundError:
            return []

    def read(self, id: str) -> dict[str, Any]:
        """Returns a record's document.

        Raises:
            FileNotFoundError: It was removed.
            IntegrityError: It is damaged.
        """
        path = self.path(id) / ABOUT
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise IntegrityError(f"`{path}` is damaged.", hint="Move its folder away.")
        return document

    def documents(self) -> Iterator[dict[str, Any]]:
        """Yields the documents that can be read; the log names the others."""
        for id in self.ids():
            try:
                yield self.read(id)
            except FileNotFoundError:
                continue
            except IntegrityError as error:
                _log.error("%s", error.message)

    @contextmanager
    def draft(self, id: str, document: Mapping[str, Any]) -> Iterator[Path]:
        """Gives a folder to put files in, which becomes the record at the end of the block, or is removed.

        Args:
            document: May be filled until the block ends.
        """
        with writing(self.folder), self._lock(fcntl.LOCK_SH):
            draft = self.folder / f".new-{id}"
            draft.mkdir()
            try:
                yield draft
                _write(draft / ABOUT, _pack(document))
                sync_folder(draft)
                draft.rename(self.folder / id)
                sync_folder(self.folder)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise

    def replace(self, id: str, document: Mapping[str, Any]) -> None:
        """Puts another document in a record's place, at once."""
        place = self.path(id)
        with writing(place):
            _write(place / ".new", _pack(document))
            (place / ".new").replace(place / ABOUT)
            sync_folder(place)

    def remove(self, id: str) -> None:
        """Removes a record."""
        with writing(self.folder):
            gone = self.folder / f".old-{id}"
            self.path(id).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def sweep(self) -> None:
        """Removes what killed servers left half made or half removed; nothing while somebody makes a record."""
        if not self.folder.is_dir():
            return
        try:
            with writing(self.folder), self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
                for name in os.listdir(self.folder):
                    if name.startswith((".new-", ".old-")):
                        shutil.rmtree(self.folder / name, ignore_errors=True)
        except BlockingIOError:
            return

    @contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, kind)
            yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns the file system's refusals into what a client is told.

    Raises:
        Fault: 507 where the disk, or what this user may have of it, is full.
        StorageError: The folder cannot be written.
    """
    try:
        yield
    except (FileNotFoundError, BlockingIOError):
        raise
    except OSError as error:
        if error.errno in _FULL:
            _log.error("The disk that holds `%s` is full.", folder)
            message = "The server's disk is full: delete files that are done with, or tell its operator."
            raise Fault(507, message, code="storage_full") from error
        raise StorageError(f"`{error.filename or folder}` cannot be used: {error.strerror or error}.") from error


def copy_file(source: Path, *, target: Path) -> None:
    """Makes a file that never changes appear at a second place, without its bytes where the disk can do that."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        with source.open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            _sync(writer)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        _sync(file)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _pack(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
