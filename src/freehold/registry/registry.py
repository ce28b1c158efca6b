"""The registry's one door: a state folder with its database, and everything that can be asked of them.

Composes the parts; each method says what the user gets, the part beneath says how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from freehold.registry.address import read_address
from freehold.registry.blobs import Blobs
from freehold.registry.database import Database
from freehold.registry.experts import Experts
from freehold.registry.folder import StateFolder
from freehold.registry.frontier import Frontier
from freehold.registry.journal import Journal
from freehold.registry.keys import Key, Keys, MadeKey
from freehold.registry.lineage import Lineage
from freehold.registry.models import Models
from freehold.registry.releases import Releases
from freehold.registry.replies import Replies
from freehold.registry.results import Results
from freehold.registry.reviews import Review, Reviews, row_name
from freehold.registry.spending import Budget, Spending, Spent
from freehold.registry.splits import Sources, Splits
from freehold.registry.stages import Recorded, Stages
from freehold.registry.tables import REVISION
from freehold.registry.traffic import Feedback, FeedbackLog, RecordedRequest, Requests
from freehold.registry.verification import Verification, Verifier
from freehold.task import Artifact, Json, Judgement, LabelledExamples, Release, Split, Task, Verdict

__all__ = ["Registry"]


class Registry:
    """The memory of the line. Threads may share one; processes open one each.

    Attributes:
        state: The state folder.
        blobs: Its content-addressed files.
        replies: What is said again to whoever repeats a request under the same key.
        experts: What is handed out to experts, and what they say of it.

    Example:
        >>> import tempfile
        >>> with Registry.open(Path(tempfile.mkdtemp())) as shelf:
        ...     shelf.fix_splits("banking", {"ab12": "test"})
        ...     shelf.splits("banking")
        {'ab12': 'test'}
    """

    def __init__(self, folder: StateFolder, *, database: Database) -> None:
        self.state = folder.path
        self._folder = folder
        self._database = database
        self._journal = Journal(database, folder=folder)
        self.blobs = Blobs(folder, database=database, journal=self._journal)
        self._results = Results(folder.results, blobs=self.blobs)
        self._stages = Stages(
            database, folder=folder, journal=self._journal, blobs=self.blobs, results=self._results
        )
        self._splits = Splits(database)
        self._sources = Sources(database)
        self._models = Models(database, stages=self._stages, results=self._results)
        self._releases = Releases(database, models=self._models)
        self._lineage = Lineage(database)
        self._requests = Requests(database)
        self._feedback = FeedbackLog(database)
        self._reviews = Reviews(database)
        self.experts = Experts(database)
        self._keys = Keys(database)
        self.replies = Replies(database)
        self._spending = Spending(database)

    @classmethod
    def open(cls, state: Path, *, url: str = "") -> Registry:
        """Opens a state folder, made and migrated where it has to be.

        Args:
            state: The folder.
            url: The database; else `FREEHOLD_DB`, else SQLite in the folder.

        Raises:
            UserError: The URL cannot be used.
            StorageError: The folder cannot be written, or the database is out of reach or too new.
            IntegrityError: The database's file is damaged.
        """
        folder = StateFolder(state)
        database = Database(read_address(folder.path, url=url), folder=folder.path)
        try:
            if database.revision() != REVISION:
                from freehold.registry.migration import upgrade  # loads alembic

                upgrade(database, folder=folder)
        except BaseException:
            database.close()
            raise
        return cls(folder, database=database)

    def close(self) -> None:
        """Closes every connection."""
        self._database.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one run that may work in this state folder.

        Raises:
            OperatorError: Another process holds it; the message says which.
        """
        with self._folder.run_lock():
            yield

    # Stages

    def recall(self, key: str) -> Recorded | None:
        """Returns what a stage left behind, or None where that is not known or not in this folder."""
        return self._stages.recall(key)

    def record(self, recorded: Recorded, *, folder: Path) -> Path:
        """Stores a stage's folder with its record, all or nothing, and returns the laid-out result.

        Raises:
            IntegrityError: The folder does not hold the files of the record.
            StorageError: The disk is full or may not be written; nothing half-written stays recorded.
        """
        return self._stages.record(recorded, folder=folder)

    def lay_out(self, recorded: Recorded) -> Path:
        """Returns a result's read-only folder, re-read, and mended where it was changed.

        Raises:
            IntegrityError: A blob is damaged or missing; the message names the file.
        """
        return self._stages.lay_out(recorded)

    def sweep(self) -> None:
        """Removes what killed processes left half done, and nothing that the journal does not list."""
        self._journal.sweep()

    # Data

    def splits(self, task: str) -> dict[str, Split]:
        """Returns example id to split, for every row ever fixed."""
        return self._splits.read(task)

    def count_tests(self, task: str) -> int:
        """Returns how many rows were ever fixed as test rows; it never shrinks."""
        return self._splits.count_tests(task)

    def fix_splits(self, task: str, splits: Mapping[str, Split]) -> None:
        """Fixes the split of rows, in one transaction. A row once fixed as test stays test."""
        self._splits.fix(task, splits)

    def note_source(self, task: str, uri: str, *, digest: str, licence: str, rows: int) -> None:
        """Notes what a source was when it was read."""
        self._sources.note(task, uri, digest=digest, licence=licence, rows=rows)

    def sources(self, task: str) -> list[Mapping[str, Json]]:
        """Returns what was noted, oldest first: `uri`, `digest`, `licence`, `rows`, `noted`."""
        return self._sources.read(task)

    def frontier(self, crawl: str) -> Frontier:
        """Returns the URLs that a crawl knows; a name that is new makes an empty one."""
        return Frontier(self._database, crawl)

    # Models

    def admit(self, task: Task, artifact: Artifact, judgement: Judgement, labelled: LabelledExamples) -> Release:
        """Gives an artifact the task's next version; one that has a version gets the new verdict.

        Raises:
            IntegrityError: The artifact was never recorded.
        """
        return self._models.admit(task, artifact, judgement, labelled)

    def promote(self, release: Release, *, because: Verdict | str = "", who: str = "") -> Release:
        """Makes a version the champion, in one transaction, and returns it as it now is.

        A verdict as reason means an automatic turn, which leaves a withdrawn version where it is and returns
        the champion unchanged.

        Raises:
            NotFoundError: There is no such version.
            CheckError: The verdict did not pass.
            IntegrityError: The version's files are damaged.
        """
        return self._releases.promote(release, because=because, who=who)

    def rollback(self, task: str, *, who: str = "", why: str = "", to: int | None = None) -> Release:
        """Withdraws the champion and puts the one before it, or `to`, back in service, in one transaction.

        Raises:
            NotFoundError: There is no champion, or no such earlier one.
            IntegrityError: The earlier one's files are damaged.
        """
        return self._releases.rollback(task, who=who, why=why, to=to)

    def champion(self, task: str) -> Release | None:
        """Returns the version in service, its files laid out."""
        return self._models.champion(task)

    def champion_version(self, task: str) -> int | None:
        """Returns the number of the version in service, by one cheap query."""
        return self._models.champion_version(task)

    def rival(self, task: Task, artifact: Artifact) -> Release | None:
        """Returns the version that an artifact has to beat, or None for a task's first."""
        return self._models.rival(task.name, digest=artifact.digest)

    def models(self, task: str) -> list[Release]:
        """Returns every version, oldest first; their files are not looked at."""
        return self._models.all(task)

    def release(self, task: str, version: int) -> Release:
        """Returns one version, its files laid out.

        Raises:
            NotFoundError: There is no such version; the message lists those that there are.
        """
        return self._models.release(task, version=version)

    def history(self, task: str) -> list[Mapping[str, Json]]:
        """Returns the log of releases, oldest first: `version`, `action`, `who`, `why`, `time`."""
        return self._releases.history(task)

    def lineage(self, task: str, version: int) -> Mapping[str, Json]:
        """Returns what a version comes from: `artifact`, `examples`, `corrections`, `stages` and more.

        Raises:
            NotFoundError: There is no such version.
        """
        self._models.check_known(task, version=version)
        return self._lineage.read(task, version=version)

    # Traffic

    def record_requests(self, rows: Sequence[RecordedRequest]) -> None:
        """Records answered requests, in one transaction."""
        self._requests.add(rows)

    def record_requests_at_once(self, rows: Sequence[RecordedRequest]) -> bool:
        """Records answered requests unless it would have to wait; returns whether it did.

        A power cut may take what was not settled; the end of the process takes nothing.
        """
        return self._requests.add_at_once(rows)

    def settle_requests(self) -> None:
        """Puts on the disk what was recorded at once; what is recorded otherwise is there already."""
        self._database.settle()

    def request(self, id: str) -> RecordedRequest | None:
        """Returns one request, or None."""
        return self._requests.find(id)

    def requests(self, task: str, *, limit: int = 100) -> list[RecordedRequest]:
        """Returns the latest requests, newest first."""
        return self._requests.latest(task, limit=limit)

    def add_feedback(self, rows: Sequence[Feedback]) -> None:
        """Records feedback, in one transaction; what a correction answers is no longer to be reviewed."""
        self._feedback.add(rows)
        for task in {row.task for row in rows if row.kind == "correction"}:
            mine = [row for row in rows if row.task == task and row.kind == "correction"]
            self._reviews.remove(task, [(row_name(row.inputs), field) for row in mine for field in row.value])

    def feedback(self, task: str, *, kind: str = "", withdrawn: bool = False) -> list[Feedback]:
        """Returns feedback in order of creation; the withdrawn only where asked for."""
        return self._feedback.read(task, kind=kind, withdrawn=withdrawn)

    def settled(self, task: str) -> set[tuple[str, str]]:
        """Returns example and field of every label that a person has given, or found right."""
        said = self._feedback.read(task, kind="correction", withdrawn=False)
        by_people = (row for row in said if row.maker.startswith("person:"))
        return {(row_name(row.inputs), field) for row in by_people for field in row.value}

    def withdraw(self, task: str, *, ids: Sequence[str]) -> int:
        """Withdraws feedback by its ids or its batches' ids; returns how many changed."""
        return self._feedback.withdraw(task, ids=ids)

    def queue_reviews(self, task: str, rows: Sequence[Review]) -> None:
        """Replaces the rows of the data that wait for a person; those of requests stay."""
        self._reviews.replace(task, rows)

    def add_reviews(self, task: str, rows: Sequence[Review]) -> None:
        """Puts rows into the queue that are not there already."""
        self._reviews.add(task, rows)

    def reviews(self, task: str, *, limit: int = 100) -> list[Review]:
        """Returns the rows that wait for a person: those worth most, then the least certain suggestions."""
        return self._reviews.read(task, limit=limit)

    # Spending

    def reserve_spending(self, task: str, amount: Spent, *, upstream: str, month: str, budget: Budget) -> bool:
        """Adds to what a task spent in a month (`2026-11`), or returns False where that is over its budget."""
        return self._spending.reserve(task, amount, upstream=upstream, month=month, budget=budget)

    def settle_spending(self, task: str, reserved: Spent, spent: Spent, *, upstream: str, month: str) -> None:
        """Puts what a call cost in place of what was reserved for it."""
        self._spending.settle(task, reserved, spent, upstream=upstream, month=month)

    def spending(self, task: str, *, month: str) -> dict[str, Spent]:
        """Returns upstream to what was spent on it in a month; all of it under the empty name."""
        return self._spending.read(task, month=month)

    # Keys

    def make_key(self, name: str, *, scopes: Sequence[str], expires: datetime | None = None) -> MadeKey:
        """Makes an API key; its secret is in what is returned and nowhere else.

        Raises:
            UserError: The name is blank or too long, a scope is unknown, or `expires` is over.
        """
        return self._keys.make(name, scopes=scopes, expires=expires)

    def all_keys(self) -> list[Key]:
        """Returns every key that was ever made, oldest first."""
        return self._keys.all()

    def working_keys(self) -> list[Key]:
        """Returns the keys that are neither revoked nor expired."""
        return self._keys.working()

    def had_keys(self) -> bool:
        """Returns whether a key was ever made."""
        return self._keys.any()

    def revoke_key(self, id: str) -> Key:
        """Ends a key for good.

        Raises:
            NotFoundError: There is no such key.
        """
        return self._keys.revoke(id)

    def rotate_key(self, id: str, *, grace: timedelta = timedelta()) -> MadeKey:
        """Makes a key like another one, which ends after `grace`.

        Raises:
            NotFoundError: There is no such key.
            UserError: It was revoked.
        """
        return self._keys.rotate(id, grace=grace)

    def note_keys_used(self, times: Mapping[str, str]) -> None:
        """Notes when keys, by their ids, were last used."""
        self._keys.note_used(times)

    def verify(self) -> Verification:
        """Reads every blob and every row again."""
        verifier = Verifier(self._database, folder=self._folder, blobs=self.blobs, results=self._results)
        return verifier.verify()
