"""A request on its way to its answer, as the steps of `answering` hand it on.

Owns what is known of it so far. Knows nothing of how it is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from freehold.serve.readers import Loaded
from freehold.serve.trails import Step
from freehold.task import Answer, Prediction

if TYPE_CHECKING:
    from freehold.registry import RecordedRequest

__all__ = ["Asked", "Job", "Pass", "Piece"]

_PIECE = 32
"""Rows of one request that the encoder reads in one pass."""
_SHORT = 1_000
"""Characters of a row that may be read in the event loop; a body may have a million."""


class Pass(NamedTuple):
    """A time that rows went through a tier, or into the record, together; in seconds of `time.perf_counter`."""

    tier: str
    begun: float
    ended: float
    rows: int


class Asked(NamedTuple):
    """Inputs with the ids that their predictions are to have.

    Attributes:
        chosen: The client chose the ids, so they may be taken.
        passes: Where it is noted what the request goes through; None where nobody wants to know.
    """

    inputs: Sequence[Mapping[str, str]]
    ids: Sequence[str]
    chosen: bool
    passes: list[Pass] | None = None


@dataclass(slots=True, eq=False)
class Job:
    """A request on its way.

    Attributes:
        future: Of the event loop that waits; done early where nobody waits any more.
        caller: The key that asks.
        steps: Where it is noted which upstreams a request of one row was passed to.
        taken: Ids that it holds until it is recorded.
        known: Ids that were asked before.
        before: What was recorded of them.
        given: What the static tier said of each row.
        answers: All of a row's answers, once there.
        passed: What the model said of rows that were passed on.
        reviewed: Rows that were passed on to their end: what is left open there is a person's.
        seconds: Spent in the model and in passing on.
    """

    loaded: Loaded
    asked: Asked
    future: asyncio.Future[list[Prediction]]
    caller: str = ""
    steps: list[Step] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    before: dict[str, RecordedRequest] = field(default_factory=dict)
    given: list[dict[str, Answer]] = field(default_factory=list)
    answers: dict[int, Prediction] = field(default_factory=dict)
    passed: dict[int, Prediction] = field(default_factory=dict)
    reviewed: set[int] = field(default_factory=set)
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.asked.ids)

    @property
    def is_short(self) -> bool:
        """Whether the static tier's answer takes less than a thread's: one row of few characters, of a new id."""
        return len(self) == 1 and not self.asked.chosen and sum(map(len, self.asked.inputs[0].values())) <= _SHORT

    @property
    def predictions(self) -> list[Prediction]:
        """One prediction a row, once all are there."""
        return [self.answers[row] for row in range(len(self))]

    @property
    def own(self) -> list[Prediction]:
        """What the model itself said, one prediction a row."""
        return [self.passed.get(row, self.answers[row]) for row in range(len(self))]

    @property
    def open_rows(self) -> list[int]:
        """The rows in which an answer is abstained."""
        return [
            row for row, each in self.answers.items() if any(answer.abstained for answer in each.answers.values())
        ]

    def piece(self) -> Piece:
        """Returns the next rows for the encoder."""
        rows = [row for row in range(len(self)) if row not in self.answers]
        return Piece(self, rows[:_PIECE])


class Piece(NamedTuple):
    """Some rows of a request."""

    job: Job
    rows: list[int]
