"""Asks models the locked test rows, and only those that they did not answer before.

Owns batches, progress, and when to recall. Knows neither truths nor verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from freehold.task import Artifact, Desk, Event, Example, Field, Prediction, Task

if TYPE_CHECKING:
    from freehold.gate.recalled import Answered

__all__ = ["Answering", "Asking", "Opening"]

_BATCH = 2_048


class Answering(Protocol):
    """What the gate needs of a reader."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Output fields with their labels."""

    def predict(self, inputs: Sequence[Mapping[str, str]], /, *, requests: Sequence[str]) -> list[Prediction]:
        """Returns one prediction an input, in order."""


Opening: TypeAlias = Callable[[Path], Answering]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks models every test row, a batch at a time, and tells how far it is.

    Attributes:
        asked: Ids of the rows that some model had to be asked, once for each model.
    """

    opening: Opening
    desk: Desk
    task: Task
    rows: Sequence[Example]
    total: int
    asked: list[str] = field(default_factory=list)

    @property
    def memory(self) -> Path:
        """Where answers are kept."""
        return self.desk.cache / "answers" / self.task.name

    def ask(self, artifact: Artifact, *, begin: int) -> Answered:
        """Returns a model's answers to all rows: recalled where it gave them before; none where it cannot read."""
        from freehold.gate.recalled import Answered, keep, recall

        before = recall(self.memory, artifact.digest)
        known = before.predictions if before else {}
        new = [row for row in self.rows if row.id not in known]
        if before and not new:
            self._tell(begin + len(self.rows))
            return before
        reader = self.opening(artifact.folder)
        if any(name not in self.task.inputs for name in reader.inputs):
            return Answered(reader.inputs, reader.fields, {})
        predictions = dict(known)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            said = reader.predict([row.inputs for row in batch], requests=[row.id for row in batch])
            predictions.update(zip((row.id for row in batch), said, strict=True))
            self.asked.extend(row.id for row in batch)
            self._tell(begin + len(self.rows) - len(new) + start + len(batch))
        answered = Answered(reader.inputs, reader.fields, {row.id: predictions[row.id] for row in self.rows})
        keep(self.memory, artifact.digest, answered)
        return answered

    def forget(self, *, but: Sequence[Artifact]) -> None:
        """Throws away what other models answered: a task has one champion at a time."""
        from freehold.gate.recalled import forget

        forget(self.memory, but=[artifact.digest for artifact in but])

    def _tell(self, done: int) -> None:
        self.desk.tell(Event("gate.judge", "progress", done, self.total, "test rows answered"))
