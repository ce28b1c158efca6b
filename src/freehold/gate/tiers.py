"""What each tier of a model did with the test rows: how many it answered, and how many of those rightly. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from freehold.gate.scores import pair_up, right, units_of
from freehold.gate.units import share

if TYPE_CHECKING:
    from freehold.task import Field, Measured, Prediction, Value

__all__ = ["measure_tiers"]


def measure_tiers(
    fields: Sequence[Field],
    truths: Sequence[Mapping[str, Value]],
    predictions: Sequence[Prediction],
    *,
    units: Sequence[str] = (),
) -> dict[str, dict[str, Measured]]:
    """Returns, for each field that more than one tier may answer, tier to the accuracy of what it answered.

    `n` are the labelled rows that the tier answered; the interval is that of `units.share`.
    """
    found: dict[str, dict[str, Measured]] = {}
    for field in fields:
        pairs = pair_up(field.name, truths, predictions, units=units)
        tiers = sorted({pair.answer.tier for pair in pairs} - {""}, key=lambda tier: (tier == "champion", tier))
        answered = {tier: [pair for pair in pairs if pair.answer.tier == tier] for tier in tiers}
        if tiers:
            found[field.name] = {
                tier: share(right(field.kind, mine), units_of(mine)) for tier, mine in answered.items()
            }
    return found
