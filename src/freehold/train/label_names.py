"""Names and descriptions of labels as examples of them: what is known before anybody labelled a row.

Used where rows are few; with many, names say nothing that the rows do not. Knows nothing of how rows are learned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from freehold.engine import field_labels
from freehold.task import Field, Label
from freehold.train.rows import MISSING, Rows, Target

__all__ = ["is_scarce", "name_rows"]

_SCARCE = 25
"""Median rows a label below which rows are few."""

_BORDERS = re.compile(r"[_\W]+|(?<=[a-z])(?=[A-Z])")


def is_scarce(fields: Sequence[Field], rows: Rows) -> bool:
    """Returns whether some choice has few rows for its labels."""
    return any(_is_scarce(field, rows) for field in fields)


def _is_scarce(field: Field, rows: Rows) -> bool:
    if field.kind != "choice":
        return False
    target = rows.targets[field.name]
    counts = np.bincount(target[target != MISSING], minlength=len(field_labels(field)))
    return len(counts) > 0 and bool(np.median(counts) < _SCARCE)


def name_rows(fields: Sequence[Field], rows: Rows) -> Rows:
    """Returns one row a label, for the choices whose labels have few rows; their other fields have no labels.

    Example:
        >>> read_name(Label("card_notWorking"))
        'card not Working'
    """
    found: list[tuple[str, str, int]] = []
    for field in fields:
        if field.kind == "choice" and _is_scarce(field, rows):
            texts = [read_name(label) for label in field.labels or ()]
            if sum(bool(re.search("[^\\W\\d]{2}", text)) for text in texts) == len(texts):
                found += [(field.name, text, number) for number, text in enumerate(texts)]
    names = [name for name, _, _ in found]
    return Rows(
        tuple(f"label:{name}:{number}" for name, _, number in found),
        tuple(text for _, text, _ in found),
        tuple({} for _ in found),
        {name: _targets(target, name, names, [n for _, _, n in found]) for name, target in rows.targets.items()},
        {name: (None,) * len(found) for name in rows.spans},
    )


def _targets(like: Target, field: str, names: Sequence[str], numbers: Sequence[int]) -> Target:
    shape = (len(names), *like.shape[1:])
    out = np.full(shape, np.nan if like.dtype.kind == "f" else MISSING, like.dtype)
    for place, (name, number) in enumerate(zip(names, numbers, strict=True)):
        if name == field:
            out[place] = number
    return out


def read_name(label: Label) -> str:
    """Returns a label's name as words, with its description behind it."""
    words = _BORDERS.sub(" ", label.name).strip()
    return f"{words}. {label.description}" if label.description else words
