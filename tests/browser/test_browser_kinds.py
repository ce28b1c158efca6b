"""Experts at work in a browser: every kind of field by keyboard alone, spans, skips, undo, the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.browser.conftest import Desk, Expert
from tests.browser.desk import EVIL, SPANNED, SUGGESTED

pytestmark = pytest.mark.slow


def test_every_kind_is_answered_by_keyboard_alone(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("desk", [SPANNED, "The next one."])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/desk", name="ann")
    expert.wait_for_item("Zoë")
    expert.type("card del")
    expert.press("Enter")
    assert expert.page.input_value("#f0-line") == "card_delivery_estimate"
    for field, digits in (("f1", "2"), ("f2", "3"), ("f3", "14")):
        expert.tab_to(f"#{field} .options input")
        expert.press(*digits)
    expert.tab_to("#f4-line")
    expert.type("topic 12")
    expert.press("Enter")
    expert.type("topic 3")
    expert.press("ArrowDown", "ArrowUp", "Enter")
    expert.tab_to("#f5-line")
    expert.type("1,5")
    expert.tab_to(".region")
    expert.press("Control+Home", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "1")
    expert.tab_to("#f7-text")
    expert.type("He met her.")
    expert.press("Escape", "f", "c")
    expert.type("Odd one.")
    expert.press("Control+Enter")
    expert.wait_for_item("The next one.")
    [row] = desk.ledger("desk")
    assert row.answers == {
        "intent": "card_delivery_estimate",
        "urgent": False,
        "mood": 3,
        "tags": ["app", "card"],
        "topics": ["topic 12", "topic 3"],
        "amount": 1.5,
        "parts": [{"label": "person", "start": 0, "end": 3, "text": "Zoë"}],
        "note": "He met her.",
    }
    assert (row.expert, row.flag, row.comment) == ("ann", True, "Odd one.")


def test_suggestions_are_taken_edited_and_undone(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("desk", [SPANNED, "Another."])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/desk", name="ann")
    expert.wait_for_item("Zoë")
    expert.press("Escape", "a")
    expert.tab_to("#f7-text")
    expert.press("Control+End")
    expert.type(" And more.")
    expert.press("Control+Enter")
    expert.wait_for_item("Another.")
    first = desk.ledger("desk")[0].answers
    assert first == {**SUGGESTED, "topics": ["topic 17", "topic 3"], "note": "A short summary. And more."}
    expert.press("Escape", "u")
    expert.wait_for_item("Zoë")
    assert expert.page.input_value("#f7-text") == "A short summary. And more."
    expert.press("Escape", "x")
    expert.page.wait_for_selector("#skip-dialog[open]")
    expert.press("2")
    assert expert.page.locator("#skip-dialog :checked").get_attribute("value") == "It is several at once"
    expert.tab_to("#why")
    expert.type("too long")
    expert.press("Enter")
    expert.wait_for_item("Another.")
    rows = desk.ledger("desk")
    assert [(row.act, row.reason) for row in rows] == [("answer", ""), ("undo", ""), ("skip", "too long")]


MARKS = [
    # keys from the text's beginning on, what they select
    (["Shift+ArrowRight"] * 3, "Zoë"),
    (["Shift+Control+ArrowRight"], "Zoë"),
    (["Shift+End"], SPANNED),
]


@pytest.mark.parametrize(("keys", "text"), MARKS)
def test_spans_are_marked_by_keys(
    desk: Desk, make_expert: Callable[..., Expert], keys: list[str], text: str
) -> None:
    span = mark(desk, make_expert(), lambda expert: expert.press("Control+Home", *keys))
    assert span["text"] == text == SPANNED[span["start"] : span["end"]]


PIECES = ["\U0001f600", "\U0001f469\u200d\U0001f680", "e\u0301va", "São Paulo", "in São", SPANNED[4:12]]


@pytest.mark.parametrize("piece", PIECES)
def test_spans_beyond_the_basic_plane_are_counted_in_code_points(
    desk: Desk, make_expert: Callable[..., Expert], piece: str
) -> None:
    units = [len(SPANNED[:place].encode("utf-16-le")) // 2 for place in span_of(piece)]
    span = mark(desk, make_expert(), lambda expert: expert.page.evaluate(SELECT, units))
    assert (span["start"], span["end"]) == span_of(piece.strip())
    assert span["text"] == piece.strip()


def test_a_word_is_marked_where_the_mouse_clicks_it_twice(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    def click(expert: Expert) -> None:
        box = expert.page.locator(".region").bounding_box()
        expert.page.mouse.dblclick(box["x"] + 25, box["y"] + box["height"] / 2)

    span = mark(desk, make_expert(), click)
    assert span["text"] == "Zoë"


SELECT = """([from, to]) => {
  const box = document.querySelector(".region");
  box.focus();
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let at = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (at <= from && from <= at + node.data.length) range.setStart(node, from - at);
    if (at <= to && to <= at + node.data.length) { range.setEnd(node, to - at); break; }
    at += node.data.length;
  }
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


def span_of(piece: str) -> tuple[int, int]:
    return SPANNED.index(piece), SPANNED.index(piece) + len(piece)


def mark(desk: Desk, expert: Expert, select: Callable[[Expert], object]) -> dict[str, Any]:
    """Marks what is selected as a place; returns the span that the server has then."""
    desk.fill("desk", [SPANNED, "Another."])
    desk.start()
    expert.open(f"{desk.url}/review/desk", name="ann")
    expert.wait_for_item("Zoë")
    expert.press("Escape", "a")
    expert.page.get_by_role("button", name="Remove person: Zoë").click()
    expert.page.focus(".region")
    select(expert)
    expert.press("2", "Control+Enter")
    expert.wait_for_item("Another.")
    value: Any = desk.ledger("desk")[0].answers["parts"]
    assert [each["label"] for each in value] == ["place"]
    found: dict[str, Any] = value[0]
    return found


def test_what_a_text_holds_does_nothing(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("pair", [EVIL])
    desk.start()
    expert = make_expert()
    for path in ("/review/pair", "/review/pair/table"):
        expert.open(desk.url + path, name="ann" if path.endswith("pair") else "")
        shown = expert.page.locator(".text").first
        shown.wait_for()
        assert shown.text_content() == EVIL
        assert expert.page.evaluate("window.evil") is None
        assert expert.page.locator(".odd").evaluate_all("all => all.map(e => e.dataset.code)") == [
            "U+202E",
            "U+0007",
        ]


def test_labels_that_nobody_knows_yet_are_typed_once(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("free", ["First.", "Second."], suggested=False)
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/free", name="ann")
    expert.wait_for_item("First.")
    expert.type("cards and fees")
    expert.press("Enter", "Control+Enter")
    expert.wait_for_item("Second.")
    expert.type("fees")
    expert.press("ArrowDown", "Enter", "Control+Enter")
    expert.page.wait_for_selector("#nothing:not([hidden])")
    assert [row.answers for row in desk.ledger("free")] == [{"area": "cards and fees"}] * 2


def test_suggestions_that_are_hidden_are_nowhere(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("blind", ["One.", "Two."])
    desk.start()
    expert = make_expert()
    for path in ("/review/blind", "/review/blind/table"):
        expert.open(desk.url + path, name="ann" if path.endswith("blind") else "")
        expert.page.locator(".text").first.wait_for()
        shown = expert.page.inner_text("body")
        assert "75 %" not in shown
        assert "Suggested" not in shown
        assert "mood: 2" not in shown
    expert.open(f"{desk.url}/review/blind")
    expert.wait_for_item("One.")
    assert not expert.page.locator("#take-button").is_visible()
    expert.press("a", "Control+Enter")
    expert.wait_until_said("urgent has no answer.")
    expert.press("2", "Tab", "3", "Control+Enter")
    expert.wait_for_item("Two.")
    assert [row.answers for row in desk.ledger("blind")] == [{"urgent": False, "mood": 3}]


def test_whoever_decides_sees_what_others_said(
    make_desk: Callable[..., Desk], make_expert: Callable[..., Expert]
) -> None:
    desk = make_desk(overlap=2)
    desk.fill("pair", ["One."])
    desk.start()
    for name, digit in (("ann", "1"), ("bob", "3")):
        expert = make_expert()
        expert.open(f"{desk.url}/review/pair", name=name)
        expert.wait_for_item("One.")
        expert.press("Escape", "a")
        expert.tab_to("#f1 .options input")
        expert.press(digit, "Control+Enter")
        if name == "ann":
            expert.page.wait_for_selector("#nothing:not([hidden])")
    judge = expert  # nobody else is there
    judge.page.locator("#kind", has_text="Others disagree").wait_for()
    judge.wait_for_item("One.")
    assert judge.page.inner_text("#kind") == "Others disagree about this one: you decide."
    assert judge.page.locator("#f0").is_hidden(), "they agree about that"
    said = judge.page.locator("#f1 .thoughts").inner_text()
    assert "Said: 1 by 1" in said
    assert "Said: 3 by 1" in said
    judge.page.get_by_role("button", name="Take for mood: 3").click()
    judge.press("Control+Enter")
    judge.page.wait_for_selector("#nothing:not([hidden])")
    assert [(row.expert, row.kind) for row in desk.ledger("pair")][-1] == ("bob", "adjudication")


def test_many_items_are_saved_from_the_table(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("pair", [f"Item {number}." for number in range(30)])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/pair/table", name="ann")
    expert.page.get_by_label("Item 25", exact=True).wait_for()
    expert.page.get_by_label("All of this page").check()
    expert.page.click("#take-button")
    expert.page.get_by_label("mood of item 2", exact=True).fill("3")
    expert.page.get_by_label("mood of item 3", exact=True).fill("9")
    expert.page.click("#save-button")
    expert.wait_until_said("Saved 24 of 25")
    expert.wait_until_said("Item 3: `mood` has no score 9; allowed: 1, 2, 3.")
    answers = {row.example: row.answers for row in desk.ledger("pair")}
    assert len(answers) == 24
    assert answers["pair-0001"] == {"urgent": True, "mood": 3}
    assert answers["pair-0000"] == {"urgent": True, "mood": 2}


def test_a_search_narrows_what_is_shown(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("pair", ["About fees.", "About phones."])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/pair", name="ann")
    expert.wait_for_item("About fees.")
    expert.press("/")
    expert.type("phones")
    expert.press("Enter")
    expert.page.wait_for_url("**search=phones**")
    expert.wait_for_item("About phones.")
    expert.page.get_by_label("Suggested").fill("3")
    expert.press("Enter")
    expert.page.locator("#why-nothing", has_text="that fits the search").wait_for()
