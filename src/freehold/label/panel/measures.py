"""How far experts agree, and how good each of them is, as plain JSON.

Owns which figures are shown and in which shape. Intervals are 95 %; a figure that cannot be measured says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from freehold.label.panel.looks import Look, annotate_looks, read_looks
from freehold.task import Field, Json, canonical, wilson_bounds

if TYPE_CHECKING:
    from freehold.label.crowd import Coefficient, FieldAgreement
    from freehold.registry import LedgerRow

__all__ = ["measure"]

_MOST_CONFUSIONS = 20


def measure(
    ledger: Sequence[LedgerRow], fields: Sequence[Field], *, inputs: Mapping[str, Mapping[str, str]]
) -> dict[str, Json]:
    """Returns `agreement`: field to its measures; `experts`: name to what is known of each.

    Blind looks alone are compared: who adjudicates knows what was said, and gold tells of one expert at a time.

    Args:
        inputs: Example to its inputs, so that what is confused can be read.
    """
    looks, gold = (read_looks(ledger, fields, kind=kind) for kind in ("first", "gold"))
    names = sorted({row.expert for row in ledger})
    return {
        "agreement": _agree(looks, fields, inputs),
        "experts": {name: _describe(name, looks, gold) for name in names},
    }


def _agree(
    looks: Sequence[Look], fields: Sequence[Field], inputs: Mapping[str, Mapping[str, str]]
) -> dict[str, Json]:
    from freehold.label.crowd import measure_agreement

    measured = [field for field in fields if field.kind != "text"]
    kept = [look for look in looks if look.field in {field.name for field in measured}]
    if not kept:
        return {}
    found = measure_agreement(measured, annotate_looks(kept))
    return {name: _describe_field(each, inputs) for name, each in found.items()}


def _describe_field(each: FieldAgreement, inputs: Mapping[str, Mapping[str, str]]) -> dict[str, Json]:
    confusions: list[Json] = [
        {
            "labels": list(pair.labels),
            "observed": pair.observed,
            "expected": pair.expected,
            "examples": [{"example": item, "inputs": dict(inputs.get(item, {}))} for item in pair.items],
        }
        for pair in each.confusions
    ]
    counts: dict[str, Json] = {
        "kind": each.kind,
        "items": each.items,
        "shared": each.shared,
        "experts": each.experts,
        "judgements": each.judgements,
    }
    return {
        **counts,
        "measures": {name: _show(value) for name, value in each.overall.items()},
        "labels": {
            label: {name: _show(value) for name, value in found.items()} for label, found in each.labels.items()
        },
        "confusions": confusions,
    }


def _show(value: Coefficient) -> Json:
    if value.measured is None:
        return {"value": None, "why": value.why}
    return {**value.measured._asdict()}


def _describe(name: str, looks: Sequence[Look], gold: Sequence[Look]) -> dict[str, Json]:
    """Returns one expert's agreement with others, share of gold items that are right, and what is confused."""
    others: dict[tuple[str, str], list[Look]] = {}
    for look in looks:
        if look.expert != name:
            others.setdefault((look.item, look.field), []).append(look)
    mine = [look for look in looks if look.expert == name]
    compared = [(look, others[look.item, look.field]) for look in mine if (look.item, look.field) in others]
    shares = [sum(each.form == look.form for each in said) / len(said) for look, said in compared]
    known = [look for look in gold if look.expert == name]
    right = [float(look.form == canonical(look.right)) for look in known]
    apart = Counter(
        (look.field, _word(look.value), _word(each.value), False)
        for look, said in compared
        for each in said
        if each.form != look.form
    )
    apart.update(
        (look.field, _word(look.value), _word(look.right), True)
        for look in known
        if look.form != canonical(look.right)
    )
    return {"agreement": _share(shares), "gold": _share(right), "confusions": _confused(apart)}


def _share(values: Sequence[float]) -> Json:
    """Returns a mean of shares with Wilson's interval; None of nothing."""
    if not values:
        return None
    share, n = sum(values) / len(values), len(values)
    low, high = wilson_bounds(share, n)
    rounded = (round(each, 6) for each in (share, min(low, share), max(high, share)))
    return {**dict(zip(("value", "low", "high"), rounded, strict=True)), "n": n}


def _confused(apart: Mapping[tuple[str, str, str, bool], int]) -> Json:
    worst: Iterable[tuple[tuple[str, str, str, bool], int]] = sorted(
        apart.items(), key=lambda pair: (-pair[1], pair[0])
    )
    return [
        {"field": field, "said": said, "others": other, "n": n, "gold": gold}
        for (field, said, other, gold), n in list(worst)[:_MOST_CONFUSIONS]
    ]


def _word(value: object) -> str:
    return value if isinstance(value, str) else canonical(cast(Json, value)).decode()
