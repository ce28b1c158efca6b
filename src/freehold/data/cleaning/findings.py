"""What was found in a text, where, and what may be put in its place.

Owns the word for a find and the masks. Knows nothing of how things are found.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

from freehold.data.cleaning.offsets import Edit

__all__ = ["MODES", "Finding", "Mode", "apart", "mask"]

Mode = Literal["keep", "mask", "drop"]
"""What is done with a find: told and left as it is; replaced; or the whole text is dropped for it."""

MODES: tuple[Mode, ...] = get_args(Mode)


class Finding(NamedTuple):
    """Something found in a text.

    Attributes:
        kind: `email`, `secret`, `override`.
        start: Where it begins.
        end: Where it ends, exclusive.
        rule: The rule that found it: `pii.email`, `secrets.aws`.
    """

    kind: str
    start: int
    end: int
    rule: str = ""


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings of which none overlaps another, in order of their places; the first named ones win."""
    taken: list[tuple[int, int, Finding]] = []
    for each in findings:
        place = bisect_left(taken, (each.start,))
        before = place and taken[place - 1][1] > each.start
        after = place < len(taken) and taken[place][0] < each.end
        if not before and not after:
            taken.insert(place, (each.start, each.end, each))
    return [each for _, _, each in taken]


def mask(findings: Sequence[Finding]) -> Iterator[Edit]:
    """Yields what puts a typed placeholder in the place of each find: `[EMAIL]`.

    Args:
        findings: In order of their places, none overlapping another.
    """
    return (Edit(each.start, each.end, f"[{each.kind.upper()}]") for each in findings)
