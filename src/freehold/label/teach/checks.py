"""Rows whose label is known: whom the committee is measured on, and believed by.

Owns which rows these are. A label counts as known where a person gave or confirmed it, or where it came with the
data; never on test rows, which no teacher sees. Those of people come first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from freehold.task import Example, Field

__all__ = ["choose_checks", "is_known"]

_TAUGHT = ("model:", "rule:")


def is_known(row: Example, field: Field) -> bool:
    """Returns whether a row has a label for a field that no teacher gave."""
    if field.name not in row.outputs or row.split == "test":
        return False
    taught = row.passport.taught
    fields = taught.get("fields")
    return not row.passport.maker.startswith(_TAUGHT) and not (isinstance(fields, list) and field.name in fields)


def choose_checks(
    rows: Sequence[Example], fields: Sequence[Field], *, settled: Collection[tuple[str, str]], most: int
) -> list[Example]:
    """Returns up to `most` rows with a known label, those that people settled first, else as good as random."""
    usable = [row for row in rows if any(is_known(row, field) for field in fields)]

    def rank(row: Example) -> tuple[bool, bytes]:
        by_people = any((row.id, field.name) in settled for field in fields)
        return not by_people, hashlib.sha256(f"check {row.id}".encode()).digest()

    return sorted(usable, key=rank)[:most]
