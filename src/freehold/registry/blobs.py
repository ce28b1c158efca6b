"""Large things: files named by the sha256 of their bytes, below `blobs/` in the state folder.

Owns writing and checking them. A blob is whole or absent under its name; a damaged one is replaced by the
next `put` of the same bytes. Knows nothing of what a file is for.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from freehold.errors import IntegrityError
from freehold.registry import tables
from freehold.registry.database import Database
from freehold.registry.faults import storing
from freehold.registry.folder import StateFolder
from freehold.registry.journal import Journal
from freehold.task import file_digest

__all__ = ["MEND", "Blobs"]

MEND = "List the damage with `freehold verify`, then make it anew with `freehold run`."
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


class Blobs:
    """The content-addressed files of one state folder.

    Attributes:
        folder: Where they lie: `ab/cdef...`, read-only.
    """

    def __init__(self, folder: StateFolder, *, database: Database, journal: Journal) -> None:
        self.folder = folder.blobs
        self._home = folder.home
        self._database = database
        self._journal = journal

    def path(self, sha256: str) -> Path:
        """Returns where the blob lies, or would lie.

        Raises:
            IntegrityError: `sha256` is not 64 hexadecimal digits.
        """
        if not _SHA256.fullmatch(sha256):
            raise IntegrityError(f"{sha256!r} is not a sha256.", hint=MEND)
        return self.folder / sha256[:2] / sha256[2:]

    def put(self, path: Path) -> str:
        """Stores a file and returns its sha256. Heals a damaged blob; an existing whole one is left alone.

        Raises:
            StorageError: The disk is full or may not be written; nothing half-written stays.
        """
        with storing(self.folder):
            sha256 = file_digest(path)
            with self._journal.window([self.name(sha256)]) as window:
                self.write(path, sha256=sha256, scratch=window.scratch)
                with window.settle() as connection:
                    self.enter(connection, [sha256])
        return sha256

    def name(self, sha256: str) -> str:
        """Returns the blob's path relative to the state folder, as the journal has it."""
        return f"blobs/{self.path(sha256).relative_to(self.folder).as_posix()}"

    def write(self, path: Path, *, sha256: str, scratch: Path) -> None:
        """Makes sure that the blob is there and whole, copying it from `path` where it is not.

        Only for work inside a journal's window: it neither notes nor records anything.

        Raises:
            IntegrityError: The file no longer has the bytes of `sha256`.
        """
        target = self.path(sha256)
        if self.is_whole(sha256):
            return
        draft = scratch / sha256
        if _copy(path, target=draft) != sha256:
            raise IntegrityError(f"`{path.name}` changed while it was being stored.", hint="Type: freehold run")
        target.parent.mkdir(exist_ok=True)
        draft.replace(target)
        _sync_folder(target.parent)

    def enter(self, connection: sa.Connection, digests: Iterable[str]) -> None:
        """Records blobs that were written, in the caller's transaction."""
        rows = [
            {"home": self._home, "sha256": sha256, "size": self.path(sha256).stat().st_size}
            for sha256 in sorted(set(digests))
        ]
        if rows:
            connection.execute(self._database.insert(tables.blobs).on_conflict_do_nothing(), rows)

    def is_whole(self, sha256: str) -> bool:
        """Returns whether the blob is there with the bytes that its name says."""
        try:
            return file_digest(self.path(sha256)) == sha256
        except FileNotFoundError:
            return False

    def check(self, sha256: str, *, what: str) -> None:
        """Re-reads a blob.

        Raises:
            IntegrityError: It is missing or damaged; the message names `what` and the file.
        """
        path = self.path(sha256)
        if not path.exists():
            raise IntegrityError(f"{what} is missing: there is no `{path}`.", hint=MEND)
        if not self.is_whole(sha256):
            raise IntegrityError(f"{what} is damaged: `{path}` is not what was recorded.", hint=MEND)


def _copy(source: Path, *, target: Path) -> str:
    """Copies bytes to the disk itself, read-only, and returns their sha256."""
    seen = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK):
            seen.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fchmod(writer.fileno(), 0o444)
        os.fsync(writer.fileno())
    return seen.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
