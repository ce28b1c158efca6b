"""Every model of every task: a numbered version, with its verdict and what it learned from.

Owns admission and reading; which version is in service is `releases`' business. Knows nothing of how a model
answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from freehold.errors import IntegrityError, NotFoundError
from freehold.registry import tables
from freehold.registry.blobs import MEND
from freehold.registry.database import Database, now, pack, unpack
from freehold.registry.results import Results
from freehold.registry.stages import Stages
from freehold.task import Artifact, Judgement, LabelledExamples, Release, Task, Verdict, read_examples

__all__ = ["Models"]

_DEFINITION = ("description", "base", "seed", "inputs", "fields", "sources", "goals")


class Models:
    """The models that the database knows."""

    def __init__(self, database: Database, *, stages: Stages, results: Results) -> None:
        self._database = database
        self._stages = stages
        self._results = results

    def admit(self, task: Task, artifact: Artifact, judgement: Judgement, labelled: LabelledExamples) -> Release:
        """Gives an artifact the task's next version, or brings the version that it has up to date.

        Raises:
            IntegrityError: The artifact was never recorded.
        """
        verdict = judgement.verdict()
        known = self._find(task.name, digest=artifact.digest)
        if known and _is_told(known, judgement=judgement, labelled=labelled):
            return self.ready(known)
        self._stages.folder(artifact.digest, what=task.name)
        told = {
            "judgement": judgement.digest,
            "labelled": labelled.digest,
            "against": verdict.against,
            "verdict": pack(verdict.to_json()),
            "facts": pack(dict(artifact.facts)),
        }
        locators = _corrections(labelled)
        with self._database.write() as connection:
            self._enter_task(connection, task)
            version = self._enter(connection, task.name, digest=artifact.digest, passed=verdict.passed, told=told)
            mine = (tables.corrections.c.task == task.name) & (tables.corrections.c.version == version)
            connection.execute(sa.delete(tables.corrections).where(mine))
            rows = [{"task": task.name, "version": version, "locator": locator} for locator in locators]
            if rows:
                connection.execute(sa.insert(tables.corrections), rows)
        return self.release(task.name, version=version)

    def release(self, task: str, *, version: int) -> Release:
        """Returns one version, laid out.

        Raises:
            NotFoundError: There is no such version; the message lists those that there are.
            IntegrityError: Its files are damaged.
        """
        return self.ready(self._row(task, version=version))

    def check_known(self, task: str, *, version: int) -> None:
        """Raises NotFoundError where there is no such version."""
        self._row(task, version=version)

    def champion(self, task: str) -> Release | None:
        """Returns the version in service, laid out, or None."""
        row = self._find(task, state="champion")
        return self.ready(row) if row else None

    def champion_version(self, task: str) -> int | None:
        """Returns the number of the version in service, by one query."""
        models = tables.models.c
        query = sa.select(models.version).where(models.task == task, models.state == "champion")
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def rival(self, task: str, *, digest: str) -> Release | None:
        """Returns the version that an artifact has to beat.

        That is the champion. Where the artifact is the champion itself it is the one that it was judged
        against, so that judging it once more asks the same question.
        """
        champion = self._find(task, state="champion")
        if champion is None or champion.digest != digest:
            return self.ready(champion) if champion else None
        name, _, version = champion.against.rpartition("@")
        if name != task or not version.isdecimal():
            return None
        return self.release(task, version=int(version))

    def all(self, task: str) -> list[Release]:
        """Returns every version, oldest first, without looking at their files."""
        models = tables.models.c
        query = sa.select(tables.models).where(models.task == task).order_by(models.version)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_release(row, folder=self._results.path(row.digest)) for row in rows]

    def check_files(self, task: str, *, version: int) -> None:
        """Re-reads a version's files before it goes in service. Raises like `release`."""
        row = self._row(task, version=version)
        self._stages.folder(row.digest, what=f"{task}@{version}", reread=row.state != "champion")

    def ready(self, row: sa.Row[Any]) -> Release:
        """Returns a row of `models` as a release whose folder is laid out."""
        return _release(row, folder=self._stages.folder(row.digest, what=f"{row.task}@{row.version}"))

    def _row(self, task: str, *, version: int) -> sa.Row[Any]:
        if row := self._find(task, version=version):
            return row
        there = [release.version for release in self.all(task)]
        if not there:
            raise NotFoundError(f"`{task}` has no model yet.", hint="Make one with: freehold run")
        raise NotFoundError(f"`{task}` has no version {version!r}.", hint=f"It has: {', '.join(map(str, there))}")

    def _find(self, task: str, **wanted: object) -> sa.Row[Any] | None:
        query = sa.select(tables.models).where(tables.models.c.task == task).filter_by(**wanted)
        with self._database.read() as connection:
            return connection.execute(query).first()

    def _enter_task(self, connection: sa.Connection, task: Task) -> None:
        definition = pack({name: task.part(name) for name in _DEFINITION})
        statement = self._database.insert(tables.tasks)
        statement = statement.values(name=task.name, definition=definition, created=now())
        # The update locks the task's row: who admits or promotes next for this task waits.
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"definition": definition})
        )

    def _enter(
        self, connection: sa.Connection, task: str, *, digest: str, passed: bool, told: dict[str, str]
    ) -> int:
        models = tables.models.c
        outcome = "released" if passed else "refused"
        mine = sa.select(models.version, models.state).where(models.task == task, models.digest == digest)
        row = connection.execute(mine).first()
        if row is None:
            last = connection.execute(sa.select(sa.func.max(models.version)).where(models.task == task)).scalar()
            version = (last or 0) + 1
            connection.execute(
                sa.insert(tables.models).values(
                    task=task, version=version, digest=digest, state=outcome, created=now(), **told
                )
            )
            return version
        state = row.state if row.state in ("champion", "withdrawn") else outcome
        connection.execute(
            sa.update(tables.models)
            .where(models.task == task, models.version == row.version)
            .values(state=state, **told)
        )
        return int(row.version)


def _is_told(row: sa.Row[Any], *, judgement: Judgement, labelled: LabelledExamples) -> bool:
    digests = (judgement.digest, labelled.digest)
    return all(digests) and (row.judgement, row.labelled) == digests


def _corrections(labelled: LabelledExamples) -> list[str]:
    rows = read_examples(labelled.folder / "examples.jsonl")
    return sorted({row.passport.locator for row in rows if row.passport.source == "feedback"})


def _release(row: sa.Row[Any], *, folder: Path) -> Release:
    what = f"model `{row.task}@{row.version}`"
    facts, verdict = unpack(row.facts, what=what), unpack(row.verdict, what=what)
    try:
        read = Verdict.from_json(verdict)
    except (KeyError, TypeError, AttributeError):
        raise IntegrityError(f"The verdict of {what} is not what was recorded.", hint=MEND) from None
    return Release(
        task=row.task,
        version=row.version,
        artifact=Artifact(folder, facts=facts, digest=row.digest),
        verdict=read,
        created=row.created,
        state=row.state,
    )
