"""What the page is like to read: narrow, enlarged, dark and light, with a name on every control.

With `FREEHOLD_SHOTS=FOLDER` pictures of the pages are put there, to be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.browser.conftest import Desk, Expert
from tests.browser.desk import EVIL, SPANNED

pytestmark = pytest.mark.slow

NARROW = {"viewport": {"width": 390, "height": 844}}
ENLARGED = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}
"""What a window of 1280 by 900 is at 200 %."""
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "narrow": NARROW,
    "enlarged": ENLARGED,
    "smallest": {"viewport": {"width": 320, "height": 512}},
    "dark": {"color_scheme": "dark"},
    "light": {"color_scheme": "light"},
}
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 4
NAMED = {"button", "checkbox", "combobox", "link", "listbox", "option", "progressbar", "radio", "searchbox",
         "slider", "spinbutton", "switch", "tab", "textbox", "dialog", "group", "menuitem", "table"}  # fmt: skip


def shoot(expert: Expert, name: str) -> None:
    if folder := os.environ.get("FREEHOLD_SHOTS"):
        expert.page.screenshot(path=Path(folder) / f"page-{name}.png", full_page=True)


def views(desk: Desk, expert: Expert, *, name: str) -> list[str]:
    """Opens every page in turn; returns what was found wrong with each."""
    wrong = []

    def look(page: str) -> None:
        shoot(expert, f"{name}-{page}")
        wide, room = expert.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide > room:
            wrong.append(f"{page} is {wide} wide in {room}")
        wrong.extend(f"{page}: {each}" for each in nameless(expert))
        wrong.extend(f"{page}: {each}" for each in expert.page.evaluate(PALE))

    expert.page.goto(f"{desk.url}/review/desk")
    expert.page.wait_for_selector("#name-dialog[open]")
    look("name")
    expert.press(*"ann", "Enter")
    expert.wait_for_item("Zoë")
    expert.press("Escape", "a", "c")
    expert.page.focus("#f0-line")
    expert.press("Control+a")
    expert.type("card")
    look("item")
    expert.press("Enter", "Escape", "?")
    expert.page.wait_for_selector("#help-dialog[open]")
    look("help")
    expert.press("Escape", "x")
    expert.page.wait_for_selector("#skip-dialog[open]")
    look("skip")
    expert.press("Escape")
    expert.page.goto(f"{desk.url}/review/desk/table")
    expert.page.get_by_label("Item 3", exact=True).wait_for()
    look("table")
    expert.page.goto(f"{desk.url}/review/free")
    expert.page.wait_for_selector("#nothing:not([hidden])")
    look("nothing")
    expert.page.goto(f"{desk.url}/signin")
    look("signin")
    return wrong


def nameless(expert: Expert) -> list[str]:
    """Returns the controls that a screen reader has no name for."""
    session = expert.context.new_cdp_session(expert.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    found = [each for each in nodes if not each.get("ignored") and each.get("role", {}).get("value") in NAMED]
    assert len(found) >= 2
    nameless = [
        f"a {each['role']['value']} without a name, {describe(session, each)}"
        for each in found
        if not str(each.get("name", {}).get("value", "")).strip()
    ]
    session.detach()
    return nameless


def describe(session: Any, node: Any) -> str:
    """Returns the beginning of an element's markup."""
    found = session.send("DOM.getOuterHTML", {"backendNodeId": node["backendDOMNodeId"]})
    return str(found["outerHTML"])[:80]


PALE = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((each) => {
      const share = Number(each) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (!/^rgba\\(.*, 0\\)$|\\/ 0?\\.?\\d+\\)$|transparent/.test(color)) return color;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pale = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest("[inert], :disabled, .odd, noscript, script, style, template")) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(paper(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) pale.add(`“${node.data.trim().slice(0, 20)}” has a contrast of ${contrast.toFixed(2)}`);
  }
  return [...pale];
}"""


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_can_be_read_and_named(desk: Desk, make_expert: Callable[..., Expert], look: str) -> None:
    desk.fill("desk", [SPANNED, EVIL, LONG, *[f"Item {number}: my card has not come." for number in range(9)]])
    desk.start()
    expert = make_expert(**LOOKS[look])
    assert views(desk, expert, name=look) == []
    dark = expert.page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (look == "dark")


def test_the_focus_can_be_seen(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("desk", [SPANNED])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/desk", name="ann")
    expert.wait_for_item()
    seen = set()
    for _ in range(45):
        expert.press("Tab")
        id, outline = expert.page.evaluate(
            "(e => [e.outerHTML.slice(0, 90), getComputedStyle(e).outlineWidth])(document.activeElement)"
        )
        if id.startswith("<body"):
            continue
        seen.add(id)
        assert outline == "3px", id
    assert len(seen) > 30


def test_keys_can_be_switched_off(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    desk.fill("pair", ["One."])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/pair", name="ann")
    expert.wait_for_item()
    expert.press("?")
    expert.page.get_by_label("Single keys work").uncheck()
    expert.press("Escape", "a", "f", "1")
    assert expert.page.locator("#answers :checked").count() == 0
    expert.page.reload()
    expert.wait_for_item()
    expert.press("a")
    assert expert.page.locator("#answers :checked").count() == 0
    expert.page.click("#help-button")
    expert.page.get_by_label("Single keys work").check()
    expert.press("Escape", "a")
    assert expert.page.locator("#answers :checked").count() == 2
