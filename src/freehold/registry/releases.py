"""Which version of a task's model is in service: promotion, rollback, and the log of both.

Each is one transaction that moves the states and writes the log; two at a time for one task wait for each
other. Knows nothing of why a model is good.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping

import sqlalchemy as sa

from freehold.errors import CheckError, NotFoundError
from freehold.registry import tables
from freehold.registry.database import Database, now
from freehold.registry.models import Models
from freehold.task import Json, Release, Verdict

__all__ = ["Releases"]

LINE = "freehold"
"""Who promotes in an automatic turn."""


class Releases:
    """The versions in service, and the log."""

    def __init__(self, database: Database, *, models: Models) -> None:
        self._database = database
        self._models = models

    def promote(self, release: Release, *, because: Verdict | str, who: str) -> Release:
        """Makes a version the champion and returns it as it now is.

        With a verdict as reason it is the line that promotes: a version that a person has withdrawn stays
        withdrawn, and the champion is returned as it is.

        Raises:
            NotFoundError: The version does not exist.
            CheckError: The verdict given as reason did not pass.
            IntegrityError: Its files are damaged; nothing is changed.
        """
        automatic = isinstance(because, Verdict)
        if isinstance(because, Verdict):
            if not because.passed:
                raise CheckError(f"`{release.name}` did not pass: {' '.join(because.reasons)}")
            because = " ".join(because.reasons)
        who = who or (LINE if automatic else _person())
        self._models.check_files(release.task, version=release.version)
        with self._database.write() as connection:
            states = self._lock(connection, release.task)
            withdrawn = automatic and states[release.version] == "withdrawn"
            if not withdrawn and states[release.version] != "champion":
                self._put_in_service(connection, release.task, version=release.version, retire="released")
                self._log(
                    connection, release.task, version=release.version, action="promote", who=who, why=because
                )
        if withdrawn and (champion := self._models.champion(release.task)):
            return champion
        return self._models.release(release.task, version=release.version)

    def rollback(self, task: str, *, who: str, why: str, to: int | None) -> Release:
        """Withdraws the champion and puts the one before it, or version `to`, back in service.

        Raises:
            NotFoundError: There is no champion, or none before it, or `to` was never champion.
            IntegrityError: The files of the earlier one are damaged; nothing is changed.
        """
        who = who or _person()
        while True:
            with self._database.read() as connection:
                champion, target = self._target(connection, task, to=to)
            self._models.check_files(task, version=target)
            with self._database.write() as connection:
                self._lock(connection, task)
                if self._target(connection, task, to=to) != (champion, target):
                    continue  # somebody else was faster: decide again
                self._log(connection, task, version=champion, action="withdraw", who=who, why=why)
                self._put_in_service(connection, task, version=target, retire="withdrawn")
                self._log(connection, task, version=target, action="rollback", who=who, why=why)
            return self._models.release(task, version=target)

    def history(self, task: str) -> list[Mapping[str, Json]]:
        """Returns the log, oldest first: `version`, `action`, `who`, `why`, `time`."""
        log = tables.releases.c
        wanted = (log.version, log.action, log.who, log.why, log.time)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*wanted).where(log.task == task).order_by(log.id)).all()
        return [dict(row._mapping) for row in rows]

    def _lock(self, connection: sa.Connection, task: str) -> dict[int, str]:
        """Makes others wait who would change this task's models; returns version to state."""
        connection.execute(sa.select(tables.tasks.c.name).where(tables.tasks.c.name == task).with_for_update())
        return self._states(connection, task)

    def _states(self, connection: sa.Connection, task: str) -> dict[int, str]:
        models = tables.models.c
        rows = connection.execute(sa.select(models.version, models.state).where(models.task == task))
        return {row.version: row.state for row in rows}

    def _target(self, connection: sa.Connection, task: str, *, to: int | None) -> tuple[int, int]:
        """Returns the champion and the version to go back to."""
        log, states = tables.releases.c, self._states(connection, task)
        champion = next((version for version, state in states.items() if state == "champion"), None)
        if champion is None:
            raise NotFoundError(f"`{task}` has no champion to roll back.", hint="See: freehold models")
        served = sa.select(log.version).where(log.task == task, log.action != "withdraw")
        versions = connection.execute(served.order_by(log.id.desc())).scalars()
        earlier = [version for version in versions if version != champion]
        wanted = [
            version for version in earlier if (version == to if to is not None else states[version] != "withdrawn")
        ]
        if not wanted:
            there = ", ".join(map(str, sorted(set(earlier)))) or "none"
            raise NotFoundError(
                f"`{task}` cannot go back from version {champion} to {'an earlier one' if to is None else to}.",
                hint=f"Other versions that were champion: {there}. To choose any version: freehold promote",
            )
        return champion, wanted[0]

    def _put_in_service(self, connection: sa.Connection, task: str, *, version: int, retire: str) -> None:
        models = tables.models.c
        change = sa.update(tables.models).where(models.task == task)
        connection.execute(change.where(models.state == "champion").values(state=retire))
        connection.execute(change.where(models.version == version).values(state="champion"))

    def _log(self, connection: sa.Connection, task: str, *, version: int, action: str, who: str, why: str) -> None:
        row = {"task": task, "version": version, "action": action, "who": who, "why": why, "time": now()}
        connection.execute(sa.insert(tables.releases).values(**row))


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number only
        return f"uid:{os.getuid()}"
