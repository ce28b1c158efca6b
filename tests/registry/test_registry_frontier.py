"""The frontier: breadth first, one transaction for a page with its links, and nothing forgotten."""

from __future__ import annotations

import secrets

from freehold.registry import Found, FrontierCounts, Outcome, Registry


def page(name: str, *, host: str = "a.org", depth: int = 0) -> Found:
    return Found(f"https://{host}/{name}", host=host, depth=depth)


def test_what_waits_comes_breadth_first_and_as_it_was_found(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    frontier.add([page("deep", depth=2), page("b", depth=1), page("a", depth=1), page("b", depth=0)])
    order = []
    while (waiting := frontier.next("a.org", now=0.0)) is not None:
        order.append((waiting.found.url[-4:], waiting.found.depth))
        frontier.settle(waiting.found, Outcome("done", 200))
    assert order == [("rg/b", 1), ("rg/a", 1), ("deep", 2)]
    assert frontier.soonest("a.org") is None
    assert frontier.hosts() == []


def test_a_page_and_its_links_are_noted_together_and_links_once(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    frontier.add([page("a")])
    frontier.settle(page("a"), Outcome("done", 200, size=7), found=[page("a"), page("b", depth=1)])
    with_links = frontier.next("a.org", now=0.0)
    assert with_links is not None
    assert with_links.found == page("b", depth=1)
    assert frontier.counts() == FrontierCounts(waiting=1, done=1, size=7)


def test_hosts_are_asked_apart_and_what_is_due_later_is_left_out(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    frontier.add([page("a"), page("b", host="b.org")])
    assert frontier.hosts() == ["a.org", "b.org"]
    first = frontier.next("b.org", now=0.0)
    assert first is not None
    assert first.found == page("b", host="b.org")
    frontier.postpone("https://a.org/a", tries=1, due=50.0, reason="status 429")
    assert frontier.next("a.org", now=49.0) is None
    assert (frontier.soonest("a.org"), frontier.soonest("b.org"), frontier.soonest("c.org")) == (50.0, 0.0, None)
    later = frontier.next("a.org", now=50.0)
    assert later is not None
    assert later.tries == 1


def test_a_refresh_asks_for_everything_again_with_what_is_known(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    known = Outcome("done", 200, place="1:5", etag='"x"', modified="yesterday", sha256="ab", noted="2026")
    frontier.settle(page("a"), known)
    frontier.settle(page("robots.txt"), Outcome("done", 200), found=[])
    assert frontier.find("https://a.org/a") == known
    assert frontier.next("a.org", now=0.0) is None
    assert frontier.reopen() == 2
    again = frontier.next("a.org", now=0.0)
    assert again is not None
    assert (again.etag, again.modified, again.sha256, again.place) == ('"x"', "yesterday", "ab", "1:5")
    assert frontier.last_place() == "1:5"


def test_what_is_no_page_is_neither_counted_nor_opened_again(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    frontier.settle(Found("https://a.org/robots.txt", "a.org", kind="robots"), Outcome("done", 200, size=10))
    assert frontier.counts() == FrontierCounts(size=10)
    assert frontier.reopen() == 0


def test_a_host_is_let_alone_as_a_whole_and_no_sooner_than_before(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    frontier.add([page("a"), page("b"), page("c", host="b.org")])
    frontier.postpone("https://a.org/b", tries=1, due=90.0, reason="status 503")
    frontier.hold("a.org", due=50.0)
    assert (frontier.soonest("a.org"), frontier.soonest("b.org")) == (50.0, 0.0)
    frontier.settle(page("a"), Outcome("done", 200))
    assert frontier.soonest("a.org") == 90.0


def test_the_longest_url_finds_its_place(shelf: Registry) -> None:
    long = page(secrets.token_urlsafe(1_460)[:1_940])
    shelf.frontier("a-name-as-long-as-a-digest-" + "f" * 64).add([long, page("after")])
    waiting = shelf.frontier("a-name-as-long-as-a-digest-" + "f" * 64).next("a.org", now=0.0)
    assert waiting is not None
    assert waiting.found == long


def test_what_came_to_nothing_can_be_listed(shelf: Registry) -> None:
    frontier = shelf.frontier("manual")
    frontier.add([page("a"), page("b"), page("c")])
    frontier.settle(page("b"), Outcome("failed", 404, "status 404"))
    frontier.settle(page("a"), Outcome("refused", reason="robots.txt"))
    assert [(found.url[-1], outcome.reason) for found, outcome in frontier.failures()] == [
        ("a", "robots.txt"),
        ("b", "status 404"),
    ]
    assert frontier.counts() == FrontierCounts(waiting=1, refused=1, failed=1)


def test_crawls_do_not_meet_and_are_there_after_a_restart(shelf: Registry, database_url: str) -> None:
    shelf.frontier("one").add([page("a")])
    shelf.frontier("two").add([page("a"), page("b")])
    shelf.frontier("one").settle(page("a"), Outcome("done", 200))
    with Registry.open(shelf.state, url=database_url) as again:
        assert list(again.frontier("one").urls()) == ["https://a.org/a"]
        assert again.frontier("two").counts() == FrontierCounts(waiting=2)
        again.frontier("one").add([page("z")])
        assert again.frontier("one").counts() == FrontierCounts(waiting=1, done=1)
