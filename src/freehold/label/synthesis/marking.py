"""Texts with marked parts, and the spans that they are: `fly to {city: Paris}` and back.

Owns the one notation that templates, and models that are asked for texts with spans, share. Offsets are those of
the text without marks, exact by construction. Knows neither choices nor slots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from freehold.task import Field

__all__ = ["Marked", "Piece", "find_home", "join", "mark", "read_marks"]

_MARK = re.compile(r"\{\s*([^{}:|]+?)\s*:\s*([^{}]*?)\s*\}")

Spans = list[dict[str, str | int]]


class Piece(NamedTuple):
    """A run of characters and the marks around it, outermost first: each a number and a label."""

    text: str
    marks: tuple[tuple[int, str], ...] = ()


class Marked(NamedTuple):
    """A text and its spans: `{label, start, end, text}`, in order."""

    text: str
    spans: Spans


def join(pieces: Sequence[Piece]) -> Marked:
    """Returns the text that pieces make, with one space for several, and where the marks lie in it."""
    letters: list[str] = []
    around: list[tuple[tuple[int, str], ...]] = []
    for piece in pieces:
        for letter in piece.text:
            if letter == " " and (not letters or letters[-1] == " "):
                continue
            letters.append(letter)
            around.append(piece.marks)
    while letters and letters[-1] == " ":
        letters.pop()
        around.pop()
    text = "".join(letters)
    places: dict[tuple[int, str], list[int]] = {}
    for place, marks in enumerate(around):
        for each in marks:
            places.setdefault(each, []).append(place)
    spans = [_span(text, label, held[0], held[-1] + 1) for (_, label), held in places.items()]
    spans = [span for span in spans if span["text"]]
    return Marked(text, sorted(spans, key=lambda span: (int(span["start"]), -int(span["end"]))))


def _span(text: str, label: str, start: int, end: int) -> dict[str, str | int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return {"label": label, "start": start, "end": end, "text": text[start:end]}


def read_marks(text: str) -> Marked | None:
    """Returns what a text with marks says, or None where a brace belongs to no mark.

    Example:
        >>> read_marks("fly to {city: Paris} now")
        Marked(text='fly to Paris now', spans=[{'label': 'city', 'start': 7, 'end': 12, 'text': 'Paris'}])
    """
    pieces: list[Piece] = []
    done = 0
    for number, found in enumerate(_MARK.finditer(text)):
        pieces += [Piece(text[done : found.start()]), Piece(found[2], ((number, found[1]),))]
        done = found.end()
    pieces.append(Piece(text[done:]))
    if any(brace in piece.text for piece in pieces for brace in "{}"):
        return None
    return join(pieces)


def mark(text: str, spans: Sequence[Mapping[str, str | int]]) -> str | None:
    """Returns a text with its spans marked; None where they overlap, or where the text has braces of its own."""
    if "{" in text or "}" in text:
        return None
    out, done = "", 0
    for span in sorted(spans, key=lambda each: int(each["start"])):
        start, end = int(span["start"]), int(span["end"])
        if start < done:
            return None
        out += f"{text[done:start]}{{{span['label']}: {text[start:end]}}}"
        done = end
    return out + text[done:]


def find_home(label: str, fields: Sequence[Field]) -> tuple[str, str]:
    """Returns the field and the label that a mark means; the field is empty where it means none, or several.

    Where two fields have the label, the mark names its field: `slots.city`.
    """
    spans = [field for field in fields if field.kind == "spans"]
    named, dot, rest = label.partition(".")
    if dot and named in [field.name for field in spans]:
        spans, label = [field for field in spans if field.name == named], rest
    homes = [field for field in spans if field.labels is None or label in [each.name for each in field.labels]]
    return (homes[0].name if len(homes) == 1 else ""), label
