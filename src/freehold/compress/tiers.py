"""How sure the static tier has to be: the least margin for which held-out rows certify what its answers cost.

The extra error of its answers is the share of them that are wrong where the trained model is right. Thresholds
are tested from the surest down, each by the exact binomial bound, up to the first that fails: whatever passes
holds with 95 % confidence (fixed-sequence testing: Angelopoulos et al. 2021, "Learn then Test"; the bound: Clopper
and Pearson 1934).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from freehold.compress.bounds import independent_rows, rows_needed, tell_left_out, upper_bound
from freehold.engine import (
    STATIC,
    Description,
    HeldOut,
    StaticTier,
    field_labels,
    join_inputs,
    load_held_out,
    load_static,
    margins,
    open_folder,
    save_static,
)
from freehold.task import Example, Json, Task

__all__ = [
    "ALLOWED",
    "Certificate",
    "Shipped",
    "certify",
    "describe_curve",
    "ship_static",
]

ALLOWED = 0.005
"""Allowed where the task says nothing."""

_SHARES = tuple(n / 20 for n in range(1, 21))


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certified of the static tier's answers to a field.

    Attributes:
        above: The margin that an answer has to exceed; None where nothing could be certified.
        allowed: The extra error that was asked for.
        bound: Upper 95 % bound of the extra error of what is accepted; None where nothing is.
        accepted: Held-out rows above the margin.
        extra: Those of them that it got wrong and the trained model right.
        rows: Held-out rows with a label.
        missing: How many more rows that some label fits are needed to try at all; 0 where there are enough.
        left_out: Further rows with a label, of the same texts or authors as those that count.
    """

    above: float | None
    allowed: float
    bound: float | None
    accepted: int
    extra: int
    rows: int
    missing: int = 0
    left_out: int = 0

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data, with the share of rows accepted."""
        return {**asdict(self), "share": self.accepted / self.rows if self.rows else 0.0}

    @property
    def sentence(self) -> str:
        """What it says, in words."""
        return self._said + tell_left_out(self.left_out)

    @property
    def _said(self) -> str:
        if self.above is not None:
            assert self.bound is not None
            share, found = f"{self.accepted / self.rows:.0%}", f"{self.extra} of {self.accepted:,} were"
            return (
                f"answers {share} of {self.rows:,} validation rows; at most {self.bound:.2%} of its answers are "
                f"wrong where the trained model is right, with 95 % confidence ({found})"
            )
        if self.missing:
            return (
                f"off: {self.missing:,} more validation rows are needed to certify an extra error of "
                f"{self.allowed:.2%} ({self.rows:,} are there)"
            )
        return f"off: an extra error of {self.allowed:.2%} could not be certified on {self.rows:,} validation rows"


def certify(found: HeldOut, *, allowed: float = ALLOWED, least_margin: float = -0.5) -> Certificate:
    """Returns the least margin that is certified, and what is known of it.

    Args:
        allowed: The extra error that is asked for, above 0 and below 1.
        least_margin: Margins up to this are never accepted, whatever is certified.
    """
    order = np.argsort(-found.margins, kind="stable")
    surest, errors = found.margins[order], np.cumsum(found.extra[order])
    rows, least = len(surest), rows_needed(allowed)
    within = int((surest > max(least_margin, -0.5)).sum())
    best: tuple[int, float] | None = None
    for n in _ends(surest[:within].tolist(), least):
        bound = upper_bound(int(errors[n - 1]), n)
        if bound > allowed:
            break
        best = n, bound
    if best is None:
        return Certificate(None, allowed, None, 0, 0, rows, missing=max(0, least - within))
    n, bound = best
    above = max(float(surest[n]), least_margin) if n < rows else least_margin
    return Certificate(above, allowed, bound, n, int(errors[n - 1]), rows)


def _ends(margins: list[float], least: int) -> Iterator[int]:
    """Yields how many rows lie above each margin that is tried: equal margins are accepted or not together."""
    return (n for n in range(least, len(margins) + 1) if n == len(margins) or margins[n] < margins[n - 1])


def describe_curve(found: HeldOut) -> list[Json]:
    """Returns cost against share for a picture: the rows accepted, surest first, and what that costs."""
    order = np.argsort(-found.margins, kind="stable")
    extra, wrong = np.cumsum(found.extra[order]), np.cumsum(found.wrong[order])
    points: list[Json] = []
    for share in _SHARES if len(order) else ():
        n = max(1, round(share * len(order)))
        bound = upper_bound(int(extra[n - 1]), n)
        points.append(
            {
                "share": n / len(order),
                "n": n,
                "extra": int(extra[n - 1]),
                "bound": bound,
                "wrong": int(wrong[n - 1]),
            }
        )
    return points


@dataclass(frozen=True, slots=True)
class Shipped:
    """What is known of the static tier's answers to a field: the certificate, and cost against share."""

    certificate: Certificate
    curve: list[Json]

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data."""
        return {**self.certificate.to_json(), "curve": self.curve}


def ship_static(trained: Path, folder: Path, *, task: Task, examples: Sequence[Example]) -> dict[str, Shipped]:
    """Writes the static tier with the margins that are certified; none where some field could not be certified.

    The tier passes on whatever it is no surer of than of a correction that it gets wrong.

    Args:
        trained: The trained model's folder.
        folder: The artifact's.
        examples: What it was made of: validation rows, of which only independent ones certify, and corrections.

    Returns:
        Field to what is known of it; empty where the trained model has no static tier.
    """
    tier = load_static(trained / STATIC)
    if tier is None:
        return {}
    description = open_folder(trained).description
    corrected = [row for row in examples if row.split == "train" and row.passport.source == "feedback"]
    least = _margins_of_mistakes(tier, description, corrected)
    held = [row for row in examples if row.split == "validation"]
    shipped = {}
    for name, found in load_held_out(trained / STATIC).items():
        places = independent_rows([row for row in held if name in row.outputs], by_author=task.rules.by_author)
        counted = HeldOut(found.margins[places], found.extra[places], found.wrong[places])
        certificate = certify(counted, allowed=task.extra_errors.get(name, ALLOWED), least_margin=least[name])
        left_out = len(found.margins) - len(counted.margins)
        shipped[name] = Shipped(replace(certificate, left_out=left_out), describe_curve(counted))
    accepts = {n: replace(each, above=shipped[n].certificate.above) for n, each in tier.accepts.items()}
    if (made := replace(tier, accepts=accepts)).is_on:
        save_static(folder / STATIC, made)
    return shipped


def _margins_of_mistakes(tier: StaticTier, description: Description, rows: Sequence[Example]) -> dict[str, float]:
    """Returns, for each field, the largest margin with which the tier gets one of the rows wrong; -0.5 for none.

    The rows are none of those that certify: a margin that is raised for their sake was tried and passed before.
    """
    found = {field.name: -0.5 for field in description.fields}
    scores = tier.scores([join_inputs(row.inputs, description.inputs) for row in rows]) if rows else None
    for field in description.fields if scores is not None else ():
        assert scores is not None
        head, labels = tier.accepts[field.name].head, field_labels(field)
        columns = scores[:, head.start : head.stop]
        for row, best, margin in zip(rows, columns.argmax(1), margins(head, columns), strict=True):
            wanted = row.outputs.get(field.name)
            if wanted is not None and labels[best] != (
                str(wanted).lower() if field.kind == "predicate" else str(wanted)
            ):
                found[field.name] = max(found[field.name], float(margin))
    return found
