"""What a page says about its use: read as it is said, from headers, metas, links and JSON-LD."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web import Licence, Reservation, Signals, canonical
from freehold.data.web.pages import read_page
from freehold.data.web.reservations import read_reservations
from freehold.data.web.signals import find_signals, pack_signals, unpack_signals

URL = canonical("https://example.org/a/page")
BY = "https://creativecommons.org/licenses/by/4.0/"


def signals(html: str = "", *headers: tuple[str, str], site: Reservation | None = None) -> Signals:
    page = read_page(html, URL, most_links=100)
    return find_signals(headers, page, url=URL, agent="Freehold", robots="said", site=site or Reservation())


@pytest.mark.parametrize(
    ("value", "directives"),
    [
        ("noindex", ("noindex",)),
        ("noindex, NoFollow", ("nofollow", "noindex")),
        ("none", ("none",)),
        ("googlebot: noindex", ()),
        ("freehold: noai", ("noai",)),
        ("googlebot: nofollow, freehold: noindex, noai", ("noai", "noindex")),
        ("noarchive, otherbot: noindex, nofollow", ("noarchive",)),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", ("unavailable_after: 25 jun 2030 15:00:00 pst",)),
        ("max-snippet: 20", ("max-snippet: 20",)),
        (",, ,", ()),
    ],
)
def test_robots_headers(value: str, directives: tuple[str, ...]) -> None:
    assert signals("", ("x-robots-tag", value)).directives == directives


def test_robots_metas_of_everybody_and_of_us_count_and_no_others() -> None:
    html = (
        '<meta name="ROBOTS" content="noindex"><meta name=freehold content="noai, noimageai">'
        '<meta name="googlebot" content="nofollow">'
    )
    found = signals(html, ("x-robots-tag", "noarchive"), ("x-robots-tag", "otherbot: none"))
    assert found.directives == ("noai", "noarchive", "noimageai", "noindex")
    assert found.may_follow
    assert not found.may_use


@pytest.mark.parametrize("word", ["noindex", "none", "noai", "noarchive"])
def test_what_does_not_want_to_be_used_is_known(word: str) -> None:
    assert not signals(f'<meta name=robots content="{word}">').may_use
    assert signals(f'<meta name=robots content="{word}">').may_follow == (word != "none")


def test_mining_is_reserved_by_header_meta_or_file_in_this_order() -> None:
    html = '<meta name="tdm-reservation" content="0"><meta name="tdm-policy" content="/other">'
    file = Reservation(True, "https://example.org/site", "file")
    headers = (("tdm-reservation", "1"), ("tdm-policy", "/policy.json"))
    assert signals(html, *headers, site=file).reservation == Reservation(
        True, "https://example.org/policy.json", "header"
    )
    assert signals(html, site=file).reservation == Reservation(False, "https://example.org/other", "meta")
    assert signals("", site=file).reservation == file
    assert signals("", ("tdm-reservation", "yes")).reservation == Reservation()


def test_the_sites_file_speaks_for_its_paths() -> None:
    rules = [
        {"location": "/a/open/*", "tdm-reservation": 0},
        {"location": "/a/*.pdf$", "tdm-reservation": "1", "tdm-policy": "https://example.org/p"},
        {"location": "/a", "tdm-reservation": 1},
        {"location": 5, "tdm-reservation": 1},
        {"location": "/b", "tdm-reservation": True},
        "nonsense",
    ]
    found = read_reservations(200, json.dumps(rules).encode())
    at = {
        path: found.find(canonical(path, base=str(URL))) for path in ("/a/open/x", "/a/x.pdf", "/a/x", "/b", "/")
    }
    assert at == {
        "/a/open/x": Reservation(False, "", "file"),
        "/a/x.pdf": Reservation(True, "https://example.org/p", "file"),
        "/a/x": Reservation(True, "", "file"),
        "/b": Reservation(),
        "/": Reservation(),
    }


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[1]", b"\xff", b"[" * 100_000, b"null"])
def test_a_file_that_cannot_be_read_says_nothing(body: bytes) -> None:
    assert read_reservations(200, body).find(URL) == Reservation()
    assert read_reservations(404, b'[{"location": "/", "tdm-reservation": 1}]').find(URL) == Reservation()


def test_licences_are_found_wherever_they_stand() -> None:
    html = f"""
      <link rel="license" href="/licence">
      <a href="{BY}" rel="nofollow license">CC BY</a> <a href="/other" rel="licensed">no</a>
      <script type="application/ld+json">
        {{"@graph": [{{"@type": "Article", "license": {{"@type": "CreativeWork", "url": "{BY}"}}}},
                     {{"license": ["MIT", ""]}}]}}
      </script>
      <script type="application/ld+json">{{ broken</script>
      <script>var x = {{"license": "no"}}</script>"""
    link = f'<https://example.org/l>; title="a, b"; rel="next license", <{BY}>; rel=license, </x>; rel=next'
    assert signals(html, ("link", link)).licences == (
        Licence("https://example.org/l", "", "header"),
        Licence(BY, "CC-BY-4.0", "header"),
        Licence("https://example.org/licence", "", "rel"),
        Licence(BY, "CC-BY-4.0", "rel"),
        Licence(BY, "CC-BY-4.0", "json-ld"),
        Licence("MIT", "", "json-ld"),
    )


def test_nothing_said_is_nothing_recorded() -> None:
    assert signals("<p>All rights reserved. Licensed under CC BY 4.0.") == Signals(robots="said")
    assert pack_signals(Signals()) == {}


def test_signals_come_back_as_they_were() -> None:
    licences = (Licence(BY, "CC-BY-4.0", "rel"), Licence("x", "", "json-ld"))
    found = Signals(("noai",), Reservation(True, "p", "meta"), licences, "allowed by robots.txt")
    assert unpack_signals(json.loads(json.dumps(pack_signals(found)))) == found
    assert unpack_signals({}) == Signals()


@given(st.text(max_size=200), st.text(max_size=100))
def test_no_header_is_too_strange(robots: str, link: str) -> None:
    found = signals("", ("x-robots-tag", robots), ("link", link), ("tdm-reservation", robots))
    assert unpack_signals(json.loads(json.dumps(pack_signals(found)))) == found


def test_a_page_says_where_it_leads() -> None:
    html = """<base href="/base/"><a href="one">1</a><a href="#x">self</a><a href="one#y">again</a>
      <a href="two" rel="nofollow">no</a><a href="mailto:x@y.org">m</a><a href="http://[">b</a><area href="/three">
      <iframe src="four"></iframe><link rel="next" href="five"><link rel="stylesheet" href="style.css">
      <link rel=canonical href="/canonical?utm_source=x"><a>none</a><a href="">empty</a>
      <meta http-equiv="Refresh" content="3; URL='six'"><script>document.write('<a href="seven">')</script>
      <!-- <a href="eight"> -->"""
    page = read_page(html, URL, most_links=100)
    assert [url.path for url in page.links] == ["/base/one", "/base/", "/three", "/base/four", "/base/five"]
    assert str(page.canonical) == "https://example.org/canonical"
    assert page.refresh is not None
    assert page.refresh.path == "/base/six"


def test_links_are_counted() -> None:
    html = "".join(f"<a href={n}>" for n in range(50))
    assert len(read_page(html, URL, most_links=7).links) == 7


def test_a_bomb_of_elements_ends() -> None:
    page = read_page("<div>" * 200_000 + "<a href=x>", URL, most_links=10)
    assert len(page.links) <= 1


@pytest.mark.parametrize(
    "html", ["", " ", "\0", "<", "<!-- -->", "<?xml version='1.0' encoding='utf-16'?><a href=x>"]
)
def test_hardly_a_page_is_a_page(html: str) -> None:
    assert len(read_page(html, URL, most_links=10).links) == ("href" in html)


@given(
    st.lists(
        st.sampled_from(
            [
                "<a href=",
                "<base href=",
                ">",
                '"',
                "x",
                "\ud800",
                "&#0;",
                "<!DOCTYPE a [<!ENTITY b 'c'>]>",
                "&b;",
                "<script type=application/ld+json>",
                '{"license":',
            ]
        ),
        max_size=30,
    ).map("".join)
)
def test_no_markup_is_too_strange(html: str) -> None:
    read_page(html, URL, most_links=10)
