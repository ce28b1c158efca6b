"""The ladder: ways to train, from cheap to dear, each taken only if held-out rows show that it pays.

Owns what a rung is measured by and when one beats another. Validation rows alone are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine import Head, TagHead, Which, field_labels
from freehold.task import Field, Json
from freehold.train.confidence import calibrate, log_losses
from freehold.train.heads import Trained
from freehold.train.rows import Rows, Target, is_labelled

__all__ = [
    "Candidate",
    "Gain",
    "Merit",
    "beats",
    "chance_of_gain",
    "find_gain",
    "judge_rung",
    "lay_out",
    "with_tags",
]

Gain: TypeAlias = Literal["hits", "log loss", ""]

_NOISE = 0.05
_UNCALIBRATED = 0.2
"""The temperature where there is no row to find one with; usual for scores between -1 and 1."""


@dataclass(frozen=True, slots=True)
class Merit:
    """How well each held-out row was answered, field by field.

    Attributes:
        gains: Field to one number a labelled row, 1 at best: whether a label is right, the share of labels or
            spans that are (Jaccard), the share of a number's spread that is explained.
        headline: Field to the share that people read: accuracy, micro-F1, F1, R².
        losses: Field to the log loss of each labelled row; fields of spans have none.
    """

    gains: Mapping[str, NDArray[np.float64]]
    headline: Mapping[str, float]
    losses: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def n(self) -> dict[str, int]:
        """Field to its labelled rows."""
        return {name: len(gains) for name, gains in self.gains.items()}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rung that was climbed.

    Attributes:
        final: Made from training and validation rows: what would be shipped.
        held: Made from training rows alone: what is honest to measure on validation rows.
        heads: Field to its columns with their calibration.
        tags: Heads of spans fields, made from all rows, and those made from training rows alone.
        tuned: Folder of what the encoder learned; None for the base as it is.
        spans_layer: The encoder's layer that `tags` read.
    """

    name: str
    final: Trained
    held: Trained
    heads: Mapping[str, Head]
    merit: Merit
    loss: float
    tags: Mapping[str, TagHead]
    held_tags: Mapping[str, TagHead]
    tuned: Path | None = None
    spans_layer: Which = "last"

    def report(self, *, taken: bool, seconds: float) -> dict[str, Json]:
        """Returns the rung for facts and tables: what it bought, on how many rows, for how long."""
        shown: dict[str, Json] = {name: round(value, 4) for name, value in self.merit.headline.items()}
        n: dict[str, Json] = dict(self.merit.n)
        loss = round(self.loss, 4)
        report: dict[str, Json] = {"name": self.name, "taken": taken, "seconds": round(seconds, 2)}
        return {**report, "validation": shown, "n": n, "loss": loss}


def lay_out(fields: Sequence[Field], trained: Trained) -> dict[str, Head]:
    """Returns each field's columns in the scores of all fields side by side, not calibrated yet."""
    heads, start = {}, 0
    for each in fields:
        stop = start + len(field_labels(each))
        heads[each.name] = Head(
            start,
            stop,
            _UNCALIBRATED,
            centre=trained.centres.get(each.name, 0.0),
            spread=trained.spreads.get(each.name, 1.0),
        )
        start = stop
    return heads


def judge_rung(
    fields: Sequence[Field], trained: Trained, *, scores: NDArray[np.float32], rows: Rows
) -> tuple[dict[str, Head], Merit, float]:
    """Returns calibrated heads, how well they answer the rows, and the log loss summed over fields.

    Args:
        fields: Those with columns, in the order of the columns.
        scores: Of the heads that have not seen the rows.
        rows: Validation rows.
    """
    heads, gains, shown, losses = lay_out(fields, trained), {}, {}, {}
    for each in fields:
        head, target = heads[each.name], rows.targets[each.name]
        columns = scores[:, head.start : head.stop]
        heads[each.name] = head = calibrate(each, head, scores=columns, target=target)
        known = is_labelled(target)
        if known.any():
            gains[each.name], shown[each.name] = _gains(each, head, columns[known], target[known])
            losses[each.name] = log_losses(each, head, scores=columns, target=target)
    return heads, Merit(gains, shown, losses), sum(float(each.mean()) for each in losses.values())


def _gains(
    field: Field, head: Head, scores: NDArray[np.float32], target: Target
) -> tuple[NDArray[np.float64], float]:
    if field.kind == "number":
        errors = ((head.centre + head.spread * scores[:, 0] - target) / (target.std() or 1.0)) ** 2
        return np.clip(1 - errors, -1, 1), float(1 - errors.mean())
    if field.kind == "choices":
        scaled = scores / head.temperature + (head.offsets[0] if head.offsets else 0.0)
        taken, truth = 1 / (1 + np.exp(-scaled)) >= head.threshold, target == 1
        both, either = (taken & truth).sum(1), (taken | truth).sum(1)
        total = int(taken.sum() + truth.sum())
        micro = 2 * float(both.sum()) / total if total else 1.0
        return np.where(either > 0, both / np.maximum(either, 1), 1.0), micro
    right = (scores.argmax(1) == target).astype(np.float64)
    return right, float(right.mean())


def beats(upper: Candidate, lower: Candidate) -> bool:
    """Returns whether `upper` answers held-out rows better than `lower`, by more than noise."""
    return bool(find_gain(upper.merit, lower.merit))


def find_gain(upper: Merit, lower: Merit) -> Gain:
    """Returns in what `upper` is better than `lower`, by more than noise; empty where it is not.

    Better is: more right answers; or no fewer, beyond noise, and probabilities that fit the rows better: the log
    loss, a proper score, sees what a count of hits is too coarse for. One-sided at the 5 % level, over the rows of
    all fields.
    """
    if chance_of_gain(upper, lower) < _NOISE:
        return "hits"
    if chance_of_gain(lower, upper) < _NOISE:
        return ""
    pairs = [(lower.losses[n], upper.losses[n]) for n in lower.losses if n in upper.losses]
    if pairs and _chance(np.concatenate([before - after for before, after in pairs])) < _NOISE:
        return "log loss"
    return ""


def chance_of_gain(upper: Merit, lower: Merit) -> float:
    """Returns how likely so large a gain is, or a larger one, if both are equally good.

    The exact McNemar test where answers are right or wrong, a paired z-test where they are right in part.
    """
    shared = [name for name in lower.gains if name in upper.gains]
    if not shared:
        return 1.0
    gained = np.concatenate([upper.gains[name] - lower.gains[name] for name in shared])
    if set(np.unique(gained)) <= {-1.0, 0.0, 1.0}:
        from scipy.stats import binomtest  # takes longer to load than most turns need it

        won, lost = int((gained > 0).sum()), int((gained < 0).sum())
        return float(binomtest(won, won + lost, 0.5, alternative="greater").pvalue) if won + lost else 1.0
    return _chance(gained)


def _chance(gained: NDArray[np.float64]) -> float:
    """Returns the one-sided p-value of a mean above 0."""
    spread = float(gained.std()) / np.sqrt(len(gained))
    return math.erfc(float(gained.mean()) / spread / math.sqrt(2)) / 2 if spread else 1.0


def with_tags(merit: Merit, more: Merit) -> Merit:
    """Returns what both say, of different fields."""
    return replace(merit, gains={**merit.gains, **more.gains}, headline={**merit.headline, **more.headline})
