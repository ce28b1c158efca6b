"""Reading everything again: every blob, every laid-out result, every row.

Finds what is damaged, missing or unknown; mends nothing. Knows nothing of who would make it anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from freehold.errors import IntegrityError
from freehold.registry import tables
from freehold.registry.blobs import Blobs
from freehold.registry.database import Database
from freehold.registry.folder import StateFolder
from freehold.registry.results import Results
from freehold.task import folder_digest

__all__ = ["Verification", "Verifier"]

_VERSION = re.compile(r".+@[0-9]+", re.DOTALL)
_STREAMED = {"yield_per": 1000}
_NOT_JSON = object()


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Attributes:
        checked: How many blobs, results and rows were read.
        damaged: One sentence for each thing that is not as it was recorded; empty where all is well.
    """

    checked: int
    damaged: tuple[str, ...]


class Verifier:
    """Reads one state folder and its database."""

    def __init__(self, database: Database, *, folder: StateFolder, blobs: Blobs, results: Results) -> None:
        self._database = database
        self._folder = folder
        self._blobs = blobs
        self._results = results

    def verify(self) -> Verification:
        """Returns what is damaged. Others may go on working meanwhile."""
        there = _files_below(self._folder.blobs)  # before the journal is read: what is written now is in it
        laid = sorted(path.name for path in self._folder.results.iterdir())
        checked = 0
        damaged: list[str] = []
        try:
            with self._database.snapshot() as connection:
                for complaint in self._read_all(connection, laid=laid):
                    checked += 1
                    damaged += [complaint] if complaint else []
                damaged += self._compare_all(connection, there=there, laid=laid)
        except IntegrityError as error:  # a database so damaged that it cannot be read to its end
            damaged.append(error.message)
        return Verification(checked, tuple(damaged))

    def _read_all(self, connection: sa.Connection, *, laid: list[str]) -> Iterator[str]:
        """Yields for each thing that was recorded what is wrong with it, or nothing."""
        yield from self._blobs_stored(connection)
        yield from self._results_laid(connection, laid)
        for table in tables.metadata.sorted_tables:
            yield from _rows(connection, table)

    def _compare_all(self, connection: sa.Connection, *, there: list[Path], laid: list[str]) -> Iterator[str]:
        """Yields what is wrong between things."""
        if self._database.is_sqlite:
            yield from _sqlite_itself(connection)
        yield from self._unknown(connection, there=there, laid=laid)
        yield from _folder_digests(connection)
        yield from self._verdicts(connection)
        yield from _references(connection)

    def _blobs_stored(self, connection: sa.Connection) -> Iterator[str]:
        blobs = tables.blobs.c
        query = sa.select(blobs.sha256).where(blobs.home == self._folder.home).order_by(blobs.sha256)
        for (sha256,) in connection.execute(query, execution_options=_STREAMED):
            try:
                self._blobs.check(sha256, what="A blob")
            except IntegrityError as error:
                yield f"{error.message}{_used_by(connection, sha256)}"
            except OSError as error:
                use = _used_by(connection, sha256)
                yield f"A blob cannot be read: `{error.filename}`: {error.strerror}.{use}"
            else:
                yield ""

    def _results_laid(self, connection: sa.Connection, laid: list[str]) -> Iterator[str]:
        for digest in laid:
            files = _files(connection, digest)
            if not files or self._results.is_laid(digest, files=files):
                yield ""
            else:
                yield f"`{self._results.path(digest)}` does not hold the files that were recorded."

    def _unknown(self, connection: sa.Connection, *, there: list[Path], laid: list[str]) -> Iterator[str]:
        home = self._folder.home
        blobs, pending = tables.blobs.c, tables.pending.c
        known = set(connection.execute(sa.select(blobs.sha256).where(blobs.home == home)).scalars())
        noted = set(connection.execute(sa.select(pending.path).where(pending.home == home)).scalars())
        folders = set(connection.execute(sa.select(tables.folders.c.digest)).scalars())
        for path in there:
            name = path.relative_to(self._folder.path).as_posix()
            if name not in noted and name.removeprefix("blobs/").replace("/", "", 1) not in known:
                yield f"`{path}` is unknown to the database."
        for digest in laid:
            if digest not in folders and f"results/{digest}" not in noted:
                yield f"`{self._results.path(digest)}` is unknown to the database."

    def _verdicts(self, connection: sa.Connection) -> Iterator[str]:
        models = tables.models.c
        query = sa.select(models.task, models.version, models.digest, models.judgement, models.verdict)
        for row in connection.execute(query).all():
            name = f"Model `{row.task}@{row.version}`"
            files = _files(connection, row.judgement)
            if "verdict.json" not in files or not self._blobs.is_whole(files["verdict.json"]):
                continue  # a damaged blob has its own complaint
            if _parsed(self._blobs.path(files["verdict.json"]).read_bytes()) != _parsed(row.verdict):
                yield f"{name}: its verdict in the database is not the one that the gate wrote."


def _sqlite_itself(connection: sa.Connection) -> Iterator[str]:
    for (line,) in connection.execute(sa.text("PRAGMA integrity_check")):
        if line != "ok":
            yield f"The database's file is damaged: {line}."
    for row in connection.execute(sa.text("PRAGMA foreign_key_check")):
        yield f"A row of `{row[0]}` refers to a row of `{row[2]}` that is not there."


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """Reads every row of a table: its JSON parses."""
    columns = [column.name for column in table.columns if column.info.get("json")]
    for row in connection.execute(sa.select(table), execution_options=_STREAMED):
        broken = [name for name in columns if _parsed(row._mapping[name]) is _NOT_JSON]
        key = " ".join(str(row._mapping[column.name]) for column in table.primary_key)
        yield f"`{table.name}` {key}: {', '.join(broken)} is not JSON." if broken else ""


def _folder_digests(connection: sa.Connection) -> Iterator[str]:
    for digest in connection.execute(sa.select(tables.folders.c.digest)).scalars().all():
        if folder_digest(_files(connection, digest)) != digest:
            maker = _made_by(connection, digest)
            yield f"The list of files of result {digest}{maker} is not what was recorded."


def _references(connection: sa.Connection) -> Iterator[str]:
    folders = set(connection.execute(sa.select(tables.folders.c.digest)).scalars())
    for stage in connection.execute(sa.select(tables.stages)):
        inputs = _parsed(stage.inputs)
        for digest in sorted(set(inputs) - folders) if isinstance(inputs, list) else []:
            yield f"`{stage.stage}` {stage.key} was made from result {digest}, which is not there."
    models = connection.execute(sa.select(tables.models)).all()
    for model in models:
        for part, digest in (("judgement", model.judgement), ("examples", model.labelled)):
            if digest and digest not in folders:
                yield f"Model `{model.task}@{model.version}` has the {part} {digest}, which is not there."
    yield from _lost_traffic(connection, models={f"{model.task}@{model.version}" for model in models})


def _lost_traffic(connection: sa.Connection, *, models: set[str]) -> Iterator[str]:
    feedback, requests = tables.feedback.c, tables.requests.c
    joined = tables.feedback.outerjoin(tables.requests, requests.id == feedback.request)
    query = sa.select(feedback.id, feedback.request).select_from(joined)
    for row in connection.execute(query.where(feedback.request != "", requests.id.is_(None))):
        yield f"Feedback {row.id!r} refers to request {row.request!r}, which is not there."
    for model in connection.execute(sa.select(requests.model).distinct()).scalars():
        if _VERSION.fullmatch(model) and model not in models:
            yield f"Requests were answered by `{model}`, which is not there."


def _files(connection: sa.Connection, digest: str) -> dict[str, str]:
    files = tables.files.c
    query = sa.select(files.name, files.sha256).where(files.digest == digest)
    return {row.name: row.sha256 for row in connection.execute(query)}


def _used_by(connection: sa.Connection, sha256: str) -> str:
    files = tables.files.c
    row = connection.execute(sa.select(files.digest, files.name).where(files.sha256 == sha256).limit(1)).first()
    return f" It is `{row.name}`{_made_by(connection, row.digest)}." if row else ""


def _made_by(connection: sa.Connection, digest: str) -> str:
    stages = tables.stages.c
    stage = connection.execute(sa.select(stages.stage).where(stages.digest == digest).limit(1)).scalar()
    return f" of `{stage}`" if stage else ""


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return _NOT_JSON
