"""The journal: what is being written, noted before the first byte, so that a kill leaves nothing unknown.

A window is one piece of work: its paths are committed as pending, then the files are made, then one
transaction records the outcome and strikes the paths off. What a killed process left pending is removed by
`sweep`, unless the database meanwhile knows it. Knows nothing of what is written.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from freehold.errors import FreeholdError
from freehold.registry import tables
from freehold.registry.database import Database
from freehold.registry.folder import StateFolder

__all__ = ["Journal", "Window"]


class Window:
    """One piece of work in progress.

    Attributes:
        scratch: A folder of its own, on the same disk as what it will become.
    """

    def __init__(self, scratch: Path, *, database: Database, home: str, token: str) -> None:
        self.scratch = scratch
        self._database = database
        self._home = home
        self._token = token

    @contextmanager
    def settle(self) -> Iterator[sa.Connection]:
        """The one transaction that records the outcome and strikes the paths off the journal."""
        shutil.rmtree(self.scratch)
        mine = (tables.pending.c.home == self._home) & (tables.pending.c.token == self._token)
        with self._database.write() as connection:
            yield connection
            connection.execute(sa.delete(tables.pending).where(mine))


class Journal:
    """The pending paths of one state folder."""

    def __init__(self, database: Database, *, folder: StateFolder) -> None:
        self._database = database
        self._folder = folder

    @contextmanager
    def window(self, paths: Iterable[str]) -> Iterator[Window]:
        """Opens a piece of work that will make `paths` (relative to the state folder).

        The caller ends it with `Window.settle`; where it does not come to that, what was made is swept.
        """
        token = uuid.uuid4().hex
        home = self._folder.home
        rows = [{"home": home, "token": token, "path": path} for path in sorted({*paths, f"tmp/{token}"})]
        try:
            with self._folder.shared():
                with self._database.write() as connection:
                    connection.execute(sa.insert(tables.pending), rows)
                scratch = self._folder.tmp / token
                scratch.mkdir()
                yield Window(scratch, database=self._database, home=home, token=token)
        except BaseException:
            with suppress(FreeholdError, OSError):  # the first error is the one to tell; the next sweep comes
                self.sweep()
            raise

    def sweep(self) -> None:
        """Removes what killed processes left half done: pending paths that the database does not know.

        Does nothing while somebody writes; whoever sweeps next finds the same journal.
        """
        mine = tables.pending.c.home == self._folder.home
        with self._folder.exclusive_at_once() as alone:
            if not alone:
                return
            with self._database.read() as connection:
                paths = set(connection.execute(sa.select(tables.pending.c.path).where(mine)).scalars())
                unknown = sorted(path for path in paths if not self._is_known(connection, path))
            if not paths:
                return
            for path in unknown:
                self._folder.remove(path)
            with self._database.write() as connection:
                connection.execute(sa.delete(tables.pending).where(mine))

    def _is_known(self, connection: sa.Connection, path: str) -> bool:
        kind, _, name = path.partition("/")
        if kind == "blobs":
            blobs = tables.blobs.c
            mine = (blobs.home == self._folder.home) & (blobs.sha256 == name.replace("/", ""))
            return connection.execute(sa.select(blobs.sha256).where(mine)).first() is not None
        if kind == "results":
            known = sa.select(tables.folders.c.digest).where(tables.folders.c.digest == name)
            return connection.execute(known).first() is not None
        return False
