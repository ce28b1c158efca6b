"""Where spans lie: in an input as it was sent, and in the joined text that a model reads.

Owns the moves between the two. A span in a task's data names no input: with several inputs it is looked up by
its text. Knows nothing of words or models.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from unicodedata import category

from freehold.engine.tags import Span
from freehold.engine.words import find_parts
from freehold.task import normalise

__all__ = ["MisplacedSpanError", "place_spans", "restore_spans"]


class MisplacedSpanError(ValueError):
    """A span that cannot be found in its inputs; its text is the reason."""


def place_spans(
    spans: Sequence[Mapping[str, str | int]], *, inputs: Mapping[str, str], names: Sequence[str]
) -> list[Span]:
    """Returns spans of normalised inputs as spans of the joined text.

    Args:
        spans: Objects with `label`, `start`, `end` and `text`; offsets are those of the input they lie in.
        inputs: The row's inputs, normalised as examples are.
        names: The task's inputs, in order.

    Raises:
        MisplacedSpanError: No input has that text there, or two do, so that nobody can tell which is meant.

    Example:
        >>> row = {"title": "Late", "body": "It is late"}
        >>> place_spans([{"label": "why", "start": 6, "end": 10, "text": "late"}],
        ...             inputs=row, names=["title", "body"])
        [Span(start=24, end=28, label='why', chance=1.0)]
    """
    parts = find_parts(inputs, names)
    placed = []
    for span in spans:
        start, end, text = int(span["start"]), int(span["end"]), span["text"]
        homes = [part for part in parts if inputs[part.name][start:end] == text]
        if len(homes) != 1:
            where = " and ".join(f"`{part.name}`" for part in homes) or "no input"
            hint = ": say which by rewording one of them, or leave the span out" if homes else ""
            raise MisplacedSpanError(f"{where} has {text!r} from {start} to {end}{hint}")
        first = homes[0].start
        placed.append(Span(first + start, first + end, str(span["label"])))
    return placed


def restore_spans(
    spans: Sequence[Span], *, inputs: Mapping[str, str], names: Sequence[str]
) -> list[dict[str, str | int]]:
    r"""Returns spans of the joined text as a field's value: places in the untouched inputs, and their text.

    Args:
        spans: In the text that `join_inputs` makes of `inputs`, each inside one input.
        inputs: The inputs as they were sent.
        names: The task's inputs, in order.

    Example:
        >>> restore_spans([Span(4, 8, "day")], inputs={"text": "  by\r\n noon"}, names=["text"])
        [{'label': 'day', 'start': 7, 'end': 11, 'text': 'noon'}]
    """
    parts = find_parts(inputs, names)
    ways = {name: _Way(inputs[name]) for name in names}
    found: list[dict[str, str | int]] = []
    for span in spans:
        part = next(each for each in reversed(parts) if each.start <= span.start)
        way = ways[part.name]
        start, end = way.start(span.start - part.start), way.end(span.end - part.start)
        found.append({"label": span.label, "start": start, "end": end, "text": inputs[part.name][start:end]})
    return found


_CUTS = " \n\u3001\u3002\u4e00-\u9fff"
_PIECE = re.compile(f"[^{_CUTS}]*[{_CUTS}]|[^{_CUTS}]+")


class _Way:
    """The way back from a normalised text to the raw one.

    The raw text is cut behind characters that compose with nothing that follows (spaces, line feeds, Han), so
    that each offset is looked for in one short piece.
    """

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._same = raw == normalise(raw)
        if self._same:
            return
        self._pieces = _PIECE.findall(raw)
        self._raw_starts = [0, *accumulate(map(len, self._pieces))]
        self._starts = [0, *accumulate(len(_clean(piece)) for piece in self._pieces)]
        first = next((i for i, piece in enumerate(self._pieces) if normalise(piece)), 0)
        inner = _clean(self._pieces[first]) if self._pieces else ""
        self._outer = self._starts[first] + len(inner) - len(inner.lstrip())

    def start(self, offset: int) -> int:
        """Returns the last place of the raw text that lies at `offset` after normalisation."""
        if self._same:
            return offset
        offset += self._outer
        number = min(bisect_right(self._starts, offset), len(self._pieces)) - 1
        piece, rest = self._pieces[number], offset - self._starts[number]
        places = range(len(piece) + 1)
        found = bisect_right(places, rest, key=lambda place: len(_clean(piece[:place])))
        return self._raw_starts[number] + found - 1

    def end(self, offset: int) -> int:
        """Returns the place behind the last character that lies before `offset` after normalisation."""
        end = self.start(offset)
        while not self._same and (self._raw[end - 1].isspace() or category(self._raw[end - 1]) == "Cc"):
            end -= 1
        return end


def _clean(piece: str) -> str:
    """Returns a piece from the middle of a text, normalised: its white space stays."""
    return normalise(f".{piece}.")[1:-1]
