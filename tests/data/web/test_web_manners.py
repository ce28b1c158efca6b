"""Manners: robots.txt, spacing, back-off and conditional requests, as a site's own log tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from tests.data.web.crawls import QUICK, Crawls
from tests.data.web.site import Answer, Answerer, Hit, Site, html, moved, serving
from tests.data.web.test_web_crawl import resolving

from freehold.data.web import Tally
from freehold.registry import Found

TEXT = {"Content-Type": "text/plain"}
CLOCK = 0.002
"""What two readings of the clock in two threads may differ by."""


def robots(text: str, status: int = 200) -> Answer:
    return Answer(text.encode(), status=status, headers=TEXT)


def spacings(hits: list[Hit]) -> list[float]:
    """Returns the times from the end of each reply to the next request."""
    return [later.began - earlier.ended for earlier, later in pairwise(hits)]


def chain(count: int, **more: Answer | Answerer) -> Site:
    """Returns a site of pages, each with a link to the next."""
    found: dict[str, Answer | Answerer] = {f"/{n}": html(*[f"/{n + 1}"] * (n + 1 < count)) for n in range(count)}
    return Site({**found, **{f"/{name.replace('_', '.')}": answer for name, answer in more.items()}})


@pytest.mark.parametrize(
    ("delay", "rules", "expected"),
    [
        (0.08, "User-agent: *\nDisallow:\n", 0.08),
        (0.01, "User-agent: *\nCrawl-delay: 0.1\n", 0.1),
        (0.08, "User-agent: *\nCrawl-delay: 0.01\n", 0.08),
        (0.01, "User-agent: freehold\nRequest-rate: 10/1\n\nUser-agent: *\nCrawl-delay: 9\n", 0.1),
    ],
)
def test_requests_are_spaced_from_the_end_of_a_reply(
    crawls: Crawls, delay: float, rules: str, expected: float
) -> None:
    def slow(hit: Hit) -> Answer:
        def body() -> Iterator[bytes]:
            yield b"<p>"
            time.sleep(0.1)
            yield b"<a href=/2>"

        return Answer(body(), headers={"Content-Type": "text/html"})

    site = chain(5, robots_txt=robots(rules))
    site.pages["/1"] = slow
    with serving(site):
        assert crawls.crawl(site.url("/0"), delay=delay).fetched == 5
    assert len(site.hits) == 8
    assert min(spacings(site.hits)) >= expected - CLOCK


def test_the_first_request_after_a_stop_is_spaced_too(crawls: Crawls) -> None:
    site = chain(4, robots_txt=robots("User-agent: *\nCrawl-delay: 0.15\n"))
    with serving(site):
        crawls.crawl(site.url("/0"), pages=2)
        stopped = len(site.hits)
        begun = time.monotonic()
        crawls.crawl(site.url("/0"))
        assert site.hits[stopped].path == "/2"
        assert site.hits[stopped].began - begun >= 0.15 - CLOCK


def test_hosts_do_not_wait_for_each_other(crawls: Crawls) -> None:
    site = chain(4)
    with serving(site):
        names = [f"http://{name}.example.org:{site.port}/0" for name in "ab"]
        crawls.crawl(*names, delay=0.06, connections=resolving(a="127.0.0.1", b="127.0.0.1"))
    hosts = [[hit for hit in site.hits if hit.headers["host"].startswith(name)] for name in "ab"]
    assert [len(hits) for hits in hosts] == [7, 7]
    assert all(min(spacings(hits)) >= 0.06 - CLOCK for hits in hosts)
    assert all(hits[0].began < other[-1].began for hits, other in (hosts, reversed(hosts)))


def test_what_robots_disallows_is_not_asked_for(crawls: Crawls) -> None:
    rules = "User-agent: freehold\nDisallow: /private\nAllow: /private/open\n\nUser-agent: *\nDisallow: /\n"
    site = Site(
        {
            "/robots.txt": robots(rules),
            "/": html("/private/a", "/private/open", "/moved"),
            "/private/open": html(),
            "/moved": moved("/private/b"),
        }
    )
    with serving(site):
        tally = crawls.crawl(site.url())
    assert "/private/a" not in site.asked()
    assert crawls.reasons() == {"/private/a": "robots.txt", "/private/b": "robots.txt"}
    assert (tally.fetched, tally.refused) == (2, 2)
    assert {visit.signals.robots for visit in crawls.visits().values()} == {"allowed by robots.txt"}


def test_robots_is_asked_for_once_and_kept(crawls: Crawls) -> None:
    site = chain(3, robots_txt=robots("User-agent: *\nDisallow:\n"))
    with serving(site):
        crawls.crawl(site.url("/0"), pages=1)
        crawls.crawl(site.url("/0"))
    assert site.count("/robots.txt") == site.count("/.well-known/tdmrep.json") == 1
    kinds = [each.record.facts.kind for each in crawls.archive.records()]
    assert kinds == ["robots", "tdm", "page", "sitemap", "page", "page"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_no_robots_is_a_yes(crawls: Crawls, status: int) -> None:
    site = chain(2, robots_txt=robots("User-agent: *\nDisallow: /\n", status))
    with serving(site):
        assert crawls.crawl(site.url("/0")).fetched == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_robots_that_cannot_be_read_is_a_no(crawls: Crawls, status: int) -> None:
    site = chain(2, robots_txt=robots("", status))
    with serving(site):
        tally = crawls.crawl(site.url("/0"))
    assert site.asked() == ["/robots.txt"] * 4
    assert (tally.fetched, tally.failed) == (0, 1)
    assert crawls.reasons() == {"/0": f"robots.txt cannot be read: status {status}"}


def test_a_robots_that_comes_late_counts(crawls: Crawls) -> None:
    answers = iter([robots("", 503), robots("User-agent: *\nDisallow: /1\n")])
    site = chain(3, robots_txt=lambda hit: next(answers))
    with serving(site):
        crawls.crawl(site.url("/0"))
    assert crawls.reasons() == {"/1": "robots.txt"}


def test_the_redirects_of_robots_are_followed_and_checked(crawls: Crawls) -> None:
    site = chain(2, robots_txt=moved("/rules/one"))
    site.pages |= {"/rules/one": moved("/rules/two"), "/rules/two": robots("User-agent: *\nDisallow: /1\n")}
    with serving(site):
        crawls.crawl(site.url("/0"))
        assert crawls.reasons() == {"/1": "robots.txt"}
        crawls.name = "again"  # the archive alone knows it too
        crawls.crawl(site.url("/0"))
        assert site.count("/rules/two") == 1


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://10.0.0.1/robots.txt", "the host '10.0.0.1' is not asked: private"),
        ("http://127.0.0.1:1/robots.txt", "it redirects to the port 1, which is outside the scope"),
        ("file:///etc/robots.txt", "it redirects to 'file:///etc/robots.txt': its scheme is 'file'"),
        ("/robots.txt", "it redirects more than 5 times"),
    ],
)
def test_a_robots_that_leads_astray_is_a_no(crawls: Crawls, location: str, why: str) -> None:
    site = chain(2, robots_txt=moved(location))
    with serving(site):
        crawls.crawl(site.url("/0"))
    assert why in crawls.reasons()["/0"]
    assert set(site.asked()) == {"/robots.txt"}


def test_a_site_that_wants_to_be_asked_once_an_hour_is_left_alone(crawls: Crawls) -> None:
    site = chain(2, robots_txt=robots("User-agent: *\nCrawl-delay: 3600\n"))
    with serving(site):
        crawls.crawl(site.url("/0"))
    assert crawls.reasons() == {"/0": "robots.txt asks for 3,600 seconds between two pages"}
    assert site.asked() == ["/robots.txt"]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_kept_to(crawls: Crawls, form: str) -> None:
    busy: list[float] = []

    def answer(hit: Hit) -> Answer:
        if not busy:
            busy.append(time.monotonic())
            later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
            return Answer(status=429, headers={"Retry-After": "1" if form == "seconds" else later})
        return html("/other")

    site = Site({"/": answer, "/other": html()})
    with serving(site):
        assert crawls.crawl(site.url()).fetched == 2
    again = [hit.began for hit in site.hits if hit.path == "/"][1]
    assert again - busy[0] >= 1.0 - CLOCK  # a date has whole seconds: of its two, one at least is left
    # The whole host was left alone.
    assert not any(busy[0] + CLOCK < hit.began < again for hit in site.hits)


@pytest.mark.parametrize("path", ["/0", "/robots.txt"])
def test_who_wants_to_be_asked_much_later_waits_for_a_later_crawl(crawls: Crawls, path: str) -> None:
    site = chain(2)
    site.pages[path] = Answer(status=503, headers={"Retry-After": "86400"})
    with serving(site):
        tally = crawls.crawl(site.url("/0"), site.url("/1"))
        assert (tally.waiting, tally.full) == (2, "the hosts want to be asked later")
        asked = len(site.hits)
        assert crawls.crawl(site.url("/0"), site.url("/1")).waiting == 2
    assert len(site.hits) == asked
    assert site.count(path) == 1


class _StopError(Exception):
    pass


def test_retry_after_is_kept_to_across_a_stop(crawls: Crawls) -> None:
    busy: list[float] = []

    def answer(hit: Hit) -> Answer:
        if not busy:
            busy.append(time.monotonic())
            return Answer(status=429, headers={"Retry-After": "1"})
        return html()

    class Stopping(list[Tally]):
        def append(self, tally: Tally) -> None:
            if busy:
                raise _StopError

    site = Site({"/": html("/busy", "/other"), "/busy": answer, "/other": html()})
    with serving(site):
        told, crawls.told = crawls.told, Stopping()
        with pytest.raises(_StopError):
            crawls.crawl(site.url())
        crawls.told = told
        stopped = len(site.hits)
        assert crawls.crawl(site.url()).fetched == 2
    assert min(hit.began for hit in site.hits[stopped:]) - busy[0] >= 1.0 - CLOCK


def test_robots_is_asked_for_again_after_a_day(crawls: Crawls) -> None:
    site = chain(2, robots_txt=robots("User-agent: *\nDisallow:\n"))
    with serving(site):
        crawls.crawl(site.url("/0"))
        frontier = crawls.shelf.frontier(crawls.name)
        known = frontier.find(site.url("/robots.txt"))
        assert known is not None
        old = replace(known, noted=(datetime.now(UTC) - timedelta(hours=25)).isoformat())
        frontier.settle(Found(site.url("/robots.txt"), "127.0.0.1", kind="robots"), old)
        site.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /1\n")
        crawls.crawl(site.url("/0"), refresh=True)
        assert site.count("/robots.txt") == 2
    assert crawls.reasons() == {"/1": "robots.txt"}
    assert "/1" in crawls.visits()  # what was allowed when it was fetched stays, until somebody says otherwise


def test_failures_are_tried_again_and_noted(crawls: Crawls) -> None:
    flaky = iter([Answer(status=500), Answer(status=502), html("/flaky/next")])
    cut = Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<p>half", raw=True)
    site = Site(
        {
            "/": html("/flaky", "/broken", "/cut", "/nonsense", "/gone"),
            "/flaky": lambda hit: next(flaky),
            "/flaky/next": html(),
            "/broken": Answer(status=500),
            "/cut": cut,
            "/nonsense": Answer(b"SSH-2.0-OpenSSH_9.6\r\n", raw=True),
            "/gone": Answer(status=410),
        }
    )
    with serving(site):
        tally = crawls.crawl(site.url())
    assert (tally.fetched, tally.failed) == (3, 4)
    assert {path: site.asked().count(path) for path in ("/flaky", "/broken", "/cut", "/nonsense", "/gone")} == {
        "/flaky": 3,
        "/broken": 4,
        "/cut": 4,
        "/nonsense": 1,
        "/gone": 1,
    }
    assert crawls.reasons() == {
        "/broken": "status 500",
        "/cut": "the reply is cut off",
        "/nonsense": "it is no HTTP: SSH-2.0-OpenSSH_9.6",
        "/gone": "status 410",
    }


def test_waits_grow(crawls: Crawls) -> None:
    site = chain(1)
    site.pages["/0"] = Answer(status=500)
    with serving(site):
        crawls.crawl(site.url("/0"), bounds=QUICK._replace(first_wait=0.05))
    first, second, third = spacings([hit for hit in site.hits if hit.path == "/0"])
    assert first >= 0.0375 - CLOCK
    assert second >= 0.075 - CLOCK
    assert third >= 0.15 - CLOCK


def trickle() -> Iterator[bytes]:
    for _ in range(100):
        yield b"a"
        time.sleep(0.05)


def test_a_trickle_is_given_up(crawls: Crawls) -> None:
    site = Site({"/": html("/trickle", "/fine"), "/trickle": lambda hit: Answer(trickle()), "/fine": html()})
    with serving(site):
        tally = crawls.crawl(site.url(), bounds=QUICK._replace(whole=0.2, tries=2))
    assert (tally.fetched, tally.failed) == (2, 1)
    assert crawls.reasons() == {"/trickle": "it takes too long"}


def test_a_refresh_asks_whether_pages_changed(crawls: Crawls) -> None:
    def tagged(hit: Hit) -> Answer:
        if hit.headers.get("if-none-match") == '"v1"':
            return Answer(status=304, headers={"ETag": '"v1"'})
        return html("/dated", "/plain", "/changed", "/gone", ETag='"v1"', text="tagged")

    def dated(hit: Hit) -> Answer:
        when = "Sun, 01 Nov 2026 00:00:00 GMT"
        return Answer(status=304) if hit.headers.get("if-modified-since") == when else html(Last_Modified=when)

    site = Site(
        {"/": tagged, "/dated": dated, "/plain": html(text="plain"), "/changed": html(text="old"), "/gone": html()}
    )
    with serving(site):
        assert crawls.crawl(site.url()).fetched == 5
        times = {path: visit.time for path, visit in crawls.visits().items()}
        site.pages |= {"/changed": html("/new", text="new"), "/new": html(), "/gone": Answer(status=404)}
        tally = crawls.crawl(site.url(), refresh=True)
        assert (tally.fetched, tally.unchanged, tally.failed) == (2, 3, 1)
        visits = crawls.visits()
        assert sorted(visits) == ["/", "/changed", "/dated", "/new", "/plain"]
        assert "new" in visits["/changed"].text
        assert "tagged" in visits["/"].text
        assert visits["/"].time == times["/"]
        assert crawls.crawl(site.url(), refresh=True).unchanged == 5
        assert sum(hit.status == 304 for hit in site.hits) == 4
        assert site.count("/robots.txt") == 1


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"no gzip", 200, "it does not unpack (gzip)"),
        (b"", 410, "status 410"),
        (b"", 302, "it redirects to itself"),
    ],
)
def test_what_is_no_page_is_asked_for_without_conditions(
    crawls: Crawls, body: bytes, status: int, why: str
) -> None:
    said = {"ETag": '"v1"', "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT", "Content-Encoding": "gzip"}
    told = Answer(body, status=status, headers={"Content-Type": "text/html", "Location": "/it", **said})
    site = Site({"/": html("/it"), "/it": told})
    with serving(site):
        crawls.crawl(site.url())
        crawls.crawl(site.url(), refresh=True)
    first, again = [hit for hit in site.hits if hit.path == "/it"]
    assert again.headers == first.headers
    assert crawls.reasons()["/it"].startswith(why)


def test_a_refresh_that_was_stopped_goes_on_and_asks_nobody_twice(crawls: Crawls) -> None:
    site = chain(6)
    with serving(site):
        crawls.crawl(site.url("/0"))
        crawls.crawl(site.url("/0"), refresh=True, pages=2)
        crawls.crawl(site.url("/0"), refresh=True)
        assert {site.count(f"/{n}") for n in range(6)} == {2}
        crawls.crawl(site.url("/0"))
        assert {site.count(f"/{n}") for n in range(6)} == {2}
