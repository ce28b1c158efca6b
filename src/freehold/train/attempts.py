"""Rungs that did not pay, remembered: what lost on much the same rows is not tried again.

That is what makes most turns take seconds. Owns the files below `cache/attempts`; knows nothing of rungs' insides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from freehold.engine import field_labels
from freehold.task import Field, canonical, digest
from freehold.train.rows import Rows, is_labelled

__all__ = ["SAME", "Attempts", "row_marks"]

SAME = 0.9
"""Rows are much the same while this share of them and of their labels is."""


class Attempts:
    """What was tried for one task and one base.

    Args:
        cache: The state's cache.
        identity: Of the task, its base and its fields.
    """

    def __init__(self, cache: Path, *, identity: str, fields: Sequence[Field]) -> None:
        self._home, self._fields = cache / "attempts" / identity[:32], fields

    def lost(self, name: str, rows: Rows) -> bool:
        """Returns whether the rung called `name` was tried on much the same rows and did not pay."""
        try:
            before = set(json.loads((self._home / f"{name}.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return False
        now = row_marks(rows, self._fields)
        return bool(before) and len(before.intersection(now)) >= SAME * max(len(before), len(now))

    def note_lost(self, name: str, rows: Rows) -> None:
        """Notes that the rung did not pay on these rows."""
        self._home.mkdir(parents=True, exist_ok=True)
        temporary = self._home / f"{name}.new"
        temporary.write_bytes(canonical(row_marks(rows, self._fields)))
        temporary.rename(self._home / f"{name}.json")


def row_marks(rows: Rows, fields: Sequence[Field]) -> list[str]:
    """Returns a name for each row with its labels, by the labels' own names: their numbers shift."""
    parts = [list(rows.ids)]
    for field in fields:
        if field.kind == "spans":
            parts.append([str(spans) for spans in rows.spans[field.name]])
        else:
            parts.append(_named_targets(rows, field))
    return [digest(list(each))[:32] for each in zip(*parts, strict=True)]


def _named_targets(rows: Rows, field: Field) -> list[str]:
    target, labels = rows.targets[field.name], field_labels(field)
    known = is_labelled(target)
    if field.kind == "number":
        return [str(value) for value in target.tolist()]
    if field.kind == "choices":
        return [";".join(labels[n] for n in np.flatnonzero(row == 1)) for row in target]
    return [labels[n] if k else "" for n, k in zip(target.tolist(), known.tolist(), strict=True)]
