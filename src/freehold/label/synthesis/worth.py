"""What each writer gave for what it took: rows, coverage, diversity, errors, and right answers on validation rows.

Every writer has the same budget, so that a cheap one writes more (Bansal et al. 2024, "Smaller, Weaker, Yet
Better"). Owns the comparison alone; who spends how much is for the writers to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freehold.label.synthesis.diversity import measure_diversity, words_of
from freehold.label.synthesis.round_trip import Lesson, RoundTrip, key_of
from freehold.task import Json, wilson_bounds

if TYPE_CHECKING:
    from freehold.label.synthesis.drafts import Draft
    from freehold.label.synthesis.writers import Spending

__all__ = ["Harvest", "choose_better", "compare_writers"]


class Harvest:
    """What one writer wrote.

    Args:
        drafts: How many it wrote.
        kept: Those that were good enough.
        places: Of these, among the features.
        vectors: Of these, of unit length.
    """

    def __init__(
        self, *, drafts: int, kept: Sequence[Draft], places: Sequence[int], vectors: NDArray[np.float32]
    ) -> None:
        self.drafts, self.kept, self.places, self.vectors = drafts, kept, list(places), vectors

    @property
    def lesson(self) -> Lesson:
        """Its rows, to learn from."""
        return Lesson(self.places, [dict(draft.outputs) for draft in self.kept])

    @property
    def texts(self) -> list[str]:
        """Its rows' texts."""
        return ["\n".join(draft.inputs.values()) for draft in self.kept]


def compare_writers(
    harvests: Mapping[str, Harvest], spent: Mapping[str, Spending], *, trip: RoundTrip, real: Lesson
) -> dict[str, Json]:
    """Returns writer to its figures, and which was better value, with the p-value of McNemar's exact test.

    Args:
        trip: Asks models about validation rows.
        real: The real training rows.
    """
    words = min((words_of(each.texts) for each in harvests.values() if each.kept), default=0)
    before = trip.hits(real)
    hits = {name: trip.hits(real.beside(each.lesson)) for name, each in harvests.items()}
    told: dict[str, Json] = {
        name: _describe(each, spent[name], trip=trip, real=real, words=words, hits=hits[name], before=before)
        for name, each in harvests.items()
    }
    return {"writers": told, "better": choose_better(told, hits)}


def _describe(
    harvest: Harvest,
    spent: Spending,
    *,
    trip: RoundTrip,
    real: Lesson,
    words: int,
    hits: NDArray[np.bool_],
    before: NDArray[np.bool_],
) -> dict[str, Json]:
    agreed = trip.agreement(real, harvest.lesson)
    wanted = {(n, key_of(v)) for outputs in real.outputs for n, v in outputs.items() if not isinstance(v, list)}
    given = {(n, key_of(v)) for d in harvest.kept for n, v in d.outputs.items() if not isinstance(v, list)}
    cost, gain = spent.cost / 1e9, int(hits.sum()) - int(before.sum())
    low, high = wilson_bounds(float(hits.mean()), len(hits)) if len(hits) else (0.0, 1.0)
    return {
        **{name: getattr(spent, name) for name in ("calls", "kept", "failed", "refused", "tokens")},
        "cost": cost,
        "drafts": harvest.drafts,
        "rows": len(harvest.kept),
        "coverage": round(len(wanted & given) / max(1, len(wanted)), 4),
        "diversity": dict(measure_diversity(harvest.texts, harvest.vectors, words=words)._asdict()),
        "error": round(float((agreed < 0.5).mean()), 4) if len(agreed) else None,
        "validation": {
            "value": round(float(hits.mean()), 4) if len(hits) else None,
            "low": round(low, 4),
            "high": round(high, 4),
            "n": len(hits),
        },
        "gain": round(gain / len(hits), 4) if len(hits) else None,
        "gain_per_cost": round(gain / len(hits) / cost, 4) if len(hits) and cost else None,
    }


def choose_better(told: Mapping[str, Json], hits: Mapping[str, NDArray[np.bool_]]) -> Json:
    """Returns which writer's rows gave most right answers on validation rows, and how likely that is chance.

    None where there is only one, or nothing to compare them on.
    """
    names = [name for name in told if len(hits[name])]
    if len(names) < 2:
        return None
    best, second = sorted(names, key=lambda name: -int(hits[name].sum()))[:2]
    won, lost = int((hits[best] & ~hits[second]).sum()), int((hits[second] & ~hits[best]).sum())
    return {"writer": best, "than": second, "won": won, "lost": lost, "p": round(_coin(won, lost), 4)}


def _coin(won: int, lost: int) -> float:
    """Returns the two-sided chance that a fair coin falls as unevenly."""
    from math import comb

    tosses, fewer = won + lost, min(won, lost)
    return min(1.0, float(2 * sum(comb(tosses, k) for k in range(fewer + 1)) / (1 << tosses)))
