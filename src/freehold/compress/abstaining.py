"""How sure an answer has to be to be given at all: the least confidence that held-out rows certify.

What is certified is the share of wrong ones among the answers that are given, whichever tier gives them.
Confidences are tested from a few starting points down, each by the exact binomial bound, up to the first that
fails; with the doubt shared among the starts, whatever passes holds with 95 % confidence (fixed-sequence testing
with several starts: Angelopoulos et al. 2021, "Learn then Test", section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from freehold.compress.bounds import DOUBT, independent_rows, rows_needed, tell_left_out, upper_bound
from freehold.engine import Description
from freehold.task import Answer, Example, Json, Task

__all__ = ["NEVER", "Abstaining", "Offered", "certify_answers", "certify_fields", "offer", "with_bars"]

NEVER = 1.0000000000000002
"""A confidence that no answer has: the next number after 1."""
_STARTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """What the tiers would answer to the labelled held-out rows of a field, in the order in which they are asked.

    Attributes:
        confidences: Shape (tiers, rows); -1 where a tier has no answer to give.
        wrong: Shape (tiers, rows).
    """

    confidences: NDArray[np.float64]
    wrong: NDArray[np.bool_]

    def answered(self, bar: float) -> tuple[int, int]:
        """Returns how many rows get an answer as sure as `bar`, and how many of these answers are wrong."""
        open_rows = np.ones(self.wrong.shape[1], bool)
        answered = errors = 0
        for confidences, wrong in zip(self.confidences, self.wrong, strict=True):
            sure = open_rows & (confidences >= bar)
            answered, errors = answered + int(sure.sum()), errors + int((wrong & sure).sum())
            open_rows &= ~sure
        return answered, errors


@dataclass(frozen=True, slots=True)
class Abstaining:
    """What is certified of the answers to a field that are given.

    Attributes:
        below: Answers that are less sure are not given: 0 where all are, `NEVER` where nothing could be certified.
        allowed: The share of wrong ones that was asked for.
        bound: Upper 95 % bound of it among those that are given; None where none is.
        answered: Held-out rows that get an answer.
        wrong: Those of them whose answer is wrong.
        rows: Held-out rows with a label.
        missing: How many more rows are needed to try at all; 0 where there are enough.
        left_out: Further rows with a label, of the same texts or authors as those that count.
    """

    below: float
    allowed: float
    bound: float | None
    answered: int
    wrong: int
    rows: int
    missing: int = 0
    left_out: int = 0

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data, with what it says in words."""
        return {**asdict(self), "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """What it says, in words."""
        return self._said + tell_left_out(self.left_out)

    @property
    def _said(self) -> str:
        if self.bound is not None:
            return (
                f"answers {self.answered / self.rows:.1%} of {self.rows:,} validation rows; at most "
                f"{self.bound:.2%} of the answers are wrong, with 95 % confidence ({self.wrong:,} of "
                f"{self.answered:,} were; {self.allowed:.2%} allowed)"
            )
        if self.missing:
            return (
                f"always abstains: {self.missing:,} more validation rows are needed to certify an error of "
                f"{self.allowed:.2%} ({self.rows:,} are there)"
            )
        asked = f"an error of {self.allowed:.2%}"
        return f"always abstains: {asked} could not be certified on {self.rows:,} validation rows"


def offer(field: str, rows: Sequence[Example], tiers: Sequence[Sequence[Mapping[str, Answer]]]) -> Offered:
    """Returns what tiers would answer to those rows that have a label.

    Args:
        tiers: In the order in which they are asked: each row's answers, without the fields that a tier passes on.
    """
    known = [n for n, row in enumerate(rows) if field in row.outputs]
    shape = (len(tiers), len(known))
    confidences, wrong = np.full(shape, -1.0), np.zeros(shape, bool)
    for tier, answers in enumerate(tiers):
        for place, n in enumerate(known):
            if (answer := answers[n].get(field)) is not None:
                confidences[tier, place] = answer.confidence
                wrong[tier, place] = answer.value != rows[n].outputs[field]
    return Offered(confidences, wrong)


def certify_answers(found: Offered, *, allowed: float, least: float = 0.0) -> Abstaining:
    """Returns the least confidence that is certified, and what is known of it.

    Args:
        allowed: The share of wrong answers that is asked for, above 0 and below 1.
        least: Answers that are less sure than this are not given, whatever is certified.
    """
    rows = found.confidences.shape[1]
    best = found.confidences.max(0, initial=-1.0)
    bars = np.unique(best[best >= least])[::-1]
    counts = [found.answered(bar) for bar in bars.tolist()]
    starts, doubt = _starts(rows, allowed)
    passed = -1
    for start in starts:
        first = next((n for n, (answered, _) in enumerate(counts) if answered >= start), len(counts))
        for n in range(first, len(counts)):
            if upper_bound(counts[n][1], counts[n][0], doubt=doubt) > allowed:
                break
            passed = max(passed, n)
    if passed < 0:
        return Abstaining(NEVER, allowed, None, 0, 0, rows, missing=max(0, rows_needed(allowed) - rows))
    answered, wrong = counts[passed]
    below = least if passed == len(bars) - 1 else float(bars[passed])
    return Abstaining(below, allowed, upper_bound(wrong, answered, doubt=doubt), answered, wrong, rows)


def _starts(rows: int, allowed: float) -> tuple[list[int], float]:
    """Returns how many answers each sequence of tests begins with, and the doubt that each may use up.

    The surest rows alone may hold a mistake of whoever labelled them, which would end a single sequence at once.
    Both depend on the number of rows only, never on what is right.
    """
    least = rows_needed(allowed, doubt=DOUBT / _STARTS)
    if rows < least:
        return [rows_needed(allowed)], DOUBT
    return [least + (rows - least) * n // _STARTS for n in range(_STARTS)], DOUBT / _STARTS


def certify_fields(
    task: Task, rows: Sequence[Example], tiers: Sequence[Sequence[Mapping[str, Answer]]]
) -> dict[str, Abstaining]:
    """Returns, for each field of which the task asks it, from which confidence on its answers are given.

    Args:
        rows: Held-out rows.
        tiers: What each tier would answer to them, in the order in which they are asked.
    """
    certified = {}
    for name, share in task.errors_given_answer.items():
        known = [n for n, row in enumerate(rows) if name in row.outputs]
        places = independent_rows([rows[n] for n in known], by_author=task.rules.by_author)
        counted = [known[place] for place in places]
        offered = offer(name, [rows[n] for n in counted], [[tier[n] for n in counted] for tier in tiers])
        found = certify_answers(offered, allowed=share, least=task.field(name).abstain_below)
        certified[name] = replace(found, left_out=len(known) - len(counted))
    return certified


def with_bars(description: Description, certified: Mapping[str, Abstaining]) -> Description:
    """Returns the description with fields that abstain below what is certified of them."""
    fields = tuple(
        replace(field, abstain_below=certified[field.name].below) if field.name in certified else field
        for field in description.fields
    )
    return replace(description, fields=fields)
