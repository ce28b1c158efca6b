"""Pictures in SVG, made by hand: they need no library and no script, and read well without being seen.

Owns the geometry. Colours come from the page's style sheet by class; every picture has a title and a
description. Knows nothing of where its numbers come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor
from typing import Any, NamedTuple

__all__ = ["draw_cost", "draw_funnel", "draw_reliability", "draw_risk_coverage", "draw_shares"]

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 12, 44
_NAMES, _ROW, _LETTERS = 170, 30, 21
"""Of bars: the room for their names, their distance, and the letters of a name that fit."""


class _Axes(NamedTuple):
    """The ranges that a picture shows: both end at 1."""

    x: float
    y: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Returns where a point lies in the picture."""
        across = _LEFT + (x - self.x) / (1 - self.x) * (_WIDTH - _LEFT - _RIGHT)
        down = _HEIGHT - _BOTTOM - (y - self.y) / (1 - self.y) * (_HEIGHT - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    def line(self, points: Sequence[tuple[float, float]]) -> str:
        """Returns points as SVG writes them."""
        return " ".join("{:g},{:g}".format(*self.place(*point)) for point in points)


def draw_risk_coverage(points: Sequence[Mapping[str, Any]], *, name: str) -> str:
    """Returns the risk-coverage curve of a field with its 95 % band, as an `svg` element."""
    axes = _Axes(0.0, min(0.9, floor(min(point["accuracy"]["low"] for point in points) * 10) / 10))
    spots = [(point["coverage"], point["accuracy"]) for point in points]
    band = [(x, right["high"]) for x, right in spots] + [(x, right["low"]) for x, right in reversed(spots)]
    marks = [
        _dot(
            axes.place(x, right["value"]),
            f"{x:.0%} taken: {_said(right)}, confidence from {point['threshold']:.4f}",
        )
        for (x, right), point in zip(spots, points, strict=True)
    ]
    shapes = [
        f'<polygon class="band" points="{axes.line(band)}"/>',
        f'<polyline class="line" points="{axes.line([(x, right["value"]) for x, right in spots])}"/>',
        *marks,
    ]
    (few, first), (_, last) = spots[0], spots[-1]
    about = f"Of all answers {last['value']:.1%} are right; of the most confident {few:.0%}, {first['value']:.1%}."
    title = f"{name}: share right of the most confident answers"
    return _picture(axes, shapes, title=title, about=about, x="share of answers taken", y="share right")


def draw_reliability(bins: Sequence[Mapping[str, Any]], *, name: str) -> str:
    """Returns the reliability diagram of a field as an `svg` element: on the diagonal, confidence is right."""
    lowest = min(min(each["confidence"], each["right"]["low"]) for each in bins)
    corner = min(0.9, floor(lowest * 10) / 10)
    axes = _Axes(corner, corner)
    shapes = [f'<polyline class="guide" points="{axes.line([(corner, corner), (1, 1)])}"/>']
    for each in bins:
        x, right = each["confidence"], each["right"]
        shapes.append(f'<polyline class="bar" points="{axes.line([(x, right["low"]), (x, right["high"])])}"/>')
        shapes.append(_dot(axes.place(x, right["value"]), f"confidence {x:.4f}: {_said(right)}"))
    worst = max(bins, key=lambda each: abs(each["confidence"] - each["right"]["value"]))
    about = (
        f"{len(bins)} bins of equal mass. Farthest from the diagonal: mean confidence {worst['confidence']:.3f}, "
        f"of which {worst['right']['value']:.1%} are right."
    )
    title = f"{name}: share right at each confidence"
    return _picture(axes, shapes, title=title, about=about, x="mean confidence", y="share right")


def draw_cost(points: Sequence[Mapping[str, Any]], *, allowed: float, taken: float | None, name: str) -> str:
    """Returns what the static tier's answers cost at each share of the rows, as an `svg` element.

    Args:
        points: The fact `curve`, the surest rows first.
        allowed: The extra error that may be certified: a dashed line.
        taken: The share that is answered: a dashed line; None where the tier is off.
    """
    lowest = min(1 - allowed, *(1 - point["bound"] for point in points[len(points) // 2 :]))
    axes = _Axes(0.0, min(0.98, floor(lowest * 50) / 50))
    low = max(axes.y, 0.0)
    spots = [(p["share"], 1 - p["extra"] / p["n"], max(low, 1 - p["bound"])) for p in points]
    band = [(x, y) for x, y, _ in spots] + [(x, bound) for x, _, bound in reversed(spots)]
    shapes = [
        f'<polygon class="band" points="{axes.line(band)}"/>',
        f'<polyline class="line" points="{axes.line([(x, max(low, y)) for x, y, _ in spots])}"/>',
        f'<polyline class="guide" points="{axes.line([(0, 1 - allowed), (1, 1 - allowed)])}"/>',
    ]
    if taken is not None:
        shapes.append(f'<polyline class="guide" points="{axes.line([(taken, low), (taken, 1)])}"/>')
    for p, (x, y, _) in zip(points, spots, strict=True):
        about = f"{x:.0%} answered: {p['extra']} of {p['n']:,} cost a right answer, at most {p['bound']:.2%}"
        shapes.append(_dot(axes.place(x, max(low, y)), about))
    end = f"{taken:.0%} of the rows are answered" if taken is not None else "The tier is off"
    about = f"{end}; {allowed:.2%} of its answers may be wrong where the model is right."
    title = f"{name}: what the static tier's answers cost"
    return _picture(axes, shapes, title=title, about=about, x="share answered, surest first", y="no worse")


def draw_funnel(steps: Sequence[tuple[str, int]]) -> str:
    """Returns how many rows go into each step and come out of it, as an `svg` element of bars.

    What a step took is the empty end of its bar.
    """
    most = max((count for _, count in steps), default=0) or 1
    room, shapes, came = _WIDTH - _NAMES - 130, [], 0
    for place, (name, count) in enumerate(steps):
        top, length = 8 + place * _ROW, max(1, round(room * count / most))
        whole, gone = max(length, round(room * came / most)), max(0, came - count)
        if gone:
            shapes.append(_bar("was", top, whole, about=f"{name}: {came:,} in, {gone:,} taken out"))
        shapes.append(_bar("dot", top, length, about=f"{name}: {count:,} left"))
        shapes.append(f'<text class="up" x="{_NAMES - 10}" y="{top + 15}">{escape(_cut(name))}</text>')
        shown = f"{count:,}" + (f" (\u2212{gone:,})" if gone else "")
        shapes.append(f'<text class="down" x="{_NAMES + whole + 8}" y="{top + 15}">{shown}</text>')
        came = count
    about = "; ".join(f"{name}: {count:,}" for name, count in steps)
    return _bars(shapes, height=16 + len(steps) * _ROW, title="rows left by step", about=about)


def draw_shares(shares: Sequence[Mapping[str, Any]], *, name: str, against: str) -> str:
    """Returns which share of its labels each label of a field had and has, as an `svg` element of pairs of bars.

    Args:
        shares: `label`, the share `before` and `now`.
        against: Whose data came before: its bars are empty, those of now are full.
    """
    most = max((max(each["before"], each["now"]) for each in shares), default=0) or 1
    room, shapes = _WIDTH - _NAMES - 130, []
    for place, each in enumerate(shares):
        top, label = 8 + place * _ROW, each["label"]
        before, now = (max(1, round(room * each[when] / most)) for when in ("before", "now"))
        shown = f"{each['before']:.1%} \u2192 {each['now']:.1%}"
        shapes.append(_bar("was", top, before, about=f"{label}: {each['before']:.1%} in {against}", thick=9))
        shapes.append(_bar("dot", top + 10, now, about=f"{label}: {each['now']:.1%} now", thick=9))
        shapes.append(f'<text class="up" x="{_NAMES - 10}" y="{top + 14}">{escape(_cut(label))}</text>')
        shapes.append(f'<text class="down" x="{_NAMES + max(before, now) + 8}" y="{top + 14}">{shown}</text>')
    about = "; ".join(f"{each['label']}: {each['before']:.1%}, now {each['now']:.1%}" for each in shares)
    title = f"{name}: share of each label in {against} (empty) and now (full)"
    return _bars(shapes, height=16 + len(shares) * _ROW, title=title, about=about)


def _bar(kind: str, top: int, length: int, *, about: str, thick: int = 20) -> str:
    place = f'x="{_NAMES}" y="{top}" width="{length}" height="{thick}"'
    return f'<rect class="{kind}" {place}><title>{escape(about)}</title></rect>'


def _bars(shapes: Sequence[str], *, height: int, title: str, about: str) -> str:
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title><desc>{escape(about)}</desc>",
            *shapes,
            "</svg>",
        ]
    )


def _cut(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\u2026"


def _said(right: Mapping[str, float]) -> str:
    return f"{right['value']:.4f} right ({right['low']:.4f} to {right['high']:.4f}, n = {right['n']:,})"


def _dot(place: tuple[float, float], about: str) -> str:
    return f'<circle class="dot" cx="{place[0]:g}" cy="{place[1]:g}" r="3"><title>{escape(about)}</title></circle>'


def _picture(axes: _Axes, shapes: Sequence[str], *, title: str, about: str, x: str, y: str) -> str:
    grid = [*_ticks(axes, upright=False), *_ticks(axes, upright=True)]
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(about)}</desc>",
            *grid,
            *shapes,
            f'<text class="name" x="{(_LEFT + _WIDTH - _RIGHT) / 2:g}" y="{_HEIGHT - 8}">{escape(x)}</text>',
            f'<text class="name" transform="translate(14 {middle:g}) rotate(-90)">{escape(y)}</text>',
            "</svg>",
        ]
    )


def _ticks(axes: _Axes, *, upright: bool) -> list[str]:
    """Returns the lines of the grid along one axis, each with its number."""
    begin = axes.y if upright else axes.x
    parts = []
    for step in range(6):
        value = begin + (1 - begin) * step / 5
        if upright:
            (left, height), right = axes.place(axes.x, value), axes.place(1, value)[0]
            parts.append(f'<line class="grid" x1="{left:g}" y1="{height:g}" x2="{right:g}" y2="{height:g}"/>')
            shown = f"{value:.0%}" if begin <= 0.95 else f"{value:.1%}"
            parts.append(f'<text class="tick up" x="{left - 6:g}" y="{height + 4:g}">{shown}</text>')
        else:
            across, bottom = axes.place(value, axes.y)
            parts.append(f'<text class="tick" x="{across:g}" y="{bottom + 16:g}">{value:.0%}</text>')
    return parts
