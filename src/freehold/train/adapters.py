"""Adapters kept between turns: fine-tuned once, used again while the training rows are much the same.

An adapter that paid is used again as it is, with new heads; one that did not pay is not trained again. Both
hold until more than a tenth of the rows or of their labels have changed, so that most turns cost seconds. An
adapter is not used again where a row that it learned from is for training no longer: that row may now be a test
row, or may have been withdrawn.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from freehold.engine import Base
from freehold.task import canonical, digest
from freehold.train.lora import LoraSettings, fine_tune
from freehold.train.rows import Rows

__all__ = ["Adapters"]

_SAME = 0.9
_LEARNED = "learned.json"


class Adapters:
    """The one kept adapter of a base and a set of fields.

    Attributes:
        folder: Where the adapter lies once obtained, in peft's layout.
    """

    def __init__(self, cache: Path, *, base: Base, labels: Mapping[str, Sequence[str]], seed: int) -> None:
        self._base, self._labels = base, labels
        self._settings = LoraSettings(seed=seed)
        # Fields by name alone: a new label is a change of rows, not of the adapter.
        name = digest([base.digest, sorted(labels), str(self._settings)])[:32]
        self._home = cache / "adapters" / name
        self.folder = self._home / "adapter"

    def lost_on_much_the_same(self, rows: Rows) -> bool:
        """Returns whether an adapter for much the same rows was tried and did not pay."""
        return (self._home / "lost").exists() and self._knows(rows)

    def note_lost(self) -> None:
        """Notes that the kept adapter does not pay."""
        (self._home / "lost").touch()

    def obtain(
        self, train: Rows, validation: Rows, *, scratch: Path, tell: Callable[[int, int, str], None]
    ) -> bool:
        """Makes sure that `folder` holds an adapter for these rows; returns whether it was there already."""
        if self._knows(train) and self._may_serve(train, validation):
            return True
        new = self._home.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        fine_tune(
            self._base,
            train,
            validation,
            labels={name: len(labels) for name, labels in self._labels.items()},
            settings=self._settings,
            scratch=scratch,
            adapter=new / "adapter",
            tell=tell,
        )
        learned = {"train": train.ids, "marks": self._marks(train), "validation": validation.ids}
        (new / _LEARNED).write_bytes(canonical(learned))
        shutil.rmtree(self._home, ignore_errors=True)
        new.rename(self._home)
        return False

    def _knows(self, train: Rows) -> bool:
        """Returns whether the kept adapter comes from much the same rows with the same labels."""
        before, now = set(self._learned().get("marks", ())), self._marks(train)
        return bool(before) and len(before.intersection(now)) >= _SAME * max(len(before), len(now))

    def _may_serve(self, train: Rows, validation: Rows) -> bool:
        """Returns whether all that the kept adapter has seen may still be seen."""
        learned = self._learned()
        return set(learned["train"]) <= {*train.ids} and set(learned["validation"]) <= {
            *train.ids,
            *validation.ids,
        }

    def _learned(self) -> Mapping[str, list[str]]:
        path = self._home / _LEARNED
        found: dict[str, list[str]] = json.loads(path.read_bytes()) if path.is_file() else {}
        return found

    def _marks(self, rows: Rows) -> list[str]:
        """Returns a name for each row with its labels, by the labels' own names: their numbers shift."""
        names = {field: [*labels, None] for field, labels in self._labels.items()}  # the last for MISSING
        labels = {field: [names[field][n] for n in rows.targets[field].tolist()] for field in names}
        return [digest([i, {f: labels[f][n] for f in labels}])[:32] for n, i in enumerate(rows.ids)]
