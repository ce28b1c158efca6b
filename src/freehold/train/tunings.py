"""Fine-tuned encoders kept between turns: tuned once, used again while the training rows are much the same.

One that paid is used again as it is, with new heads; one that did not pay is not trained again. Both hold until
more than a tenth of the rows or of their labels have changed, so that most turns cost seconds. An encoder is not
used again where a row that it learned from is for training no longer: that row may now be a test row, or may have
been withdrawn.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.engine import CUTTABLE, Base, field_labels
from freehold.task import Desk, Field, Task, canonical, digest
from freehold.train.attempts import SAME, row_marks
from freehold.train.rows import Rows

if TYPE_CHECKING:
    from freehold.train.tuning import TuneSettings

__all__ = ["Tunings"]

_LEARNED = "learned.json"
_METHODS = {"normal": "last", "thorough": "full"}


@dataclass(frozen=True, slots=True)
class _Lessons:
    """Rows as `fine_tune` takes them."""

    ids: Sequence[str]
    texts: Sequence[str]
    targets: Mapping[str, Any]


class Tunings:
    """The one kept encoder of a base, a set of fields and a way of tuning.

    Args:
        scarce: Whether rows are few.
        whole: Whether it learns from the validation rows too.

    Attributes:
        folder: Where it lies once obtained, as `engine.load_tuned` reads it.
    """

    def __init__(
        self, desk: Desk, task: Task, base: Base, fields: Sequence[Field], *, scarce: bool, whole: bool = False
    ) -> None:
        self._desk, self._task, self._base, self._fields = desk, task, base, fields
        self._scarce = scarce
        self._cut = _can_cut(base)
        content = [base.digest, sorted(f.name for f in fields), task.effort, task.seed, self.method, scarce, whole]
        self._home = desk.cache / "tuned" / digest(content)[:32]
        self.folder = self._home / "encoder"

    @property
    def method(self) -> str:
        """Which weights learn: the last layers, or all of them; adapters where layers cannot be run apart."""
        wanted = _METHODS.get(self._task.effort, "last")
        return wanted if wanted == "full" or self._cut else "lora"

    def reason_against(self, train: Rows) -> str:
        """Returns why tuning is not worth trying again; empty where it is."""
        if (self._home / "lost").exists() and self._knows(train):
            return "it did not pay before, and 90 % or more of the rows are the same"
        return ""

    def note_lost(self) -> None:
        """Notes that the kept encoder does not pay."""
        (self._home / "lost").touch()

    def obtain(self, train: Rows, validation: Rows, *, tell: Callable[[int, int, str], None]) -> bool:
        """Makes sure that `folder` holds an encoder for these rows; returns whether it was there already."""
        if self._knows(train) and self._may_serve(train, validation) and self._is_whole():
            return True
        from freehold.train.tuning import fine_tune

        new = self._home.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        train_side, held_side = self._lessons(train), self._lessons(validation)
        fine_tune(
            self._base,
            train_side,
            held_side,
            aims=self._aims(train_side),
            settings=self._settings(train),
            scratch=self._desk.scratch / "tuning",
            out=new / "encoder",
            tell=tell,
        )
        learned = {
            "train": train.ids, "marks": row_marks(train, self._fields), "validation": validation.ids,
            "files": _digest_of(new / "encoder"),
        }  # fmt: skip
        (new / _LEARNED).write_bytes(canonical(learned))
        shutil.rmtree(self._home, ignore_errors=True)
        new.rename(self._home)
        return False

    def _settings(self, train: Rows) -> TuneSettings:
        from freehold.train.losses import LossSettings
        from freehold.train.tuned_model import Adaptation
        from freehold.train.tuning import TuneSettings

        spans = any(field.kind == "spans" for field in self._fields)
        if self._scarce and self.method != "lora":
            return TuneSettings(
                Adaptation("last", layers=3), rate=1e-4, balanced=3, tokens=150_000, epochs=10, checks=0,
                loss=LossSettings(prototypes=True), seed=self._task.seed,
            )  # fmt: skip
        if self.method == "full":
            loss = LossSettings(dropout=0.1, consistency=0.5)
            return TuneSettings(Adaptation("full"), tokens=1_500_000, epochs=8, loss=loss, seed=self._task.seed)
        adaptation = Adaptation("last", layers=3) if self.method == "last" else Adaptation("lora")
        tokens = 600_000 if spans else 250_000
        return TuneSettings(adaptation, tokens=tokens, epochs=6, seed=self._task.seed)

    def _aims(self, lessons: _Lessons) -> dict[str, Any]:
        from freehold.engine import count_tags
        from freehold.train.crf import ChainLoss
        from freehold.train.losses import Aim

        aims: dict[str, Any] = {}
        for field in self._fields:
            assert field.kind != "text"
            if field.kind == "spans":
                labels = len(field.labels or ())
                tags = [each.tags for each in lessons.targets[field.name] if each is not None]
                present = {int(tag - 1) // 2 for row in tags for tag in row.tolist() if tag}
                loss = ChainLoss(labels, present=present)
                aims[field.name] = Aim("spans", count_tags(labels), tag_loss=loss)
            else:
                aims[field.name] = Aim(field.kind, len(field_labels(field)))
        return aims

    def _lessons(self, rows: Rows) -> _Lessons:
        targets: dict[str, Any] = dict(rows.targets)
        for field in self._fields:
            if field.kind == "spans":
                targets[field.name] = self._tagged(rows, field)
        return _Lessons(rows.ids, rows.texts, targets)

    def _tagged(self, rows: Rows, field: Field) -> list[Any]:
        import numpy as np

        from freehold.engine import choose_grain, encode_spans
        from freehold.train.losses import Tagged
        from freehold.train.span_fields import split_rows

        inputs = tuple(self._task.inputs)
        grain = choose_grain(split_rows(rows, inputs, grain="word"), rows.spans[field.name])
        numbers = {label.name: number for number, label in enumerate(field.labels or ())}
        found: list[Any] = []
        for words, spans in zip(split_rows(rows, inputs, grain=grain), rows.spans[field.name], strict=True):
            encoded = None if spans is None or not words else encode_spans(spans, words, labels=numbers)
            places = np.array([(word.start, word.end) for word in words], np.int64).reshape(-1, 2)
            found.append(None if encoded is None else Tagged(places, encoded.tags))
        return found

    def _knows(self, train: Rows) -> bool:
        """Returns whether the kept encoder comes from much the same rows with the same labels."""
        before, now = set(self._learned().get("marks", ())), row_marks(train, self._fields)
        return bool(before) and len(before.intersection(now)) >= SAME * max(len(before), len(now))

    def _may_serve(self, train: Rows, validation: Rows) -> bool:
        """Returns whether all that the kept encoder has seen may still be seen."""
        learned = self._learned()
        return set(learned["train"]) <= {*train.ids} and set(learned["validation"]) <= {
            *train.ids,
            *validation.ids,
        }

    def _is_whole(self) -> bool:
        return self._learned().get("files") == _digest_of(self.folder)

    def _learned(self) -> Mapping[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._home / _LEARNED).read_bytes())
        except (OSError, ValueError):
            return {}
        return found


def _digest_of(folder: Path) -> str:
    from freehold.task import folder_digest, folder_files

    return folder_digest(folder_files(folder)) if folder.is_dir() else ""


def _can_cut(base: Base) -> bool:
    """Returns whether the layers of this family can be run apart, by its configuration alone."""
    kind = json.loads((base.folder / "config.json").read_bytes()).get("model_type", "")
    return kind in CUTTABLE
