"""Nothing that was typed is lost, and nothing is counted twice: restarts, closed pages, two experts at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from tests.browser.conftest import Desk, Expert

from freehold.registry import reckon

pytestmark = pytest.mark.slow


def test_what_is_typed_survives_a_restart_and_a_closed_page(
    desk: Desk, make_expert: Callable[..., Expert]
) -> None:
    desk.fill("desk", ["A letter."])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/desk", name="ann")
    expert.wait_for_item("A letter.")
    with expert.page.expect_response("**/draft"):
        expert.type("card_a")
        expert.tab_to("#f7-text")
        expert.type("Before the server died.")
    desk.kill()
    expert.type(" While it was gone.")
    expert.wait_until_said("What you typed is kept in this browser.")
    with expert.page.expect_response(lambda response: "/draft" in response.url and response.ok):
        desk.start()
    elsewhere = make_expert()
    elsewhere.open(f"{desk.url}/review/desk", name="ann")
    expert.page.reload()
    for each in (expert, elsewhere):
        each.wait_for_item("A letter.")
        assert each.page.input_value("#f7-text") == "Before the server died. While it was gone."
        assert each.page.input_value("#f0-line") == "card_a"


def test_an_answer_that_is_sent_while_the_server_is_gone_counts_once(
    desk: Desk, make_expert: Callable[..., Expert]
) -> None:
    desk.fill("pair", ["One.", "Two.", "Three."])
    desk.start()
    expert = make_expert()
    expert.open(f"{desk.url}/review/pair", name="ann")
    expert.wait_for_item("One.")
    expert.press("Escape", "a")
    desk.kill()
    expert.press("Control+Enter")
    expert.wait_until_said("What you typed is kept here, and it is tried again.")
    desk.start()
    expert.wait_for_item("Two.")
    # The server keeps an answer whose receipt is lost on the way.
    expert.page.route("**/reviews/*", lambda route: (route.fetch(), route.abort()), times=1)
    expert.press("Escape", "a", "Control+Enter")
    expert.wait_for_item("Three.")
    assert [row.example for row in desk.ledger("pair")] == ["pair-0000", "pair-0001"]
    # A page that was closed before its answer arrived sends it when it is opened again.
    expert.page.route("**/reviews/*", lambda route: route.abort())
    expert.press("Escape", "a", "Control+Enter")
    expert.wait_until_said("it is tried again")
    expert.page.unroute("**/reviews/*")
    address = expert.page.url
    expert.page.close()
    expert.page = expert.context.new_page()
    expert.open(address)
    expert.page.wait_for_selector("#nothing:not([hidden])")
    assert [row.example for row in desk.ledger("pair")][2:] == ["pair-0002"]


def test_two_experts_a_restart_and_a_browser_that_was_closed(
    make_desk: Callable[..., Desk], make_expert: Callable[..., Expert]
) -> None:
    desk = make_desk(overlap=2)
    items = 12
    desk.fill("pair", [f"Item {number}." for number in range(items)])
    desk.start()
    gone = make_expert()
    gone.open(f"{desk.url}/review/pair", name="eve")
    gone.wait_for_item()
    gone.press("Escape", "a")
    gone.context.close()
    experts = {name: make_expert() for name in ("ann", "bob")}
    for name, expert in experts.items():
        expert.open(f"{desk.url}/review/pair", name=name)
        expert.wait_for_item()
    for number in range(items - 1):
        for expert in experts.values():
            expert.press("Escape", "a")
        for expert in experts.values():
            expert.press("Control+Enter")
        if number == 4:
            desk.kill()
            desk.start()
        for name, expert in experts.items():
            said = f"{number + 1} done by you"
            expert.page.locator("#counts", has_text=said).wait_for()
            assert not expert.page.locator("#trouble").text_content(), name
            if number < items - 2:
                expert.wait_for_item()
    ledger = desk.ledger("pair")
    counts = Counter((row.example, row.expert) for row in ledger)
    assert set(counts.values()) == {1}
    assert {expert for _, expert in counts} == {"ann", "bob"}
    by_example = Counter(example for example, _ in counts)
    assert max(by_example.values()) == 2
    assert len(ledger) == sum(by_example.values()) == 2 * (items - 1)
    assert {each.expert: each.items for each in reckon(ledger)} == {"ann": items - 1, "bob": items - 1}
    assert not [row for row in ledger if row.act != "answer"]


def test_a_key_opens_the_page_and_its_end_closes_it(desk: Desk, make_expert: Callable[..., Expert]) -> None:
    made = desk.shelf.make_key("ann", scopes=["review"])
    desk.fill("pair", ["One.", "Two."])
    desk.start()
    expert = make_expert()
    expert.page.goto(f"{desk.url}/review/pair?search=One")
    expert.type(made.secret)
    expert.press("Enter")
    expert.wait_for_item("One.")
    assert expert.page.url.endswith("/review/pair?search=One")
    [cookie] = expert.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert made.secret not in cookie["value"]
    expert.press("Escape", "a", "Control+Enter")
    expert.page.wait_for_selector("#nothing:not([hidden])")
    assert [row.expert for row in desk.ledger("pair")] == ["ann"]
    expert.page.goto(f"{desk.url}/review/pair")
    expert.wait_for_item("Two.")
    desk.kill()
    desk.start()
    expert.press("Escape", "a")
    desk.shelf.revoke_key(made.key.id)
    expert.page.wait_for_timeout(1200)  # the server reads its keys twice a second
    expert.press("Control+Enter")
    expert.wait_until_said("Your session has ended; nothing is lost.")
    other = desk.shelf.make_key("ann", scopes=["review"])
    expert.page.wait_for_timeout(1200)
    with expert.context.expect_page() as opened:
        expert.page.get_by_role("link", name="Sign in again").click()
    door = opened.value
    door.fill("[name=key]", other.secret)
    door.press("[name=key]", "Enter")
    expert.page.wait_for_selector("#nothing:not([hidden])")
    assert [row.example for row in desk.ledger("pair")] == ["pair-0000", "pair-0001"]
    expert.page.get_by_role("button", name="Sign out").click()
    expert.page.locator("#problem", has_text="You are signed out.").wait_for()
    assert expert.context.cookies() == []
