"""What a model came from: the stage records behind it, walked by digest, and its corrections.

Knows nothing of what the stages do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import Database, unpack
from freehold.task import Json

__all__ = ["Lineage"]


class Lineage:
    """The family tree of the models that the database knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, task: str, *, version: int) -> Mapping[str, Json]:
        """Returns where a version comes from.

        Returns:
            `artifact`, `examples` (the labelled examples' digest), `judgement`, `against`, `corrections` (ids
            of the requests that were corrected), and `stages`: the records behind it, causes first.
        """
        models, corrections = tables.models.c, tables.corrections.c
        with self._database.read() as connection:
            mine = (models.task == task) & (models.version == version)
            row = connection.execute(sa.select(tables.models).where(mine)).one()
            used = sa.select(corrections.locator).where(corrections.task == task, corrections.version == version)
            locators = connection.execute(used.order_by(corrections.locator)).scalars().all()
            stages = _walk(connection, [row.digest, row.labelled, row.judgement])
        return {
            "artifact": row.digest,
            "examples": row.labelled,
            "judgement": row.judgement,
            "against": row.against,
            "corrections": [locator.removeprefix("request:") for locator in locators],
            "stages": stages,
        }


def _walk(connection: sa.Connection, digests: list[str]) -> list[Json]:
    """Returns the newest record behind each digest, causes before effects."""
    found: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()

    def visit(digest: str) -> None:
        if digest in seen:
            return
        seen.add(digest)
        stages = tables.stages.c
        query = sa.select(tables.stages).where(stages.digest == digest).order_by(stages.created.desc()).limit(1)
        row = connection.execute(query).first()
        if row is None:
            return
        inputs = unpack(row.inputs, what=f"record of `{row.stage}`")
        for cause in inputs:
            visit(cause)
        found[digest] = {
            "stage": row.stage,
            "key": row.key,
            "digest": digest,
            "inputs": inputs,
            "seconds": row.seconds,
            "created": row.created,
        }

    for digest in digests:
        visit(digest)
    return list(found.values())
