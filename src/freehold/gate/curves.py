"""What the pictures of a verdict are drawn from: risk against coverage, and reliability.

Owns the tables of `calibration.json`. Draws nothing; knows no goals.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freehold.gate.calibration import BINS, equal_mass, label_chances
from freehold.gate.intervals import wilson
from freehold.gate.resampling import Floats
from freehold.gate.scores import Pair, pair_up, right

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.task import Field, Json, Prediction, Value

__all__ = ["describe_confidence", "reliability", "risk_coverage"]

_STEPS = 20


def describe_confidence(
    fields: Sequence[Field], truths: Sequence[Mapping[str, Value]], predictions: Sequence[Prediction]
) -> dict[str, Json]:
    """Returns both tables of every field whose answers can be right or wrong: not those of `number` fields.

    Those of a `choices` field are about whole answers (`risk_coverage`) and about the probability of each
    label on each row (`reliability`).
    """
    found: dict[str, Json] = {}
    for field in fields:
        pairs = pair_up(field.name, truths, predictions)
        if not pairs or field.kind == "number":
            continue
        hits = right(field.kind, pairs)
        confidences = np.array([pair.answer.confidence for pair in pairs], np.float64)
        found[field.name] = {
            "n": len(pairs),
            "risk_coverage": risk_coverage(confidences, hits),
            "reliability": _label_reliability(pairs)
            if field.kind == "choices"
            else reliability(confidences, hits),
        }
    return found


def _label_reliability(pairs: Sequence[Pair]) -> list[Json]:
    labels = label_chances([pair.answer.probabilities for pair in pairs], [set(pair.truth) for pair in pairs])
    return reliability(labels.chances.ravel(), labels.true.ravel()) if labels.chances.size else []


def risk_coverage(confidences: Floats, hits: NDArray[np.bool_]) -> list[Json]:
    """Returns how right the most confident answers are, for a twentieth of them, two, and so on to all.

    Each point has the `threshold` that the accepted answers reach (rounded down), their share `coverage`, and
    their `accuracy` with Wilson's interval. Equal confidences are accepted together, so that a point may take
    in more than its twentieth.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked, caught = confidences[order], np.cumsum(hits[order])
    taken = [int((ranked >= ranked[-(-step * len(ranked) // _STEPS) - 1]).sum()) for step in range(1, _STEPS + 1)]
    return [
        {
            "threshold": floor(float(ranked[n - 1]) * 1e6) / 1e6,
            "coverage": round(n / len(ranked), 6),
            "accuracy": {**wilson(int(caught[n - 1]), n)._asdict()},
        }
        for n in sorted(set(taken))
    ]


def reliability(confidences: Floats, hits: NDArray[np.bool_]) -> list[Json]:
    """Returns the 15 bins of equal mass that calibration error is made of, least confident first.

    Each has the mean `confidence`, the range that it spans (`from`, `to`), and the share of answers that are
    `right` with Wilson's interval. Empty bins are left out.
    """
    bins = equal_mass(confidences)
    table: list[Json] = []
    for members in (np.flatnonzero(bins == each) for each in range(BINS)):
        if not members.size:
            continue
        inside = confidences[members]
        low, high, mean = (round(float(each), 6) for each in (inside.min(), inside.max(), inside.mean()))
        share = wilson(int(hits[members].sum()), members.size)
        table.append({"confidence": mean, "from": low, "to": high, "right": {**share._asdict()}})
    return table
