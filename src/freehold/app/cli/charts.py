"""How far confidence may be believed, for a terminal: drawn with characters, or as a table of numbers.

Takes the tables of a judgement as they are; computes no metric.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from freehold.app.cli.paper import print_line, print_table
from freehold.app.cli.tables import shown

__all__ = ["bars", "curve", "print_calibration"]

_ROWS = 10
_STEP = 3
_BAR = 30
_WANTED = (0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


def print_calibration(calibration: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints both pictures of each field: drawn on a terminal that knows the characters, as tables elsewhere."""
    drawn = sys.stdout.isatty() and (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    for field, tables in calibration.items():
        points, bins = tables["risk_coverage"], tables["reliability"]
        if drawn:
            print_line(f"{field}: share right of the most confident answers, by how many are taken")
            print_lines(curve(points))
        _print_points(field, _chosen(points))
        if drawn and bins:
            print_line(f"{field}: share right (bar) at each confidence (mark)")
            print_lines(bars(bins))
        elif bins:
            _print_bins(field, bins)


def _chosen(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the points nearest to the coverages that people ask for."""
    nearest = (min(points, key=lambda point: abs(point["coverage"] - wanted)) for wanted in _WANTED)
    return list({point["coverage"]: point for point in nearest}.values())


def print_lines(lines: Sequence[str]) -> None:
    """Prints lines and an empty one behind them."""
    for line in (*lines, ""):
        print_line(line)


def _print_points(field: str, points: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            f"{point['coverage']:.0%}",
            f"{point['threshold']:.4f}",
            shown(right["value"]),
            _interval(right),
            str(right["n"]),
        )
        for point in points
        for right in [point["accuracy"]]
    ]
    columns = (">taken", ">confidence from", ">share right", ">interval", ">n")
    print_table(columns, rows, title=f"{field}: risk and coverage")


def _print_bins(field: str, bins: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (shown(each["confidence"]), shown(right["value"]), _interval(right), str(right["n"]))
        for each in bins
        for right in [each["right"]]
    ]
    print_table((">mean confidence", ">share right", ">interval", ">n"), rows, title=f"{field}: reliability")


def _interval(measured: Mapping[str, float]) -> str:
    return f"{shown(measured['low'])} to {shown(measured['high'])}"


def curve(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the risk-coverage curve: `●` the share right, `┆` its interval.

    The axis ends at 1 and begins at the tenth below the lowest bound.
    """
    lowest = min(0.9, floor(min(point["accuracy"]["low"] for point in points) * 10) / 10)
    height = (1 - lowest) / _ROWS
    columns = {round(point["coverage"] * 20): point["accuracy"] for point in points}
    lines = []
    for row in range(_ROWS, -1, -1):
        cells = "".join(_cell(columns.get(place), row, lowest=lowest, height=height) for place in range(1, 21))
        label = f"{lowest + row * height:6.3f} ┤" if row % 2 == 0 else "       │"
        lines.append((label + cells).rstrip())
    ticks = "".join(f"{place * 5:>{_STEP * 4 - 1}}%" for place in range(4, 21, 4))
    return [*lines, f"       └{'─' * (_STEP * 20)}", f"        {ticks}"]


def _cell(accuracy: Mapping[str, float] | None, row: int, *, lowest: float, height: float) -> str:
    if accuracy is None:
        return " " * _STEP
    value, low, high = (round((accuracy[name] - lowest) / height) for name in ("value", "low", "high"))
    mark = "●" if row == value else "┆" if low <= row <= high else " "
    return mark.rjust(_STEP)


def bars(bins: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns one bar for each bin: as long as its share right, with a mark at its mean confidence."""
    return [
        f"{each['confidence']:7.4f} ▕{_bar(each['right']['value'], mark=each['confidence'])}▏ "
        f"{each['right']['value']:.4f} (n = {each['right']['n']:,})"
        for each in bins
    ]


def _bar(share: float, *, mark: float) -> str:
    cells = ["█"] * round(share * _BAR) + ["·"] * (_BAR - round(share * _BAR))
    cells[min(_BAR - 1, round(mark * _BAR))] = "┃"
    return "".join(cells)
