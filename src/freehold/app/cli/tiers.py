"""What a release's tiers answer, in words and rows: the static tier's certificate, and what came of it.

Takes the facts that the stages left as they are; computes no metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = [
    "ABSTAINING",
    "CERTIFIED",
    "COST",
    "TIERS",
    "abstaining_rows",
    "certified_rows",
    "cost_rows",
    "tier_rows",
]

CERTIFIED = ("field", "static tier")
ABSTAINING = ("field", ">at least", "answers")
TIERS = ("field", "tier", ">share", ">accuracy", ">95 % interval", ">n")
COST = (">answered", ">wrong", ">of these, model right", ">at most", ">n")


def certified_rows(found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Returns each field with what is certified of the static tier's answers to it.

    Args:
        found: The fact `static` of shrinking.
    """
    said = [(name, _say(each)) for name, each in found.items()]
    if any(each["above"] is None for each in found.values()) and len(found) > 1:
        return [(name, f"{sentence}; off until every field is certified") for name, sentence in said]
    return said


def _say(found: Mapping[str, Any]) -> str:
    rows, allowed = found["rows"], found["allowed"]
    if found["above"] is not None:
        return (
            f"answers {found['share']:.0%} of {rows:,} validation rows, extra error at most {found['bound']:.2%} "
            f"({found['extra']} of {found['accepted']:,}; {allowed:.2%} allowed)"
        )
    if found["missing"]:
        return (
            f"off: {found['missing']:,} more validation rows are needed beside {rows:,} to certify {allowed:.2%}"
        )
    return f"off: {allowed:.2%} could not be certified on {rows:,} validation rows"


def abstaining_rows(found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Returns each field with the least confidence of an answer that is given, and what is certified of those.

    Args:
        found: The fact `abstaining` of shrinking.
    """
    return [
        (name, f"{each['below']:.4f}" if each["bound"] is not None else "", each["sentence"])
        for name, each in found.items()
    ]


def tier_rows(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Yields what each tier answered of the test rows, and how rightly.

    Args:
        found: The fact `tiers` of the gate.
    """
    for field, tiers in found.items():
        total = sum(each["n"] for each in tiers.values())
        for place, (tier, each) in enumerate(tiers.items()):
            interval = f"{each['low']:.4f} to {each['high']:.4f}"
            share = f"{each['n'] / total:.1%}"
            yield (field if place == 0 else "", tier, share, f"{each['value']:.4f}", interval, f"{each['n']:,}")


def cost_rows(curve: Iterable[Mapping[str, Any]]) -> list[Sequence[str]]:
    """Returns what the static tier's answers would cost at each share of the validation rows, the surest first."""
    return [
        (f"{p['share']:.0%}", f"{p['wrong']:,}", f"{p['extra']:,}", f"{p['bound']:.2%}", f"{p['n']:,}")
        for p in curve
    ]
