"""What each tier of a model did with the test rows: how many it answered, and how many of those rightly. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from freehold.gate.intervals import wilson
from freehold.gate.scores import pair_up, right

if TYPE_CHECKING:
    from freehold.task import Field, Measured, Prediction, Value

__all__ = ["measure_tiers"]


def measure_tiers(
    fields: Sequence[Field], truths: Sequence[Mapping[str, Value]], predictions: Sequence[Prediction]
) -> dict[str, dict[str, Measured]]:
    """Returns, for each field that more than one tier may answer, tier to the accuracy of what it answered.

    The interval is Wilson's; `n` are the labelled rows that the tier answered.
    """
    found: dict[str, dict[str, Measured]] = {}
    for field in fields:
        pairs = [pair for pair in pair_up(field.name, truths, predictions) if pair.answer.tier]
        hits = right(field.kind, pairs).tolist() if pairs else []
        tiers: dict[str, list[bool]] = {}
        for pair, hit in zip(pairs, hits, strict=True):
            tiers.setdefault(pair.answer.tier, []).append(hit)
        if tiers:
            ordered = sorted(tiers.items(), key=lambda item: item[0] == "champion")
            found[field.name] = {tier: wilson(sum(each), len(each)) for tier, each in ordered}
    return found
