"""A crawl of a real site on this machine: complete, within its scope, and each page once."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from tests.data.web.crawls import QUICK, Crawls
from tests.data.web.site import Answer, Hit, Site, html, moved, serving

from freehold.data.web import Address, Connections, Licence, Reservation, Tally
from freehold.errors import FreeholdError
from freehold.registry import Registry

TEXT = {"Content-Type": "text/plain"}
XML = {"Content-Type": "application/xml"}
BY = "https://creativecommons.org/licenses/by-sa/4.0/"
SITE_FILES = {"/robots.txt", "/.well-known/tdmrep.json", "/sitemap.xml"}


def pages(site: Site) -> list[str]:
    """Returns what was asked for but the site's own files, in order."""
    return [path for path in site.asked() if path not in SITE_FILES]


def test_a_site_is_fetched_breadth_first_and_each_page_once(crawls: Crawls) -> None:
    site = Site(
        {
            "/": html("/a", "b", "/?utm_source=x", "#top", "http://elsewhere.org/", "mailto:me@x.org"),
            "/a": html("/a/deep", "/b", "/A/../a#again"),
            "/b": html("/missing", "/a"),
            "/a/deep": html("/", "/a/deeper"),
            "/a/deeper": Answer(b"\x89PNG", headers={"Content-Type": "image/png"}),
        }
    )
    with serving(site):
        tally = crawls.crawl(site.url())
        assert pages(site) == ["/", "/a", "/b", "/a/deep", "/missing", "/a/deeper"]
        assert tally == Tally(fetched=5, failed=1, bytes=tally.bytes)
        assert crawls.told[-1] == tally
        assert list(crawls.visits()) == ["/", "/a", "/b", "/a/deep", "/a/deeper"]
        assert [visit.depth for visit in crawls.visits().values()] == [0, 1, 1, 2, 3]
        assert crawls.reasons() == {"/missing": "status 404"}
        assert crawls.crawl(site.url()) == Tally()
        assert len(pages(site)) == 6
    assert {hit.fate for hit in site.hits} == {"complete"}
    assert {hit.headers["user-agent"] for hit in site.hits} == {"freehold/1.0 (+mailto:owner@example.org)"}
    assert {hit.headers["host"] for hit in site.hits} == {site.host}


def test_redirects_are_followed_as_links_are(crawls: Crawls) -> None:
    site = Site(
        {
            "/": html("/old", "/loop", "/self", "/far", "/private", "/metadata", "/file", "/nowhere", "/chain/0"),
            "/old": moved("/new#x", 301),
            "/new": html(text="new"),
            "/loop": moved("/loop2"),
            "/loop2": moved("/loop", 307),
            "/self": moved("/self"),
            "/far": moved("https://example.org/"),
            "/private": moved("http://10.0.0.1/"),
            "/metadata": moved("http://169.254.169.254/latest/meta-data/"),
            "/file": moved("file:///etc/passwd"),
            "/nowhere": Answer(status=302, headers={}),
        },
        fallback=lambda hit: (
            moved(f"/chain/{int(hit.path[7:]) + 1}") if "/chain" in hit.path else Answer(status=404)
        ),
    )
    with serving(site):
        tally = crawls.crawl(site.url(), hosts=(site.host, "10.0.0.1", "169.254.169.254"))
    assert {path: visit.asked for path, visit in crawls.visits().items()} == {
        "/": site.url("/"),
        "/new": site.url("/old"),
    }
    assert tally.moved == 3 + 2 + 5  # old, loop, loop2, two out of this machine, and a chain of five
    reasons = crawls.reasons()
    assert reasons["/self"] == "it redirects to itself"
    assert reasons["/far"].endswith("the host 'example.org' is outside the scope")
    assert reasons["/file"] == "it redirects to 'file:///etc/passwd': its scheme is 'file', not http or https"
    assert reasons["/nowhere"] == "status 302 without a location"
    assert reasons["/chain/5"] == "it redirects more than 5 times"
    assert "not asked: link-local, where clouds keep their metadata" in reasons["/latest/meta-data/"]


def resolving(**names: str) -> Connections:
    """Connections that know some names: `docs` for `docs.example.org`."""

    def resolve(host: str) -> list[Address]:
        found = names.get(host.removesuffix(".example.org"))
        if found is None:
            raise OSError("no such name")
        return [ip_address(found)]

    return Connections(allow_loopback=True, resolve=resolve)


def test_a_name_that_leads_inside_is_never_connected_to(crawls: Crawls) -> None:
    site = Site({})
    with serving(site):
        inside = f"http://inside.example.org:{site.port}/secret"
        gone = f"http://gone.example.org:{site.port}/gone"
        site.pages |= {"/": html(inside, gone), "/robots.txt": Answer(b"", headers=TEXT)}
        crawls.crawl(
            f"http://docs.example.org:{site.port}/",
            hosts=(f"*.example.org:{site.port}",),
            connections=resolving(docs="127.0.0.1", inside="10.0.0.5"),
        )
    assert list(crawls.visits()) == ["/"]
    assert crawls.reasons() == {
        "/secret": "robots.txt cannot be read: the host 'inside.example.org' is not asked: 10.0.0.5 is private",
        "/gone": "robots.txt cannot be read: the host 'gone.example.org' has no address: no such name",
    }


def test_endless_sites_end(crawls: Crawls) -> None:
    def more(hit: Hit) -> Answer:
        here, _, query = hit.path.partition("?")
        return html(f"{here}?n={len(query)}", f"{here}?{query}&m=1", f"{here}/x", f"/y{here}")

    site = Site({"/": html("/trap", "/" + "a" * 3000)}, fallback=more)
    bounds = QUICK._replace(variants=5, path_depth=6, repeats=2, host_pages=60)
    with serving(site):
        tally = crawls.crawl(site.url(), bounds=bounds)
    asked = pages(site)
    assert len(asked) == len(set(asked)) <= 60
    assert tally.waiting == 0
    assert max(path.count("/") for path in asked) <= 6
    assert max(path.split("?")[0].split("/").count("x") for path in asked) == 2
    assert sum(path.startswith("/trap?") for path in asked) == 5


def test_the_depth_is_kept(crawls: Crawls) -> None:
    site = Site({f"/{n}": html(f"/{n + 1}") for n in range(9)})
    with serving(site):
        crawls.crawl(site.url("/0"), depth=3)
    assert pages(site) == ["/0", "/1", "/2", "/3"]


def test_the_end_of_pages_or_bytes_is_told_and_more_goes_on(crawls: Crawls) -> None:
    site = Site({f"/{n}": html(f"/{n + 1}", f"/{n + 2}", text="x" * 1000) for n in range(30)})
    with serving(site):
        tally = crawls.crawl(site.url("/0"), pages=4)
        assert (tally.fetched, tally.full) == (4, "4 pages were fetched")
        assert tally.waiting > 0
        assert crawls.crawl(site.url("/0"), pages=4).fetched == 0
        tally = crawls.crawl(site.url("/0"), total_bytes=9_000)
        assert (tally.fetched, tally.full) == (4, "9,000 bytes were fetched")
        assert crawls.crawl(site.url("/0")).waiting == 0
    assert len(crawls.visits()) == 30
    assert len(pages(site)) == len(set(pages(site)))


def test_sitemaps_are_starts(crawls: Crawls) -> None:
    index = "<sitemapindex><sitemap><loc>/maps/1.xml.gz</loc></sitemap><sitemap><loc>/maps/2.txt</loc></sitemap>"
    listed = "<urlset><url><loc>/listed</loc><lastmod>2026-11-01</lastmod></url><url><loc>/private/x</loc></url>"
    site = Site(
        {
            "/": html(),
            "/robots.txt": Answer(b"User-agent: *\nDisallow: /private\nSitemap: /maps/index.xml\n", headers=TEXT),
            "/maps/index.xml": Answer(f"{index}</sitemapindex>".encode(), headers=XML),
            "/maps/1.xml.gz": Answer(gzip.compress(f"{listed}</urlset>".encode()), headers=XML),
            "/maps/2.txt": Answer(b"/text", headers=TEXT),
            "/listed": html("/linked"),
            "/linked": html(),
            "/text": html(),
        }
    )
    with serving(site):
        tally = crawls.crawl(site.url(), depth=1)
        assert {path: visit.depth for path, visit in crawls.visits().items()} == {
            "/": 0,
            "/listed": 0,
            "/text": 0,
            "/linked": 1,
        }
        assert crawls.reasons() == {"/private/x": "robots.txt"}
        assert tally == Tally(fetched=4, refused=1, bytes=tally.bytes)
        assert "/sitemap.xml" not in site.asked()


def test_sitemaps_are_left_out_where_that_is_said(crawls: Crawls) -> None:
    site = Site(
        {"/": html(), "/sitemap.xml": Answer(b"<urlset><url><loc>/listed</loc></url></urlset>", headers=XML)}
    )
    with serving(site):
        crawls.crawl(site.url(), sitemaps=False)
    assert pages(site) == ["/"]
    assert "/sitemap.xml" not in site.asked()


def test_a_page_with_a_canonical_form_is_given_in_that_form(crawls: Crawls) -> None:
    site = Site(
        {
            "/": html("/print?x=1", "/alone"),
            "/print?x=1": html(head='<link rel="canonical" href="/page">', text="copy"),
            "/page": html(text="it"),
            "/alone": html(head='<link rel="canonical" href="https://elsewhere.org/">', text="alone"),
        }
    )
    with serving(site):
        crawls.crawl(site.url(), depth=1)
    assert sorted(crawls.visits()) == ["/", "/alone", "/page"]


def test_signals_are_recorded_with_each_page(crawls: Crawls) -> None:
    rules = b'[{"location": "/open", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]'
    link = f'<{BY}>; rel="license"'
    site = Site(
        {
            "/": html("/open", "/header", "/noai", "/nofollow", "/noindex"),
            "/.well-known/tdmrep.json": Answer(rules, headers={"Content-Type": "application/json"}),
            "/open": html(head=f'<link rel="license" href="{BY}">'),
            "/header": html(TDM_Reservation="1", TDM_Policy="/policy", Link=link),
            "/noai": html(X_Robots_Tag="freehold: noai"),
            "/nofollow": html("/hidden", head='<meta name="robots" content="nofollow">'),
            "/noindex": html("/found", head='<meta name="freehold" content="noindex">'),
            "/found": html(),
        }
    )
    with serving(site):
        crawls.crawl(site.url())
    visits = crawls.visits(refused=True)
    assert "/hidden" not in site.asked()
    assert sorted(set(visits) - set(crawls.visits())) == ["/noai", "/noindex"]
    assert visits["/open"].signals.reservation == Reservation(False, "", "file")
    assert visits["/open"].signals.licences == (Licence(BY, "CC-BY-SA-4.0", "rel"),)
    assert visits["/header"].signals.reservation == Reservation(True, site.url("/policy"), "header")
    assert visits["/header"].signals.licences == (Licence(BY, "CC-BY-SA-4.0", "header"),)
    assert visits["/found"].signals.reservation == Reservation(True, "", "file")
    assert visits["/noai"].signals.directives == ("noai",)
    assert visits["/"].signals.robots == "no robots.txt (status 404)"


def test_pages_in_every_charset_come_as_text(crawls: Crawls) -> None:
    words = "Müller sagt: schöne Grüße aus Köln, und zwar überaus höflich. " * 3
    lie = {"Content-Type": "text/html; charset=utf-8"}
    site = Site(
        {
            "/": html("/lie", "/meta", "/utf16", "/none"),
            "/lie": Answer(words.encode("cp1252"), headers=lie),
            "/meta": Answer(
                b"<meta charset=iso-8859-1>" + words.encode("cp1252"), headers={"Content-Type": "text/html"}
            ),
            "/utf16": Answer(words.encode("utf-16"), headers=lie),
            "/none": Answer(b"<p>" + words.encode(), headers={}),
        }
    )
    with serving(site):
        crawls.crawl(site.url())
    assert all(words in visit.text for path, visit in crawls.visits().items() if path != "/")
    charsets = {path: visit.charset for path, visit in crawls.visits().items() if path != "/lie"}
    assert charsets == {"/": "utf-8", "/meta": "cp1252", "/utf16": "utf-16-le", "/none": "utf-8"}


def bomb() -> Iterator[bytes]:
    """Yields gzip members that unpack to 5 GB."""
    member = gzip.compress(bytes(64 << 20), 9)
    for _ in range(5 * 16):
        yield member


def test_a_bomb_is_noted_within_little_memory(crawls: Crawls) -> None:
    packed = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    large = {"Content-Type": "text/html"}
    site = Site(
        {
            "/": html("/bomb", "/large", "/damaged", "/fine"),
            "/bomb": lambda hit: Answer(bomb(), headers=packed),
            "/large": lambda hit: Answer((bytes(1 << 20) for _ in range(100)), headers=large),
            "/damaged": Answer(b"this is no gzip", headers=packed),
            "/fine": Answer(gzip.compress(b"<p>fine"), headers=packed),
        }
    )
    with serving(site):
        tracemalloc.start()
        try:
            tally = crawls.crawl(site.url())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (tally.fetched, tally.failed) == (2, 3)
    assert crawls.visits()["/fine"].body == b"<p>fine"
    assert crawls.reasons() == {
        "/bomb": "it unpacks to more than 10,485,760 bytes",
        "/large": "it has more than 10,485,760 bytes",
        "/damaged": "it does not unpack (gzip): Error -3 while decompressing data: incorrect header check",
    }
    assert peak < 80 << 20


def test_an_environment_with_proxies_and_cookies_changes_nothing(
    crawls: Crawls, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site = Site({"/": html("/a", Set_Cookie="id=1; Path=/"), "/a": html()})
    with serving(site):
        assert crawls.crawl(site.url()).fetched == 2
    assert not any("cookie" in hit.headers or "proxy-connection" in hit.headers for hit in site.hits)


def test_a_lost_frontier_comes_back_from_the_archive(crawls: Crawls) -> None:
    site = Site(
        {
            "/": html("/a", "/old", "/none"),
            "/a": html("/b"),
            "/b": html(),
            "/old": moved("/new"),
            "/new": html(),
            "/robots.txt": Answer(b"User-agent: *\nDisallow: /b\n", headers=TEXT),
        }
    )
    with serving(site):
        crawls.crawl(site.url())
        before, visits, reasons = len(site.hits), crawls.visits(), crawls.reasons()
        crawls.name = "again"
        assert crawls.crawl(site.url()).fetched == 0
        assert len(site.hits) == before
        assert (crawls.visits(), crawls.reasons()) == (visits, reasons)


def test_a_crawl_in_either_database(shelf: Registry, tmp_path: Path) -> None:
    crawls = Crawls(tmp_path, shelf)
    site = Site({"/": html("/a", "/" + "ä" * 300, "/missing"), "/a": moved("/b"), "/b": html(text="b\0c")})
    with serving(site):
        first = crawls.crawl(site.url(), pages=1)
        assert (first.fetched, first.waiting) == (1, 3)
        rest = crawls.crawl(site.url())
        assert (rest.fetched, rest.moved, rest.failed, rest.waiting) == (1, 1, 2, 0)
        again = crawls.crawl(site.url(), refresh=True)
        assert (again.fetched, again.unchanged, again.moved, again.failed) == (0, 2, 1, 2)
    assert list(crawls.visits()) == ["/", "/b"]


class _StopError(Exception):
    pass


def test_a_crawl_that_is_stopped_goes_on(crawls: Crawls) -> None:
    site = Site({f"/{n}": html(*(f"/{m}" for m in range(n, n + 4))) for n in range(20)})
    told: list[Tally] = []

    class Stopping(list[Tally]):
        def append(self, tally: Tally) -> None:
            told.append(tally)
            if len(told) % 5 == 0:
                raise _StopError

    crawls.told = Stopping()
    with serving(site):
        for _ in range(20):
            try:
                crawls.crawl(site.url("/0"))
                break
            except _StopError:
                continue
    assert len(crawls.visits()) == 20
    assert max(site.count(path) for path in set(site.asked())) == 1


def test_an_archive_that_cannot_be_written_ends_the_crawl_with_its_name(crawls: Crawls) -> None:
    (crawls.folder / "archive").write_text("a file is here")
    with pytest.raises(FreeholdError, match=r"The archive `.*archive` cannot be written"):
        crawls.crawl("http://127.0.0.1:9/")
