"""What is measured of made rows with the base's vectors: agreement, diversity, likeness to real rows, value.

Encodes real and made rows once. Owns which measure gets which rows; the measures stand in their own modules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freehold.engine import join_inputs
from freehold.label.crossing import FOLDS, Features, assign_folds
from freehold.label.synthesis.checking import ask_checker
from freehold.label.synthesis.diversity import measure_diversity, words_of
from freehold.label.synthesis.drafts import Confusion, Draft
from freehold.label.synthesis.filters import Refusals
from freehold.label.synthesis.round_trip import Lesson, RoundTrip
from freehold.label.synthesis.telling import tell_apart
from freehold.label.synthesis.values import resolve_labels
from freehold.label.synthesis.worth import Harvest, compare_writers
from freehold.label.vectors import encode, encode_last_layer
from freehold.task import Desk, Example, Json, Task, example_id

if TYPE_CHECKING:
    from freehold.label.synthesis.writers import Writers

__all__ = ["Measuring"]

_MOST = 1_000
"""So many rows of each kind tell how alike they are; more would take longer and say the same."""

_DISAGREES = "the model of the real rows disagrees"


class Measuring:
    """The real rows of a task, and what their model says of made ones.

    Args:
        rows: All rows; of test rows nothing is kept.
        note: Is told what is being done.

    Attributes:
        real: Labelled training rows.
        held: Labelled validation rows.
        fields: The task's, with labels as far as they are known.
    """

    def __init__(self, desk: Desk, task: Task, rows: Sequence[Example], *, note: Callable[[str], None]) -> None:
        self._desk, self._task, self._note = desk, task, note
        self.real = [row for row in rows if row.split == "train" and row.outputs]
        self.held = [row for row in rows if row.split == "validation" and row.outputs]
        self.fields = resolve_labels(task.fields, [*self.real, *self.held])

    def confusions(self) -> tuple[Confusion, ...]:
        """Returns what a model of the training rows mixes up on validation rows."""
        return self._trip([]).confusions(Lesson.of(self.real)) if self.real else ()

    def agreeing(self, drafts: Sequence[Draft], refusals: Refusals, *, writers: Writers) -> list[Draft]:
        """Returns the drafts whose labels others would give, too; the rest is counted among the refusals."""
        kept = list(drafts)
        least = self._task.synthesis.agreement
        if least and self.real and kept:
            self._note("asking a model of the real rows")
            agreed = self._trip(kept).agreement(Lesson.of(self.real), self._lesson(kept))
            for draft, chance in zip(kept, agreed, strict=True):
                if chance < least:
                    refusals.note(_DISAGREES, draft)
            kept = [draft for draft, chance in zip(kept, agreed, strict=True) if chance >= least]
        if self._task.synthesis.checker and kept:
            self._note(f"asking {self._task.synthesis.checker}")
            kept = ask_checker(
                writers.named(self._task.synthesis.checker),
                self.fields,
                kept,
                refusals,
                about=self._task.description,
            )
        return kept

    def describe(self, kept: Sequence[Draft], drafts: Sequence[Draft], *, writers: Writers) -> dict[str, Json]:
        """Returns how much the rows differ, how well they are told from real ones, and what writers gave."""
        told: dict[str, Any] = {"diversity": None, "told_apart": None, "value": None}
        if not kept or not self.real:
            return {**told, "value": self._spending(writers)}
        self._note("comparing made rows with real ones")
        made = [self._text(draft.inputs) for draft in kept]
        real = [self._text(row.inputs) for row in self.real]
        words = min(words_of(made), words_of(real))
        told["diversity"] = {
            name: measure_diversity(texts, encode_last_layer(self._desk, self._task, texts), words=words)._asdict()
            for name, texts in (("made", made), ("real", real))
        }
        apart = self._tell_apart(kept)
        told["told_apart"] = apart._asdict() if apart else None
        return {**told, "value": self._value(kept, drafts, writers) if writers.each else None}

    def _spending(self, writers: Writers) -> Json:
        if not writers.each:
            return None
        told: dict[str, Json] = {each.name: dict(each.spending()._asdict()) for each in writers.each}
        return {"writers": told, "better": None}

    def _text(self, inputs: Any) -> str:
        return join_inputs(inputs, tuple(self._task.inputs))

    def _trip(self, drafts: Sequence[Draft]) -> RoundTrip:
        every = [*(row.inputs for row in (*self.real, *self.held)), *(draft.inputs for draft in drafts)]
        texts = [self._text(inputs) for inputs in every]
        features = Features(texts, encode(self._desk, self._task, texts))
        return RoundTrip(self.fields, features, Lesson.of(self.held, start=len(self.real)))

    def _lesson(self, drafts: Sequence[Draft]) -> Lesson:
        start = len(self.real) + len(self.held)
        return Lesson(list(range(start, start + len(drafts))), [dict(draft.outputs) for draft in drafts])

    def _tell_apart(self, kept: Sequence[Draft]) -> Any:
        some = list(kept)[:_MOST]
        parents = {draft.parent for draft in some}
        real = sorted(self.real, key=lambda row: (row.id not in parents, row.id))[:_MOST]
        texts = [self._text(inputs) for inputs in (*(r.inputs for r in real), *(d.inputs for d in some))]
        names = [*(row.id for row in real), *(draft.parent or example_id(draft.inputs) for draft in some)]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        groups = np.array([numbers[name] for name in names], np.int64)
        made = np.array([False] * len(real) + [True] * len(some))
        folds = assign_folds([f"{place}" for place in range(len(names))], [0] * len(names), groups)
        assert folds.max() < FOLDS
        features = Features(texts, encode(self._desk, self._task, texts))
        return tell_apart(features.of(np.arange(len(texts))), made, folds=folds, groups=groups)

    def _value(self, kept: Sequence[Draft], drafts: Sequence[Draft], writers: Writers) -> Json:
        """Returns what each writer gave for what it took."""
        trip, start = self._trip(kept), len(self.real) + len(self.held)
        harvests = {}
        for writer in writers.each:
            maker = f"model:{writer.name}"
            places = [place for place, draft in enumerate(kept) if draft.maker == maker]
            mine = [kept[place] for place in places]
            harvests[writer.name] = Harvest(
                drafts=sum(draft.maker == maker for draft in drafts),
                kept=mine,
                places=[start + place for place in places],
                vectors=self._vectors(mine),
            )
        spent = {writer.name: writer.spending() for writer in writers.each}
        return compare_writers(harvests, spent, trip=trip, real=Lesson.of(self.real))

    def _vectors(self, drafts: Sequence[Draft]) -> NDArray[np.float32]:
        texts = [self._text(draft.inputs) for draft in drafts]
        return encode_last_layer(self._desk, self._task, texts) if texts else np.zeros((0, 1), np.float32)
