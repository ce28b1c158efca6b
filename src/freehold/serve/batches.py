"""Batches: many requests in one file, and how far each is. One folder a batch, in the state folder.

Owns the record of a batch and what lies beside it: `input`, which stays when the file is deleted; `output` and
`errors`, which only grow; `cancelling`, which anybody may put there. The record says how many bytes of each count;
what a killed server wrote beyond is cut off and written again: `commit` is the one moment in which lines are
answered. Who holds the lock of a batch, alone, may change it. Knows nothing of HTTP or of models.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Literal, NamedTuple

from freehold.errors import IntegrityError
from freehold.serve.drawers import Drawer, copy_file, sync_folder, writing
from freehold.serve.files import now, seconds
from freehold.task import Json

__all__ = ["ENDED", "Batch", "Batches", "Ending", "Status", "Wrote"]

Status = Literal[
    "validating", "in_progress", "finalizing", "completed", "failed", "cancelling", "cancelled", "expired"
]
Ending = Literal["completed", "cancelled", "expired"]

_log = logging.getLogger("freehold.serve")

ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled", "expired"})
WINDOW = 24 * 60 * 60
"""Seconds from its creation to a batch's end."""
_TIMES = ("in_progress", "finalizing", "completed", "failed", "cancelling", "cancelled", "expired")


class Wrote(NamedTuple):
    """What answering some lines left: lines for both files, and where the reading is now."""

    output: bytes
    errors: bytes
    completed: int
    failed: int
    read: int
    line: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    Attributes:
        owner: The key that it belongs to; empty where it was made without one.
        output_id: What the file with the answers will be called, or is; `error_id` likewise.
        times: When it came to each status, in seconds since 1970.
        read: How many bytes of the input have their answer on disk; `line` is how many lines that is.
        output_bytes: How many bytes of `output` count; `error_bytes` of `errors`.
        models: What each name means in this batch: the version that was in service when a line first used it.
        ending: What it is to become, when it is finalized.
        errors: What is wrong with the input.
    """

    id: str
    owner: str
    endpoint: str
    input_file_id: str
    output_id: str
    error_id: str
    created: str
    metadata: Mapping[str, str] | None = None
    status: Status = "validating"
    times: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    completed: int = 0
    failed: int = 0
    read: int = 0
    line: int = 0
    output_bytes: int = 0
    error_bytes: int = 0
    models: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = "completed"
    errors: Sequence[Mapping[str, Json]] = ()

    @property
    def expires(self) -> int:
        """When it ends, whatever was answered by then."""
        return seconds(self.created) + WINDOW

    def turned(self, status: Status) -> Batch:
        """Returns it with another status, which it has from now on."""
        return replace(self, status=status, times={**self.times, status: int(time.time())})

    def to_json(self, *, cancelling: int | None) -> dict[str, Json]:
        """Returns it in OpenAI's shape.

        Args:
            cancelling: When somebody asked for its end; None where nobody did.
        """
        ended = self.status in ENDED
        status = "cancelling" if cancelling and not ended else self.status
        times = {**({"cancelling": cancelling} if cancelling else {}), **self.times}
        errors: Json = {"object": "list", "data": [dict(each) for each in self.errors]}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": errors if self.errors else None,
            "input_file_id": self.input_file_id,
            "completion_window": "24h",
            "status": status,
            "output_file_id": self.output_id if ended and self.output_bytes else None,
            "error_file_id": self.error_id if ended and self.error_bytes else None,
            "created_at": seconds(self.created),
            "expires_at": self.expires,
            **{f"{name}_at": times.get(name) for name in _TIMES},
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "metadata": dict(self.metadata) if self.metadata is not None else None,
        }


class Batches:
    """The batches in one state folder."""

    def __init__(self, state: Path) -> None:
        self._drawer = Drawer(state / "batches", prefix="batch_")
        self.sweep = self._drawer.sweep

    def create(
        self,
        content: Path,
        *,
        owner: str,
        endpoint: str,
        input_file_id: str,
        metadata: Mapping[str, str] | None,
        file_ids: tuple[str, str],
        stamp: str = "",
    ) -> Batch:
        """Makes a batch of a file's content; one that was made under the same stamp is returned as it is now.

        Raises:
            FileNotFoundError: The content was deleted meanwhile.
        """
        id = self._drawer.mint(stamp)
        if self._drawer.has(id):
            return Batch(**self._drawer.read(id))
        batch = Batch(id, owner, endpoint, input_file_id, *file_ids, created=now(), metadata=metadata)
        with self._drawer.draft(id, asdict(batch)) as folder:
            copy_file(content, target=folder / "input")
        return batch

    def find(self, id: str) -> Batch | None:
        """Returns one batch, or None."""
        return Batch(**self._drawer.read(id)) if self._drawer.has(id) else None

    def all(self, owner: str | None = None) -> list[Batch]:
        """Returns the batches of one owner, or of all."""
        documents = self._drawer.documents()
        found = [Batch(**each) for each in documents if owner is None or each["owner"] == owner]
        return sorted(found, key=lambda each: (each.created, each.id))

    def unfinished(self, ended: set[str]) -> list[Batch]:
        """Returns the batches that have not ended.

        Args:
            ended: Those that are known to have, which are not read again; grows.
        """
        found = []
        for id in self._drawer.ids():
            if id not in ended and (batch := self._find(id)) is not None:
                if batch.status in ENDED:
                    ended.add(id)
                else:
                    found.append(batch)
        return sorted(found, key=lambda each: (each.created, each.id))

    def _find(self, id: str) -> Batch | None:
        try:
            return self.find(id)
        except IntegrityError as error:
            _log.error("%s", error.message)
            return None

    def input(self, id: str) -> Path:
        """Returns where the requests lie."""
        return self._drawer.path(id) / "input"

    def parts(self, id: str) -> tuple[Path, Path]:
        """Returns where the answers and the errors lie, while the batch is being answered."""
        return self._drawer.path(id) / "output", self._drawer.path(id) / "errors"

    def lock(self, id: str) -> IO[bytes] | None:
        """Returns what holds a batch until it is closed, or None where another server does."""
        with writing(self._drawer.path(id)):
            file = (self._drawer.path(id) / "lock").open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return None
            return file

    def cancel(self, id: str) -> None:
        """Asks for the end of a batch; whoever answers it sees that."""
        with writing(self._drawer.path(id)):
            (self._drawer.path(id) / "cancelling").touch()
            sync_folder(self._drawer.path(id))

    def cancelling(self, id: str) -> int | None:
        """Returns when somebody asked for the end of a batch, in seconds since 1970; None where nobody did."""
        try:
            return int((self._drawer.path(id) / "cancelling").stat().st_mtime)
        except FileNotFoundError:
            return None

    def save(self, batch: Batch) -> Batch:
        """Puts a batch's new record in place of the old one, and returns it."""
        self._drawer.replace(batch.id, asdict(batch))
        return batch

    def commit(self, batch: Batch, wrote: Wrote) -> Batch:
        """Adds answers to a batch, all of them or none, whatever happens meanwhile; returns it with them."""
        output, errors = self.parts(batch.id)
        with writing(output.parent):
            _put(output, at=batch.output_bytes, data=wrote.output)
            _put(errors, at=batch.error_bytes, data=wrote.errors)
        changed = replace(
            batch,
            read=wrote.read,
            line=wrote.line,
            completed=batch.completed + wrote.completed,
            failed=batch.failed + wrote.failed,
            output_bytes=batch.output_bytes + len(wrote.output),
            error_bytes=batch.error_bytes + len(wrote.errors),
        )
        return self.save(changed)

    def clear(self, batch: Batch) -> None:
        """Removes what a batch that has ended needs no more."""
        for path in (self.input(batch.id), *self.parts(batch.id)):
            path.unlink(missing_ok=True)


def _put(path: Path, *, at: int, data: bytes) -> None:
    """Makes a file end with `data`, behind its first `at` bytes; what was behind them was never committed.

    Raises:
        IntegrityError: It has fewer bytes.
    """
    with path.open("ab") as file:
        if file.tell() < at:
            raise IntegrityError(f"`{path}` is shorter than was recorded.")
        file.truncate(at)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
