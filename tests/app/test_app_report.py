"""The report: pictures of confidence, frequent mistakes, and one page that needs nothing else."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest
from tests.app.conftest import Type

from freehold.app.cli.charts import bars, curve, print_calibration
from freehold.app.cli.confusions import Confusion, find_confusions
from freehold.app.cli.tiers import certified_rows, cost_rows, tier_rows
from freehold.pages import draw_cost, draw_reliability, draw_risk_coverage
from freehold.task import Field, FieldKind, Value

VOID = {"meta"}


def share(value: float, *, n: int = 100) -> dict[str, float]:
    return {"value": value, "low": value - 0.05, "high": min(1.0, value + 0.05), "n": n}


POINTS: list[dict[str, Any]] = [
    {"threshold": 1 - step / 40, "coverage": step / 20, "accuracy": share(1 - step / 100, n=step * 5)}
    for step in range(1, 21)
]
BINS: list[dict[str, Any]] = [
    {"confidence": 0.5, "from": 0.4, "to": 0.6, "right": share(0.4)},
    {"confidence": 0.9, "from": 0.8, "to": 1.0, "right": share(0.9)},
]
CALIBRATION = {"area": {"n": 100, "risk_coverage": POINTS, "reliability": BINS}}


# what the command says


def test_the_report_has_the_numbers_of_its_pictures(turned: Path, type_command: Type) -> None:
    document = type_command("report", turned, "--json").document
    assert list(document["calibration"]) == ["area", "urgent"]
    accuracy = document["verdict"]["fields"]["area"]["accuracy"]
    curves = document["calibration"]["area"]
    assert curves["risk_coverage"][-1]["accuracy"] == accuracy
    assert sum(each["right"]["n"] for each in curves["reliability"]) == curves["n"] == accuracy["n"]
    wrong = sum(each["count"] for each in document["confusions"]["area"])
    assert wrong == round((1 - accuracy["value"]) * accuracy["n"])
    assert document["warnings"] == document["facts"]["data.collect"]["warnings"]
    said = type_command("report", turned).out
    for words in ("area: risk and coverage", "urgent: reliability", "training: what was tried", "brier", "aurc"):
        assert words in said


class Outline(HTMLParser):
    """The tags of a page, each closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.loads += [str(value) for name, value in attrs if name in ("src", "href", "onload", "onclick")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else(turned: Path, type_command: Type, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert type_command("report", turned, "--html", path, "--json").document["html"] == str(path)
    page = path.read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(page)
    assert (outline.open, outline.loads) == ([], [])
    assert not {"script", "link", "img", "iframe"} & set(outline.seen)
    assert "url(" not in page
    assert "@import" not in page
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 4, "two for each field"
    for words in ("desk@1 passed", "What was tried", "area: reliability", "On the test rows", "Digest"):
        assert words in page


def test_a_page_that_cannot_be_written_is_named(turned: Path, type_command: Type, tmp_path: Path) -> None:
    said = type_command("report", turned, "--html", tmp_path / "nowhere" / "page.html")
    assert said.code == 2
    assert "page.html` cannot be written: No such file or directory." in said.err


# mistakes


def span(label: str, start: int) -> dict[str, str | int]:
    return {"label": label, "start": start, "end": start + 2, "text": "ab"}


MISTAKES: list[tuple[FieldKind, list[tuple[Value, Value]], list[Confusion]]] = [
    (
        "choice",
        [("a", "b"), ("a", "a"), ("a", "b"), ("b", "a")],
        [Confusion("a", "b", 2), Confusion("b", "a", 1)],
    ),
    ("predicate", [(True, False), (False, False)], [Confusion("true", "false", 1)]),
    ("score", [(3, 5), (1, 1)], [Confusion("3", "5", 1)]),
    ("choices", [(["a", "b"], ["b", "c"]), ([], [])], [Confusion(None, "c", 1), Confusion("a", None, 1)]),
    (
        "spans",
        [([span("day", 0), span("day", 4)], [span("hour", 0), span("day", 8)])],
        [Confusion(None, "day", 1), Confusion("day", None, 1), Confusion("day", "hour", 1)],
    ),
]


@pytest.mark.parametrize(("kind", "rows", "expected"), MISTAKES)
def test_mistakes_are_counted_by_label(
    kind: FieldKind, rows: list[tuple[Value, Value]], expected: list[Confusion], tmp_path: Path
) -> None:
    lines = [json.dumps({"truth": {"x": truth}, "candidate": {"x": answer}}) for truth, answer in rows]
    (tmp_path / "answers.jsonl").write_text("\n".join([*lines, json.dumps({"truth": {}, "candidate": {"x": 1}})]))
    assert find_confusions(tmp_path / "answers.jsonl", [Field("x", kind), Field("y", "number")]) == {"x": expected}


# pictures


@pytest.mark.parametrize("points", [POINTS, POINTS[-1:], [{**POINTS[0], "accuracy": share(0.05)}]])
def test_a_drawn_curve_has_a_point_for_each_step(points: list[dict[str, Any]]) -> None:
    lines = curve(points)
    assert sum(line.count("●") for line in lines) == len(points)
    assert {len(line) <= 70 for line in lines} == {True}
    picture = draw_risk_coverage(points, name="a <b>")
    assert picture.count("<circle") == len(points)
    assert_accessible(picture)


def test_bars_are_as_long_as_the_share_right() -> None:
    first, second = bars(BINS)
    assert (first.count("█"), second.count("█")) == (12, 27)
    assert "0.4000 (n = 100)" in first
    picture = draw_reliability(BINS, name="a <b>")
    assert picture.count('class="bar"') == len(BINS)
    assert_accessible(picture)


COST = [
    {"share": n / 4, "n": 50 * n, "extra": n - 1, "wrong": n, "bound": (n + 2) / (50 * n)} for n in range(1, 5)
]


@pytest.mark.parametrize("taken", [0.8, None])
def test_the_cost_of_a_tier_has_a_point_for_each_share(taken: float | None) -> None:
    picture = draw_cost(COST, allowed=0.005, taken=taken, name="a <b>")
    assert picture.count("<circle") == len(COST)
    assert picture.count('class="guide"') == (1 if taken is None else 2)
    assert_accessible(picture)
    assert cost_rows(COST)[1] == ("50%", "2", "1", "4.00%", "100")


def test_a_certificate_is_said_in_words() -> None:
    on = {"above": 0.3, "share": 0.8, "rows": 1000, "accepted": 800, "extra": 1, "bound": 0.0059, "allowed": 0.01}
    few = {**on, "above": None, "missing": 300}
    bad = {**on, "above": None, "missing": 0}
    sentence = "answers 80% of 1,000 validation rows, extra error at most 0.59% (1 of 800; 1.00% allowed)"
    assert certified_rows({"area": on}) == [("area", sentence)]
    assert certified_rows({"area": few}) == [
        ("area", "off: 300 more validation rows are needed beside 1,000 to certify 1.00%")
    ]
    said = dict(certified_rows({"area": on, "tone": bad}))
    assert said["area"] == f"{sentence}; off until every field is certified"
    assert said["tone"].startswith("off: 1.00% could not be certified on 1,000 validation rows")


def test_tiers_are_listed_with_their_share() -> None:
    found = {"area": {"static": measured(0.9, n=30), "champion": measured(0.8, n=10)}}
    assert [row[:4] for row in tier_rows(found)] == [
        ("area", "static", "75.0%", "0.9000"),
        ("", "champion", "25.0%", "0.8000"),
    ]


def measured(value: float, *, n: int) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.05, "n": n}


def assert_accessible(picture: str) -> None:
    """A picture is well-formed, has a title and a description, and nothing of it lies outside."""
    root = minidom.parseString(picture).documentElement
    assert root is not None
    assert root.getAttribute("role") == "img"
    assert [child.nodeName for child in root.childNodes if child.nodeName in ("title", "desc")] == [
        "title",
        "desc",
    ]
    _, _, width, height = map(float, root.getAttribute("viewBox").split())
    for circle in root.getElementsByTagName("circle"):
        assert 0 <= float(circle.getAttribute("cx")) <= width
        assert 0 <= float(circle.getAttribute("cy")) <= height


def test_a_terminal_gets_a_drawing_and_a_pipe_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_calibration(CALIBRATION)
    piped = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_calibration(CALIBRATION)
    drawn = capsys.readouterr().out
    assert ("●" in drawn, "█" in drawn, "●" in piped) == (True, True, False)
    assert ("area: reliability" in piped, "area: reliability" in drawn) == (True, False)
    for out in (piped, drawn):
        assert "0.8000" in out, "of all answers, 80 % are right"
