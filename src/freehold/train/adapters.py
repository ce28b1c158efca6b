"""Adapters kept between turns: fine-tuned once, used again while the training rows are much the same.

An adapter that paid is used again as it is, with new heads; one that did not pay is not trained again. Both
hold until more than a tenth of the rows have changed, so that most turns cost seconds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from freehold.engine import Base
from freehold.task import canonical, digest
from freehold.train.lora import LoraSettings, fine_tune
from freehold.train.rows import Rows

__all__ = ["Adapters"]

_SAME = 0.9


class Adapters:
    """The one kept adapter of a base and a set of fields.

    Attributes:
        folder: Where the adapter lies once obtained, in peft's layout.
    """

    def __init__(self, cache: Path, *, base: Base, labels: Mapping[str, int], seed: int) -> None:
        self._base, self._labels = base, labels
        self._settings = LoraSettings(seed=seed)
        # Fields by name alone: a new label is a change of rows, not of the adapter.
        name = digest([base.digest, sorted(labels), str(self._settings)])[:32]
        self._home = cache / "adapters" / name
        self.folder = self._home / "adapter"

    def lost_on_much_the_same(self, rows: Rows) -> bool:
        """Returns whether an adapter for much the same rows was tried and did not pay."""
        return (self._home / "lost").exists() and self._fits(rows)

    def note_lost(self) -> None:
        """Notes that the kept adapter does not pay."""
        (self._home / "lost").touch()

    def obtain(
        self, train: Rows, validation: Rows, *, scratch: Path, tell: Callable[[int, int, str], None]
    ) -> bool:
        """Makes sure that `folder` holds an adapter for these rows; returns whether it was there already."""
        if self._fits(train):
            return True
        new = self._home.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        fine_tune(
            self._base,
            train,
            validation,
            labels=self._labels,
            settings=self._settings,
            scratch=scratch,
            adapter=new / "adapter",
            tell=tell,
        )
        (new / "rows.json").write_bytes(canonical(train.ids))
        shutil.rmtree(self._home, ignore_errors=True)
        new.rename(self._home)
        return False

    def _fits(self, rows: Rows) -> bool:
        path = self._home / "rows.json"
        if not path.is_file():
            return False
        before = set(json.loads(path.read_bytes()))
        shared = len(before.intersection(rows.ids))
        return shared >= _SAME * max(len(before), len(rows.ids))
