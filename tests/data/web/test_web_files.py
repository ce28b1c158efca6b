"""The files beside the pages: robots.txt, sitemaps and feeds."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web import Entry, canonical, read_feed
from freehold.data.web.robots import ROBOTS_LIMIT, read_robots
from freehold.data.web.sitemaps import Listed, read_sitemap
from freehold.errors import DataError

URL = canonical("https://example.org/sitemap.xml")
NAMES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'

ROBOTS = b"""\xef\xbb\xbfUser-agent: *
Disallow: /private
Allow: /private/open
Disallow: /*.zip$
Crawl-delay: 2.5

User-agent: freehold
User-agent: other
Disallow: /not-for-us
Request-rate: 1/10
Sitemap: https://example.org/map.xml
Sitemap: /relative.xml
"""


@pytest.mark.parametrize(
    ("agent", "path", "is_allowed"),
    [
        ("somebody", "/", True),
        ("somebody", "/private/x", False),
        ("somebody", "/private/open/x", True),
        ("somebody", "/a.zip", False),
        ("somebody", "/a.zip?x", True),
        ("Freehold", "/private/x", True),
        ("freehold", "/not-for-us/x", False),
    ],
)
def test_rules(agent: str, path: str, is_allowed: bool) -> None:
    robots = read_robots(200, ROBOTS, agent=agent)
    assert robots is not None
    assert robots.allows(canonical(path, base=str(URL))) == is_allowed


def test_delays_and_sitemaps() -> None:
    ours, others = (read_robots(200, ROBOTS, agent=name) for name in ("freehold", "somebody"))
    assert ours is not None
    assert others is not None
    assert (ours.delay, others.delay) == (10.0, 2.5)
    assert ours.sitemaps == ("https://example.org/map.xml", "/relative.xml")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_no_file_is_no_rules(status: int) -> None:
    robots = read_robots(status, b"User-agent: *\nDisallow: /", agent="freehold")
    assert robots is not None
    assert robots.said == f"no robots.txt (status {status})"
    assert robots.allows(URL)


@pytest.mark.parametrize("status", [301, 429, 500, 503])
def test_other_answers_mean_not_now(status: int) -> None:
    assert read_robots(status, b"", agent="freehold") is None


def test_a_long_file_is_read_as_far_as_it_must_be() -> None:
    filler = b"# " + b"x" * 98 + b"\n"
    body = b"User-agent: *\nDisallow: /a\n" + filler * (ROBOTS_LIMIT // 101 + 1) + b"Disallow: /b\n"
    robots = read_robots(200, body, agent="freehold")
    assert robots is not None
    assert not robots.allows(canonical("/a", base=str(URL)))
    assert robots.allows(canonical("/b", base=str(URL)))


@given(st.binary(max_size=200))
def test_no_robots_file_is_too_strange(body: bytes) -> None:
    robots = read_robots(200, b"User-agent: *\nDisallow: " + body, agent="freehold")
    assert robots is not None
    robots.allows(URL)


def test_a_sitemap_lists_pages_with_their_times() -> None:
    body = f"""<?xml version="1.0" encoding="UTF-8"?><urlset {NAMES} xmlns:i="urn:i">
      <url><loc> https://example.org/a?x=1&amp;y=2 </loc><lastmod>2026-11-01</lastmod><i:loc>/image</i:loc></url>
      <url><loc>/relative</loc></url><url><loc>ftp://example.org/</loc></url><url/><url><loc>/relative</loc></url>
      </urlset>""".encode()
    expected = (
        Listed(canonical("https://example.org/a?x=1&y=2"), "2026-11-01"),
        Listed(canonical("https://example.org/relative")),
    )
    for packed in (body, gzip.compress(body)):
        assert read_sitemap(packed, URL, most=10).pages == expected
    assert read_sitemap(body, URL, most=1).pages == expected[:1]


def test_an_index_lists_sitemaps_and_a_text_lists_pages() -> None:
    index = f"<sitemapindex {NAMES}><sitemap><loc>/1.xml.gz</loc></sitemap></sitemapindex>".encode()
    found = read_sitemap(index, URL, most=10)
    assert ([each.url.path for each in found.sitemaps], found.pages) == (["/1.xml.gz"], ())
    lines = read_sitemap(b"\xef\xbb\xbfhttps://example.org/a\r\n\r\n/b\nmailto:x\n", URL, most=10)
    assert [each.url.path for each in lines.pages] == ["/a", "/b"]


LAUGHS = b"""<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;">]>"""
OUTSIDE = b"""<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]>"""


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (LAUGHS + b"<urlset><url><loc>/&lol2;</loc></url></urlset>", "declares a document type of its own"),
        (OUTSIDE + b"<urlset><url><loc>/&x;</loc></url></urlset>", "declares a document type of its own"),
        (b"<urlset><url><loc>/a</loc></url>", "not well-formed"),
        (b"<urlset>" * 100, "nested more than 64 deep"),
        (b'<?xml version="1.0" encoding="nonsense"?><urlset/>', "not well-formed"),
        (gzip.compress(bytes(60 << 20)), "unpacks to more than"),
        (b"\x1f\x8bnot gzip", "does not unpack"),
    ],
)
def test_sitemaps_that_try_something_end(body: bytes, fault: str) -> None:
    assert fault in read_sitemap(body, URL, most=10).fault


def test_what_was_listed_before_a_fault_is_kept() -> None:
    found = read_sitemap(b"<urlset><url><loc>/a</loc></url><url><loc>/b</broken>", URL, most=10)
    assert [each.url.path for each in found.pages] == ["/a"]


RSS = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule"><channel>
<title>News</title><link>https://example.org/</link>
<creativeCommons:license>https://creativecommons.org/licenses/by/4.0/</creativeCommons:license>
<item><title>Caf\xe9 &amp; more</title><link>/a?utm_source=rss</link>
<pubDate>Sun, 01 Nov 2026 10:00:00 +0100</pubDate>
<dc:creator>Ada</dc:creator><description>&lt;p&gt;Short.&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>Long.</p>]]></content:encoded><guid isPermaLink="false">id-1</guid></item>
<item><guid>https://example.org/b</guid><pubDate>yesterday</pubDate></item>
<item/></channel></rss>"""

ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/"/>
<entry><title>One</title><id>tag:1</id><link rel="self" href="/self"/><link href="/one"/>
<updated>2026-11-02T00:00:00Z</updated><published>2026-11-01T00:00:00+02:00</published>
<author><name>Ada</name><email>a@example.org</email></author>
<content type="xhtml"><div>Hello <b>you</b></div></content>
</entry></feed>"""

RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Old</title></channel>
<item><title>A</title><link>http://example.org/a</link><dc:date>2026-11-01</dc:date></item></rdf:RDF>"""


def test_rss() -> None:
    feed = read_feed(RSS, url="https://example.org/feed.xml")
    assert (feed.title, feed.licence) == ("News", "https://creativecommons.org/licenses/by/4.0/")
    first = Entry(
        url="https://example.org/a",
        title="Café & more",
        time="2026-11-01T09:00:00+00:00",
        author="Ada",
        summary="<p>Short.</p>",
        id="id-1",
    )
    assert feed.entries == (first, Entry(url="https://example.org/b", id="https://example.org/b"))


def test_atom() -> None:
    feed = read_feed(ATOM, url="https://example.org/feed.xml")
    assert feed.licence == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert feed.entries == (
        Entry("https://example.org/one", "One", "2026-10-31T22:00:00+00:00", "Ada", "Hello you", "tag:1"),
    )


def test_rss_of_the_first_kind() -> None:
    (entry,) = read_feed(RDF, url="https://example.org/").entries
    assert (entry.url, entry.title, entry.time) == ("http://example.org/a", "A", "2026-11-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><body>Not found</body></html>", "is no feed: it begins with <html>"),
        (b"no markup", "cannot be read: it is not well-formed"),
        (RSS[:-20], "cannot be read: it is not well-formed"),
        (LAUGHS + b"<rss/>", "declares a document type"),
        (b"", "cannot be read"),
    ],
)
def test_what_is_no_feed_says_so(body: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_feed(body, url="https://example.org/feed")


@given(st.data())
def test_no_feed_is_too_strange(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([RSS, ATOM, RDF])))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DataError):
        assert all(entry != Entry() for entry in read_feed(bytes(body), url="https://example.org/feed").entries)
