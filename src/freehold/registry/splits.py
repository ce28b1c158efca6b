"""What is fixed about a task's rows and sources: which split each row is in, and what each source was.

Knows nothing of how rows are split.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database, now
from freehold.task import Json, Split

__all__ = ["Sources", "Splits"]


class Splits:
    """Example ids to splits, per task. A test row stays one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, task: str) -> dict[str, Split]:
        """Returns the split of every row ever fixed."""
        splits = tables.splits.c
        query = sa.select(splits.example, splits.split).where(splits.task == task).order_by(splits.example)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def count_tests(self, task: str) -> int:
        """Returns how many rows were ever fixed as test rows. It never shrinks: a test row stays one."""
        splits = tables.splits.c
        query = sa.select(sa.func.count()).where(splits.task == task, splits.split == "test")
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def fix(self, task: str, splits: Mapping[str, Split]) -> None:
        """Fixes rows in one transaction. What is fixed as test stays so; anything else may change."""
        rows = [{"task": task, "example": example, "split": splits[example]} for example in sorted(splits)]
        if not rows:
            return
        statement = self._database.insert(tables.splits)
        column = tables.splits.c.split
        statement = statement.on_conflict_do_update(
            index_elements=["task", "example"],
            set_={"split": statement.excluded.split},
            where=(column != "test") & (column != statement.excluded.split),
        )
        with self._database.write() as connection:
            connection.execute(statement, rows)


class Sources:
    """Every state that a task's sources were read in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, task: str, uri: str, *, digest: str, licence: str, rows: int) -> None:
        """Notes a source as it was read; the same bytes again only correct licence and count."""
        told = {"licence": licence, "rows": rows}
        statement = self._database.insert(tables.sources)
        statement = statement.values(task=task, uri=uri, digest=digest, noted=now(), **told)
        with self._database.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["task", "uri", "digest"], set_=told)
            )

    def read(self, task: str) -> list[Mapping[str, Json]]:
        """Returns the notes, oldest first: `uri`, `digest`, `licence`, `rows`, `noted`."""
        sources = tables.sources.c
        wanted = (sources.uri, sources.digest, sources.licence, sources.rows, sources.noted)
        query = sa.select(*wanted).where(sources.task == task).order_by(sources.noted, sources.uri)
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]
