"""Pictures as SVG documents, drawn by hand: no plotting library is needed.

Accuracy against seconds as points, and any figure against time as a line. Knows nothing of what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from bench.intervals import Interval

__all__ = ["Point", "draw", "trace"]

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 250, 50, 55
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7b5ea7", "#b8860b", "#555555")


class Point(NamedTuple):
    """One run: `series` decides its colour; `seconds` lie on a logarithmic axis."""

    series: str
    label: str
    seconds: float
    accuracy: Interval


def draw(points: Sequence[Point], *, title: str, across: str = "seconds", up: str = "accuracy") -> str:
    """Returns the document: a point with its interval for each run, and a legend of the series.

    Raises:
        ValueError: There is nothing to draw, or a run took no time.
    """
    if not points or any(point.seconds <= 0 for point in points):
        raise ValueError("A picture needs at least one point, and each of them a time above 0.")
    axis = _Axis.around(points)
    names = list(dict.fromkeys(point.series for point in points))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    body = [*_frame(title, across, up), *_ticks(*axis.ticks()), *_legend(colours)]
    for point in points:
        body += _mark(axis, point, colours[point.series])
    return _document(body)


def trace(values: Sequence[tuple[float, float]], *, title: str, across: str, up: str) -> str:
    """Returns the document: a line through values in the order of their times, from 0 up.

    Raises:
        ValueError: There are not two values at different times.
    """
    end, most = max((x for x, _ in values), default=0.0), 1.1 * max((y for _, y in values), default=0.0)
    if len(values) < 2 or end <= 0 or most <= 0:
        raise ValueError("A line needs two values at least, and a time above 0.")
    places = [(_across(x / end), _up(y / most)) for x, y in values]
    steps = [step / 5 for step in range(6)]
    ticks = [[(put(step), f"{step * top:.3g}") for step in steps] for put, top in ((_across, end), (_up, most))]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    drawn = f'<path d="M{line}" fill="none" stroke="{COLOURS[0]}" stroke-width="1.5"/>'
    return _document([*_frame(title, across, up), *_ticks(*ticks), drawn])


def _document(body: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *body, "</svg>"]) + "\n"


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _up(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


class _Axis(NamedTuple):
    """The corners: powers of ten across, accuracies up."""

    first: int
    last: int
    low: float
    high: float

    @classmethod
    def around(cls, points: Sequence[Point]) -> _Axis:
        powers = [math.log10(point.seconds) for point in points]
        first, last = math.floor(min(powers)), math.ceil(max(powers))
        low = min(point.accuracy.low for point in points)
        high = max(point.accuracy.high for point in points)
        room = max(0.01, 0.05 * (high - low))
        return cls(first, max(last, first + 1), max(0.0, low - room), min(1.0, high + room))

    def across(self, seconds: float) -> float:
        return _across((math.log10(seconds) - self.first) / (self.last - self.first))

    def up(self, accuracy: float) -> float:
        return _up((accuracy - self.low) / (self.high - self.low))

    def ticks(self) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
        """Returns the places with what stands there: across, and up."""
        values = [self.low + (self.high - self.low) * step / 5 for step in range(6)]
        powers = [10.0**power for power in range(self.first, self.last + 1)]
        return [(self.across(each), f"{each:g}") for each in powers], [(self.up(v), f"{v:.3f}") for v in values]


def _frame(title: str, across: str, up: str) -> list[str]:
    left, right, floor = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    return [
        f'<text x="{left}" y="28" font-size="16">{escape(title)}</text>',
        f'<text x="{(left + right) / 2:.0f}" y="{HEIGHT - 12}" font-size="12" text-anchor="middle">'
        f"{escape(across)}</text>",
        f'<text x="16" y="{(TOP + floor) / 2:.0f}" font-size="12" text-anchor="middle" '
        f'transform="rotate(-90 16 {(TOP + floor) / 2:.0f})">{escape(up)}</text>',
        f'<path d="M{left} {TOP}V{floor}H{right}" fill="none" stroke="#333"/>',
    ]


def _ticks(across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> list[str]:
    left, right, floor = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for x, told in across:
        lines.append(f'<path d="M{x:.1f} {TOP}V{floor + 4}" stroke="#ddd"/>')
        lines.append(f'<text x="{x:.1f}" y="{floor + 18}" font-size="11" text-anchor="middle">{told}</text>')
    for y, told in up:
        lines.append(f'<path d="M{left - 4} {y:.1f}H{right}" stroke="#eee"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4:.1f}" font-size="11" text-anchor="end">{told}</text>')
    return lines


def _legend(colours: dict[str, str]) -> list[str]:
    lines = []
    for number, (name, colour) in enumerate(colours.items()):
        y = TOP + 10 + 20 * number
        lines.append(f'<circle cx="{WIDTH - RIGHT + 20}" cy="{y}" r="5" fill="{colour}"/>')
        lines.append(f'<text x="{WIDTH - RIGHT + 32}" y="{y + 4}" font-size="12">{escape(name)}</text>')
    return lines


def _mark(axis: _Axis, point: Point, colour: str) -> list[str]:
    x, y = axis.across(point.seconds), axis.up(point.accuracy.value)
    low, high = axis.up(point.accuracy.low), axis.up(point.accuracy.high)
    told = f"{point.series} {point.label}: {point.accuracy.value:.4f} in {point.seconds:.3g} s"
    return [
        f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="1.5"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"><title>{escape(told)}</title></circle>',
        f'<text x="{x + 7:.1f}" y="{y - 6:.1f}" font-size="10" fill="{colour}">{escape(point.label)}</text>',
    ]
