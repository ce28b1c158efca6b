"""Records of stages: what was computed from what, and the files that came out.

Owns `recall`, `record` and laying results out again. Knows nothing of what a stage does, nor of when it is to
be computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from freehold.errors import IntegrityError
from freehold.registry import tables
from freehold.registry.blobs import MEND, Blobs
from freehold.registry.database import Database, now, pack, unpack
from freehold.registry.faults import storing
from freehold.registry.folder import StateFolder
from freehold.registry.journal import Journal
from freehold.registry.results import Results
from freehold.task import Json, folder_digest

__all__ = ["Recorded", "Stages"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a stage left behind.

    Attributes:
        key: Hash of the stage's name, version, parameters and inputs.
        stage: The stage's name.
        digest: The digest of the result: `folder_digest(files)`.
        files: Relative POSIX name to sha256.
        facts: Counts, times, sizes; no part of the digest.
        seconds: How long it took.
        created: When it was recorded (ISO 8601, UTC); filled in where empty.
        inputs: Digests of the results it was made from.
    """

    key: str
    stage: str
    digest: str
    files: Mapping[str, str]
    facts: Mapping[str, Json] = field(default_factory=dict)
    seconds: float = 0.0
    created: str = ""
    inputs: tuple[str, ...] = ()


class Stages:
    """The stage records of one state folder."""

    def __init__(
        self, database: Database, *, folder: StateFolder, journal: Journal, blobs: Blobs, results: Results
    ) -> None:
        self._database = database
        self._folder = folder
        self._journal = journal
        self._blobs = blobs
        self._results = results

    def recall(self, key: str) -> Recorded | None:
        """Returns the record with this key, or None where there is none or its blobs are elsewhere."""
        stages = tables.stages.c
        with self._database.read() as connection:
            row = connection.execute(sa.select(tables.stages).where(stages.key == key)).first()
            if row is None or not self._is_here(connection, row.digest):
                return None
            files = self._files(connection, row.digest)
        what = f"record of `{row.stage}`"
        return Recorded(
            key=row.key,
            stage=row.stage,
            digest=row.digest,
            files=files,
            facts=unpack(row.facts, what=what),
            seconds=row.seconds,
            created=row.created,
            inputs=tuple(unpack(row.inputs, what=what)),
        )

    def record(self, recorded: Recorded, *, folder: Path) -> Path:
        """Stores a stage's folder and its record, and returns the laid-out result.

        All of it is recorded in one transaction, or none of it.

        Raises:
            IntegrityError: The folder does not hold the files of the record.
            StorageError: The disk is full or may not be written; nothing half-written stays recorded.
        """
        _check_folder(recorded, folder=folder)
        digests = sorted(set(recorded.files.values()))
        paths = [f"results/{recorded.digest}", *map(self._blobs.name, digests)]
        with storing(self._folder.path), self._journal.window(paths) as window:
            for name, sha256 in sorted(recorded.files.items()):
                self._blobs.write(folder / name, sha256=sha256, scratch=window.scratch)
            self._results.lay(recorded.digest, files=recorded.files, scratch=window.scratch)
            with window.settle() as connection:
                self._blobs.enter(connection, digests)
                self._enter(connection, recorded)
        return self._results.path(recorded.digest)

    def lay_out(self, recorded: Recorded) -> Path:
        """Returns the result's folder, with every file re-read and the folder mended where it was changed.

        Raises:
            IntegrityError: A blob is damaged or missing; the message names the file.
            StorageError: The disk is full or may not be written.
        """
        with storing(self._folder.path):
            for name, sha256 in recorded.files.items():
                self._blobs.check(sha256, what=f"`{name}` of `{recorded.stage}`")
            if not self._results.is_laid(recorded.digest, files=recorded.files):
                with self._journal.window([f"results/{recorded.digest}"]) as window:
                    self._results.lay(recorded.digest, files=recorded.files, scratch=window.scratch)
                    with window.settle():
                        pass
        return self._results.path(recorded.digest)

    def folder(self, digest: str, *, what: str, reread: bool = False) -> Path:
        """Returns a recorded result's folder, laid out where it is not.

        Args:
            digest: The result.
            what: What it is, for messages: `banking@3`.
            reread: Whether to re-read files that are in place, too.

        Raises:
            IntegrityError: A file is damaged or missing, or the result was never recorded.
        """
        with self._database.read() as connection:
            known = sa.select(tables.folders).where(tables.folders.c.digest == digest)
            if connection.execute(known).first() is None:
                raise IntegrityError(f"`{what}` has no recorded result {digest!r}.", hint=MEND)
            files = self._files(connection, digest)
        if not reread and self._results.is_laid(digest, files=files):
            return self._results.path(digest)
        return self.lay_out(Recorded(key="", stage=what, digest=digest, files=files))

    def _is_here(self, connection: sa.Connection, digest: str) -> bool:
        """Returns whether this state folder has all of a result (others may share the database)."""
        files, blobs = tables.files.c, tables.blobs.c
        mine = (blobs.sha256 == files.sha256) & (blobs.home == self._folder.home)
        joined = tables.files.outerjoin(tables.blobs, mine)
        absent = sa.select(files.name).select_from(joined).where(files.digest == digest, blobs.sha256.is_(None))
        return connection.execute(absent.limit(1)).first() is None

    def _files(self, connection: sa.Connection, digest: str) -> dict[str, str]:
        files = tables.files.c
        query = sa.select(files.name, files.sha256).where(files.digest == digest).order_by(files.name)
        return {row.name: row.sha256 for row in connection.execute(query)}

    def _enter(self, connection: sa.Connection, recorded: Recorded) -> None:
        insert = self._database.insert
        connection.execute(insert(tables.folders).values(digest=recorded.digest).on_conflict_do_nothing())
        rows = [
            {"digest": recorded.digest, "name": name, "sha256": sha256}
            for name, sha256 in sorted(recorded.files.items())
        ]
        if rows:
            connection.execute(insert(tables.files).on_conflict_do_nothing(), rows)
        outcome = {
            "stage": recorded.stage,
            "digest": recorded.digest,
            "facts": pack(dict(recorded.facts)),
            "inputs": pack(list(recorded.inputs)),
            "seconds": recorded.seconds,
            "created": recorded.created or now(),
        }
        statement = insert(tables.stages).values(key=recorded.key, **outcome)
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=outcome))


def _check_folder(recorded: Recorded, *, folder: Path) -> None:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if there != set(recorded.files) or recorded.digest != folder_digest(recorded.files):
        strange = sorted(there ^ set(recorded.files)) or [recorded.digest]
        raise IntegrityError(
            f"The folder of `{recorded.stage}` does not hold what is to be recorded: {', '.join(strange)}.",
            hint="Type: freehold run",
        )
