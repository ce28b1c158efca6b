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
from freehold.gate.resampling import Floats, Whole
from freehold.gate.scores import Pair, pair_up, right, units_of
from freehold.gate.units import share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.task import Field, Json, Measured, Prediction, Value

__all__ = ["describe_confidence", "reliability", "risk_coverage"]

_STEPS = 20


def describe_confidence(
    fields: Sequence[Field],
    truths: Sequence[Mapping[str, Value]],
    predictions: Sequence[Prediction],
    *,
    units: Sequence[str] = (),
) -> dict[str, Json]:
    """Returns both tables of every field whose answers can be right or wrong: not those of `number` fields.

    Those of a `choices` field are about whole answers (`risk_coverage`) and about the probability of each
    label on each row (`reliability`).
    """
    found: dict[str, Json] = {}
    for field in fields:
        pairs = pair_up(field.name, truths, predictions, units=units)
        if not pairs or field.kind == "number":
            continue
        hits, together = right(field.kind, pairs), units_of(pairs)
        confidences = np.array([pair.answer.confidence for pair in pairs], np.float64)
        found[field.name] = {
            "n": len(pairs),
            "risk_coverage": risk_coverage(confidences, hits, together),
            "reliability": _label_reliability(pairs, together)
            if field.kind == "choices"
            else reliability(confidences, hits, together),
        }
    return found


def _label_reliability(pairs: Sequence[Pair], units: Whole) -> list[Json]:
    labels = label_chances([pair.answer.probabilities for pair in pairs], [set(pair.truth) for pair in pairs])
    if not labels.chances.size:
        return []
    answers = np.repeat(units, labels.chances.shape[1])  # the labels of a row are drawn together too
    return reliability(labels.chances.ravel(), labels.true.ravel(), answers)


def risk_coverage(confidences: Floats, hits: NDArray[np.bool_], units: Whole) -> list[Json]:
    """Returns how right the most confident answers are, for a twentieth of them, two, and so on to all.

    Each point has the `threshold` that the accepted answers reach (rounded down), their share `coverage`, and
    their `accuracy` with the interval of `units.share`. Equal confidences are accepted together, so that a point
    may take in more than its twentieth.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    taken = [int((ranked >= ranked[-(-step * len(ranked) // _STEPS) - 1]).sum()) for step in range(1, _STEPS + 1)]
    return [
        {
            "threshold": floor(float(ranked[n - 1]) * 1e6) / 1e6,
            "coverage": round(n / len(ranked), 6),
            "accuracy": {**_share_of(order[:n], hits, units)._asdict()},
        }
        for n in sorted(set(taken))
    ]


def reliability(confidences: Floats, hits: NDArray[np.bool_], units: Whole) -> list[Json]:
    """Returns the 15 bins of equal mass that calibration error is made of, least confident first.

    Each has the mean `confidence`, the range that it spans (`from`, `to`), and the share of answers that are
    `right` with the interval of `units.share`. Empty bins are left out.
    """
    bins = equal_mass(confidences)
    table: list[Json] = []
    for members in (np.flatnonzero(bins == each) for each in range(BINS)):
        if not members.size:
            continue
        inside = confidences[members]
        low, high, mean = (round(float(each), 6) for each in (inside.min(), inside.max(), inside.mean()))
        found = _share_of(members, hits, units)
        table.append({"confidence": mean, "from": low, "to": high, "right": {**found._asdict()}})
    return table


def _share_of(rows: Whole, hits: NDArray[np.bool_], units: Whole) -> Measured:
    return share(hits[rows], np.unique(units[rows], return_inverse=True)[1])
