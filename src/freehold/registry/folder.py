"""The state folder: where things lie in it, its name, and who may work in it.

Owns `state/home` (the folder's own name, so that several state folders can share one database),
`state/lock` (one run at a time) and `state/journal.lock` (writers share it, the sweeper has it alone). Knows
nothing of the database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from freehold.errors import OperatorError
from freehold.registry.faults import storing

__all__ = ["StateFolder"]


class StateFolder:
    """A state folder that exists, with its parts.

    Attributes:
        path: The folder.
        home: Its name in the database: 32 hexadecimal digits, made once, moving along with the folder.

    Raises:
        StorageError: It cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.blobs = self.path / "blobs"
        self.results = self.path / "results"
        self.tmp = self.path / "tmp"
        with storing(self.path):
            for part in (self.blobs, self.results, self.tmp):
                _make(part)
            self.home = self._read_home() or self._make_home()

    def place(self, relative: str) -> Path | None:
        """Returns the path of a journalled name, or None where no writer of ours would make it."""
        parts = relative.split("/")
        if (
            len(parts) < 2
            or parts[0] not in ("blobs", "results", "tmp")
            or not set(parts).isdisjoint({"", "..", "."})
        ):
            return None
        return self.path.joinpath(*parts)

    def remove(self, relative: str) -> None:
        """Removes a file or a tree that the journal names, if it is there."""
        path = self.place(relative)
        if path is None:
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Held while something is being written; keeps the sweeper out, not other writers."""
        with self._journal_lock() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits until nobody writes, and keeps writers out."""
        with self._journal_lock() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def exclusive_at_once(self) -> Iterator[bool]:
        """Like `exclusive` where nobody writes; otherwise gives False at once."""
        with self._journal_lock() as file:
            yield _try_lock(file)

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Held by the one run that may work in this folder.

        Raises:
            OperatorError: Another process holds it; the message says which.
        """
        with storing(self.path):
            file = (self.path / "lock").open("a+")
        with file:
            if not _try_lock(file):
                file.seek(0)
                pid = file.read().strip() or "unknown"
                raise OperatorError(
                    f"Another run is at work in `{self.path}`: process {pid}.",
                    hint=f"Wait until it is done, or stop it with: kill {pid}",
                )
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def _journal_lock(self) -> IO[bytes]:
        with storing(self.path):
            return (self.path / "journal.lock").open("ab")

    def _read_home(self) -> str:
        try:
            return (self.path / "home").read_text().strip()
        except FileNotFoundError:
            return ""

    def _make_home(self) -> str:
        with self.exclusive():
            if not (home := self._read_home()):
                home = uuid.uuid4().hex
                draft = self.path / "home.new"
                draft.write_text(f"{home}\n")
                draft.replace(self.path / "home")
            return home


def _try_lock(file: IO[bytes] | IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:  # where no folder can be, as in /proc
        raise NotADirectoryError(error.errno, error.strerror, error.filename) from error
