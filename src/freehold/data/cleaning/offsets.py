"""Where the letters of a text are after it was changed, and where they came from.

Owns edits, the map of positions that follows from them, and what becomes of a span. Knows nothing of why a text
is changed. A map is a list of places where the two texts differ; between them positions are only shifted, so that
a text without a change has an empty map.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

__all__ = ["Change", "Edit", "Fate", "Moved", "Offsets", "replace"]

Fate = Literal["kept", "changed", "widened", "lost"]


class Edit(NamedTuple):
    """What is put in place of `text[start:end]`."""

    start: int
    end: int
    text: str


class Change(NamedTuple):
    """A place where two texts differ: `old[start:end]` became `new[new_start:new_end]`."""

    start: int
    end: int
    new_start: int
    new_end: int


class Moved(NamedTuple):
    """What became of a span.

    Attributes:
        fate: `kept`: the same letters. `changed`: letters inside it are others, its borders are exact.
            `widened`: a border fell into something that was replaced, and moved to the border of the
            replacement. `lost`: nothing of it is left, and `start` equals `end`.
        start: Where it begins now.
        end: Where it ends now, exclusive.
    """

    fate: Fate
    start: int
    end: int


@dataclass(frozen=True)
class Offsets:
    """A map between the positions of a text and of what it became.

    Attributes:
        changes: Where they differ, in order, none overlapping another.

    Example:
        >>> text, offsets = replace("call 555-0100 now", [Edit(5, 13, "[PHONE]")])
        >>> text
        'call [PHONE] now'
        >>> offsets.span(14, 17)
        Moved(fate='kept', start=13, end=16)
        >>> offsets.span(5, 8)
        Moved(fate='widened', start=5, end=12)
    """

    changes: tuple[Change, ...] = ()

    @property
    def identity(self) -> bool:
        """Whether nothing moved."""
        return not self.changes

    def span(self, start: int, end: int) -> Moved:
        """Returns where `text[start:end]` is in the changed text.

        Text that was put in at a border belongs to the span's surroundings; text that replaced a part of the
        span belongs to the span.
        """
        left, cut_left = self._border(start, opens=True)
        right, cut_right = self._border(end, opens=False)
        if start >= end:  # a place between two letters, which has no letters to lose
            return Moved("widened" if cut_right else "kept", right, right)
        if left >= right:
            return Moved("lost", left, left)
        if cut_left or cut_right:
            return Moved("widened", left, right)
        return Moved("changed" if self._within(start, end) else "kept", left, right)

    def back(self, start: int, end: int) -> Moved:
        """Returns where `changed[start:end]` is in the untouched text."""
        return self.inverse.span(start, end)

    @cached_property
    def inverse(self) -> Offsets:
        """The same map, read the other way."""
        return Offsets(tuple(Change(c.new_start, c.new_end, c.start, c.end) for c in self.changes))

    def then(self, later: Offsets) -> Offsets:
        """Returns the map over two steps: this one's, then `later`'s, which begins where this one ends."""
        if not self.changes or not later.changes:
            return self if self.changes else later
        return Offsets(tuple(_compose(self.changes, later.changes)))

    @cached_property
    def _starts(self) -> list[int]:
        return [change.start for change in self.changes]

    def _border(self, place: int, *, opens: bool) -> tuple[int, bool]:
        """Returns a border's new place, and whether it fell inside of what was replaced.

        A border that opens a span stands after what was put in at its place; one that closes it, before.
        """
        before = bisect_right(self._starts, place) if opens else bisect_left(self._starts, place)
        if not before:
            return place, False
        change = self.changes[before - 1]
        if change.start < place < change.end:
            return (change.new_start if opens else change.new_end), True
        if opens and place < change.end:
            return change.new_start, False
        return place - change.end + change.new_end, False

    def _within(self, start: int, end: int) -> bool:
        """Tells whether letters between two borders were changed; what was put in at the borders is outside."""
        first = bisect_left(self._starts, start)
        last = bisect_left(self._starts, end)
        return any(change.end > start for change in self.changes[first:last])


def replace(text: str, edits: Iterable[Edit]) -> tuple[str, Offsets]:
    """Returns the edited text and the map to it.

    Args:
        edits: In order of their starts, none overlapping another. Those that change nothing are left out.
    """
    parts: list[str] = []
    changes: list[Change] = []
    read = written = 0
    for start, end, new in edits:
        if start < read or end < start or end > len(text):
            raise ValueError(f"edit {start}:{end} overlaps another or is outside of the text")
        if text[start:end] == new:
            continue
        parts += (text[read:start], new)
        written += start - read
        changes.append(Change(start, end, written, written + len(new)))
        written += len(new)
        read = end
    if not changes:
        return text, Offsets()
    parts.append(text[read:])
    return "".join(parts), Offsets(tuple(changes))


def _compose(first: Sequence[Change], second: Sequence[Change]) -> Iterator[Change]:
    """Yields the changes over two steps.

    The text between the steps is walked from left to right. Changes of the two steps that overlap there are made
    one, from the first text to the last.
    """
    i = j = 0
    shift_first = shift_second = 0  # from the middle text back to the first, and on to the last
    while i < len(first) or j < len(second):
        low, high = _next_group(first, second, i, j)
        start, new_start = low + shift_first, low + shift_second
        while True:
            if i < len(first) and _joins(first[i].new_start, first[i].new_end, low=low, high=high):
                high = max(high, first[i].new_end)
                shift_first = first[i].end - first[i].new_end
                i += 1
            elif j < len(second) and _joins(second[j].start, second[j].end, low=low, high=high):
                high = max(high, second[j].end)
                shift_second = second[j].new_end - second[j].end
                j += 1
            else:
                break
        yield Change(start, high + shift_first, new_start, high + shift_second)


def _joins(start: int, end: int, *, low: int, high: int) -> bool:
    """Tells whether a change overlaps what was found so far, or stands at the same place."""
    return start < high or (start, end) == (low, high)


def _next_group(first: Sequence[Change], second: Sequence[Change], i: int, j: int) -> tuple[int, int]:
    """Returns the borders, in the text between, of the change that comes next."""
    ones = (first[i].new_start, first[i].new_end) if i < len(first) else None
    others = (second[j].start, second[j].end) if j < len(second) else None
    return min(each for each in (ones, others) if each is not None)
