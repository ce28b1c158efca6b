"""Stage 7's front door: takes feedback in, and takes it back.

Owns the receipt, the ids and the batch. Corrections become examples when the line next collects; this module
knows nothing of that.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from freehold.errors import NotFoundError, UserError
from freehold.feedback.rows import Said, read_row, read_values
from freehold.feedback.values import MisfitError
from freehold.task import Field, Json

if TYPE_CHECKING:
    from freehold.registry import Feedback, Registry

__all__ = ["Receipt", "Rejected", "accept", "fit_values", "withdraw"]

_MAKER = re.compile(r"(person|model|rule|system):[^\s\x00-\x1f][^\x00-\x1f]{0,79}")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: its place in what was sent, counted from 0, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the rows that were sent.

    Attributes:
        accepted: One id a row that was taken, in order.
        batch: The id under which all of them can be withdrawn together.
    """

    accepted: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    batch: str

    def to_json(self) -> dict[str, Json]:
        """Returns the receipt in the shape of the HTTP API."""
        rejected: list[Json] = [{"index": each.index, "reason": each.reason} for each in self.rejected]
        return {"accepted": list(self.accepted), "rejected": rejected, "batch": self.batch}


def accept(
    shelf: Registry,
    task: str,
    rows: Sequence[object],
    *,
    fields: Sequence[Field],
    inputs: Sequence[str],
    maker: str,
    batch: str = "",
    stamp: str = "",
) -> Receipt:
    """Keeps every row that can be used, and says why for every row that cannot.

    The rows are kept in one transaction, in the order they were sent, so that of two corrections of the same
    thing the later one counts.

    Args:
        rows: Each `{"request": ID, "correct": {FIELD: VALUE}}`, or `rating` or `outcome` in place of
            `correct`, or `{"inputs": {...}, "correct": {...}}`.
        fields: The task's output fields; labels resolved where they are known.
        inputs: The names of the task's inputs.
        maker: Who says so: `person:NAME`, `system:NAME`, `model:NAME` or `rule:NAME`.
        batch: Under which id all rows can be withdrawn together; made up where empty.
        stamp: 32 hexadecimal digits that ids are made of: what is given again under the same is kept once.

    Raises:
        UserError: `maker` has another form.
    """
    if not _MAKER.fullmatch(maker):
        raise UserError(f"`maker` is {maker!r}; it has the form `person:NAME`.")
    accepted: list[Said] = []
    rejected: list[Rejected] = []
    for index, row in enumerate(rows):
        try:
            accepted.append(read_row(row, find=shelf.request, task=task, fields=fields, inputs=inputs))
        except MisfitError as error:
            rejected.append(Rejected(index, str(error)))
    time_ns = int(stamp[:16], 16) if stamp else time.time_ns()
    batch = batch or f"batch-{time_ns:016x}{stamp[16:24] or secrets.token_hex(4)}"
    made = _Made(time_ns, stamp[16:24], maker, batch)
    kept = [_entry(said, made, task=task, place=n) for n, said in enumerate(accepted)]
    if kept:
        shelf.add_feedback(kept)
    return Receipt(tuple(each.id for each in kept), tuple(rejected), batch)


def withdraw(shelf: Registry, task: str, *, ids: Sequence[str]) -> int:
    """Takes feedback back, so that the next turn no longer learns from it. Returns how many rows.

    Args:
        ids: Of single rows or of whole batches.

    Raises:
        NotFoundError: None of the ids is known, or all were withdrawn before.
    """
    count = shelf.withdraw(task, ids=ids)
    if not count:
        shown = ", ".join(f"`{each}`" for each in ids)
        raise NotFoundError(f"`{task}` has no feedback {shown} that could be withdrawn.")
    return count


def fit_values(
    values: Mapping[str, object], *, fields: Sequence[Field], inputs: Mapping[str, str]
) -> dict[str, Json]:
    """Returns what a person says of an item in the one form that equal values have.

    Args:
        values: Field to value.
        fields: The task's output fields; labels resolved where they are known.
        inputs: The item's.

    Raises:
        UserError: A value does not fit its field, or there is no such field.
    """
    try:
        return dict(read_values(values, fields, inputs))
    except MisfitError as error:
        raise UserError(str(error)) from error


class _Made(NamedTuple):
    """What all rows of one call have in common; `suffix` ends their ids where it is not empty."""

    time_ns: int
    suffix: str
    maker: str
    batch: str


def _entry(said: Said, made: _Made, *, task: str, place: int) -> Feedback:
    """Returns the row to keep. Ids sort in the order of arrival, also within one moment."""
    from freehold.registry import Feedback

    created = datetime.fromtimestamp(made.time_ns / 1e9, UTC).isoformat(timespec="microseconds")
    return Feedback(
        id=f"{made.time_ns:016x}{place:05x}{made.suffix or secrets.token_hex(4)}",
        task=task,
        request=said.request,
        inputs=said.inputs,
        kind=said.kind,
        value=said.value,
        maker=made.maker,
        created=created,
        batch=made.batch,
    )
