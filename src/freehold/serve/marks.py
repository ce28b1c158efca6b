"""An explanation as HTML: each input with its parts marked by how far they moved an answer, and the nearest rows.

Everything that comes from outside is escaped here. Owns no style sheet: classes are `page`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil
from typing import Any

from freehold.pages import html_table

__all__ = ["DEGREES", "write_explanation"]

DEGREES = 5
"""How many shades there are on each side: classes `up1` to `up5` and `down1` to `down5`."""

_LONGEST = 5_000
_MOST_VALUES, _MOST_PARTS, _MOST_LETTERS = 10, 8, 120
_PARTS = {"words": "word", "passages": "passage", "windows": "part"}
_SOURCE = (">similarity", "labels", "text", "source", "licence", "labelled by", "at")


def write_explanation(explanation: Mapping[str, Any], *, inputs: Mapping[str, str]) -> Iterator[str]:
    """Yields the HTML of an explanation in the shape of the contract.

    Args:
        inputs: What was asked, as it was sent.
    """
    yield "<h2>What moved the answers</h2>"
    yield f'<p class="quiet">{_PURPOSE.format(part=_PARTS[explanation["pieces"]])}</p>'
    for field, values in explanation["fields"].items():
        for value in values[:_MOST_VALUES]:
            yield from _value(field, value, part=_PARTS[explanation["pieces"]], inputs=inputs)
    yield "<h2>The nearest training rows</h2>"
    nearest = explanation["nearest"]
    if nearest["note"]:
        yield f"<p>{escape(nearest['note'])}</p>"
    elif not nearest["rows"]:
        yield "<p>There are none.</p>"
    else:
        caption = f"Of {nearest['searched']:,} rows that were searched"
        more = f" ({nearest['of']:,} in all)" if nearest["of"] > nearest["searched"] else ""
        yield html_table(_SOURCE, [_row(row) for row in nearest["rows"]], caption=caption + more)


_PURPOSE = (
    "Each {part} was left out once, and the answer asked for again. Underlined: it speaks for the answer. Dotted: "
    "against it. The stronger the colour, the more; the figures need not add up."
)


def _value(field: str, value: Mapping[str, Any], *, part: str, inputs: Mapping[str, str]) -> Iterator[str]:
    tokens = value["tokens"]
    yield f"<h3>{escape(field)}: {escape(_said(value['value']))}</h3>"
    if not tokens:
        yield "<p>Nothing could be left out.</p>"
        return
    if sum(map(len, inputs.values())) <= _LONGEST:
        most = max(abs(token["effect"]) for token in tokens)
        for name, text in inputs.items():
            own = sorted((token for token in tokens if token["input"] == name), key=lambda token: token["start"])
            label = f"<b>{escape(name)}</b> " if len(inputs) > 1 else ""
            yield f'<p class="text">{label}{_marked(text, own, most=most, unit=value["unit"])}</p>'
    strongest = sorted(tokens, key=lambda token: -abs(token["effect"]))[:_MOST_PARTS]
    rows = [(_cut(token["text"]), _signed(token["effect"]), _number(token["without"])) for token in strongest]
    whole = "the value" if value["unit"] == "value" else "the probability"
    columns = (part, f">moved it by ({value['unit']})", f">{whole} without it")
    yield "<details><summary>The strongest, in figures</summary>"
    yield html_table(columns, rows, caption=f"With everything in its place, {whole} is {_number(value['whole'])}")
    yield "</details>"


def _marked(text: str, tokens: Sequence[Mapping[str, Any]], *, most: float, unit: str) -> str:
    pieces, at = [], 0
    for token in tokens:
        start, end = max(at, token["start"]), token["end"]
        degree = ceil(DEGREES * abs(token["effect"]) / most) if most else 0
        shade = f"{'up' if token['effect'] > 0 else 'down'}{degree}" if degree else ""
        about = f"{_signed(token['effect'])} {unit}"
        pieces.append(escape(text[at:start]))
        inner = escape(text[start:end])
        pieces.append(f'<mark class="{shade}" title="{escape(about)}">{inner}</mark>' if shade else inner)
        at = max(at, end)
    return "".join([*pieces, escape(text[at:])])


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    passport, inputs = row["passport"], row["inputs"]
    text = " / ".join(_cut(each) for each in inputs.values())
    labels = ", ".join(f"{field}: {_said(value)}" for field, value in row["outputs"].items())
    source = f"{passport['locator']} ({'correction' if row['correction'] else passport['source']})"
    return (
        f"{row['similarity']:.3f}",
        _cut(labels),
        text,
        source,
        passport["licence"] or "unknown",
        passport["maker"],
        passport["time"][:10],
    )


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}\u2026"


def _signed(effect: float) -> str:
    return f"{effect:+.2f}"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
