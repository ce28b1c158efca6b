"""The static tier's model: a linear machine on hashed n-grams alone, beside the trained model.

It is made of training rows, so that what it does with validation rows is what it does with new ones. Owns its
features and settings; what it may answer is decided when the model is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freehold.engine import Accepts, Head, HeldOut, Sketch, StaticTier, field_labels, margins
from freehold.task import TIERED_KINDS, Field
from freehold.train.ladder import judge_rung
from freehold.train.rows import Rows, is_labelled

__all__ = ["LEAST_HELD_OUT", "Student", "can_have_student", "make_student"]

LEAST_HELD_OUT = 59
"""With fewer held-out rows, all of them right, nobody can be 95 % sure of an error below 5 %."""

_COLUMNS = 32_768
_COST = 4.0
_MOST_ROWS = 100_000
_MOST_LABELS = 1_000


@dataclass(frozen=True, slots=True)
class Student:
    """The static tier, which answers nothing yet, and what it did with the validation rows, field by field."""

    tier: StaticTier
    held_out: Mapping[str, HeldOut]


def can_have_student(fields: Sequence[Field]) -> bool:
    """Returns whether a static tier could answer for the encoder: it knows all fields, and each has labels."""
    known = all(field.kind in TIERED_KINDS for field in fields)
    return bool(fields) and known and all(2 <= len(field_labels(field)) <= _MOST_LABELS for field in fields)


def make_student(
    fields: Sequence[Field],
    train: Rows,
    validation: Rows,
    *,
    heads: Mapping[str, Head],
    scores: NDArray[np.float32],
) -> Student:
    """Returns a static tier made of the training rows.

    Args:
        heads: Field to the trained model's columns.
        scores: The trained model's, for the validation rows; of heads that have not seen them.
    """
    from freehold.train.svm import SvmSettings, fit_svm

    rows = train.take(range(0, len(train), -(-len(train) // _MOST_ROWS)))
    nothing = np.zeros((len(rows), 0), np.float32)
    made = fit_svm(rows, fields, vectors=nothing, settings=SvmSettings(cost=_COST), grams=Sketch(_COLUMNS))
    tier = StaticTier(made.heads(dense=0).shrunk(), made.grams, {})
    own = tier.scores(validation.texts)
    calibrated, _, _ = judge_rung(fields, made, scores=own, rows=validation)
    held_out = {}
    for field in fields:
        target, head, theirs = validation.targets[field.name], calibrated[field.name], heads[field.name]
        known = is_labelled(target)
        said, right = own[known, head.start : head.stop], target[known]
        wrong = said.argmax(1) != right
        answered = scores[known, theirs.start : theirs.stop].argmax(1) == right
        held_out[field.name] = HeldOut(margins(head, said), wrong & answered, wrong)
    accepts = {name: Accepts(head) for name, head in calibrated.items()}
    return Student(StaticTier(tier.heads, tier.grams, accepts), held_out)
