"""Pictures of data, and the frame of every page."""

from __future__ import annotations

from typing import Any
from xml.dom import minidom

import pytest

from freehold.pages import draw_funnel, draw_shares, html_table, lay_out, policy

EVIL = "</title><script>alert(1)</script>\"'&"


def widths(picture: str, kind: str) -> list[int]:
    bars = minidom.parseString(picture).getElementsByTagName("rect")
    return [int(bar.getAttribute("width")) for bar in bars if bar.getAttribute("class") == kind]


def test_the_funnel_shows_what_goes_in_and_what_comes_out() -> None:
    picture = draw_funnel([("read", 100), (EVIL, 50), ("none", 0), ("with corrections", 10)])
    left, came = widths(picture, "dot"), widths(picture, "was")
    assert left[0] == 2 * left[1] > left[2] == 1
    assert came == left[:2]
    assert "50 (\u221250)" in picture
    assert minidom.parseString(draw_funnel([]))


def share(label: str, before: float, now: float) -> dict[str, Any]:
    return {"label": label, "before": before, "now": now}


def test_shares_stand_in_pairs() -> None:
    picture = draw_shares([share("a", 0.5, 0.25), share(EVIL, 0.0, 1.0)], name=EVIL, against="banking@1")
    (before, none), (now, all_of_it) = widths(picture, "was"), widths(picture, "dot")
    assert before == pytest.approx(2 * now, abs=1)
    assert none == 1
    assert all_of_it == pytest.approx(2 * before, abs=1)
    assert "50.0% \u2192 25.0%" in picture
    assert minidom.parseString(draw_shares([], name="a", against="b"))


def test_long_names_are_cut_and_whole_beside_the_pointer() -> None:
    picture = minidom.parseString(draw_shares([share("n" * 60, 0.5, 0.5)], name="a", against="b"))
    shown = picture.getElementsByTagName("text")[0].firstChild
    assert shown is not None
    assert len(shown.toxml()) < 30
    assert "n" * 60 in picture.getElementsByTagName("rect")[0].toxml()


def test_what_comes_in_as_text_is_text() -> None:
    page = lay_out(EVIL, [html_table((EVIL,), [(EVIL,)], caption=EVIL)])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4


def test_each_style_has_a_policy_of_its_own() -> None:
    assert policy() != policy("p { color: red; }")
    for style in ("", "p { color: red; }"):
        assert policy(style).removesuffix("; frame-ancestors 'none'") in lay_out("a", [], style=style)
