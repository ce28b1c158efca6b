"""Why an answer is as it is, for people: the words that moved it, and the nearest training rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from freehold.app.cli.paper import print_line, print_table

if TYPE_CHECKING:
    from freehold.line import Neighbour, Reasons

__all__ = ["print_reasons"]

_PARTS, _VALUES, _LETTERS = 8, 10, 60
_NEAREST = (">similarity", "labels", "text", "from", "licence", "labelled by")


def print_reasons(reasons: Reasons) -> None:
    """Prints the strongest parts of each answer, and the nearest training rows with their provenance."""
    pieces = reasons.explanation.pieces
    columns = ("field", "answer", pieces.removesuffix("s"), ">moved it by", ">without it", "unit")
    print_table(columns, _parts(reasons), title=f"what moved the answers: {pieces}, left out one at a time")
    nearest = reasons.nearest
    if nearest.note:
        print_line(nearest.note)
        return
    searched = f"{nearest.searched:,} rows"
    if nearest.total > nearest.searched:
        searched += f" of {nearest.total:,}"
    print_table(_NEAREST, map(_row, nearest.rows), title=f"the nearest training rows, of {searched}")


def _parts(reasons: Reasons) -> Iterator[tuple[str, ...]]:
    for field, values in reasons.explanation.fields.items():
        for value in values[:_VALUES]:
            strongest = sorted(value.moved, key=lambda part: -abs(part.effect))[:_PARTS]
            said = _cut(_said(value.value))
            if not strongest:
                yield field, said, "(nothing could be left out)", "", "", ""
            for place, part in enumerate(strongest):
                first = (field, said) if place == 0 else ("", "")
                yield *first, _cut(part.text), f"{part.effect:+.2f}", _number(part.without), value.unit


def _row(row: Neighbour) -> tuple[str, ...]:
    example, passport = row.example, row.example.passport
    labels = ", ".join(f"{field}: {_said(value)}" for field, value in example.outputs.items())
    correction = " (correction)" if passport.source == "feedback" else ""
    return (
        f"{row.similarity:.3f}",
        _cut(labels),
        _cut(" / ".join(example.inputs.values())),
        f"{passport.locator}{correction}",
        passport.licence or "unknown",
        passport.maker,
    )


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}\u2026"
