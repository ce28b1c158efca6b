"""What replies mean: whatever a server sends ends in an outcome, not in an error."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.data.web import Scope, canonical
from freehold.data.web.connections import FetchError
from freehold.data.web.examining import Examiner, find
from freehold.data.web.replies import Reply, read_block

URL = canonical("https://example.org/a")
EXAMINER = Examiner(Scope(("https://example.org/",), page_bytes=1 << 16), "freehold")
HTML = b"""<!doctype html><html><head><base href="/x/"><meta charset="utf-8"><title>T</title>
<link rel=canonical href="/b"><link rel=license href="https://creativecommons.org/licenses/by/4.0/">
<meta name=robots content="noai"><script type="application/ld+json">{"license": ["MIT"]}</script></head>
<body><a href="c">c</a><a href="//example.org/d?utm_x=1#f">d</a><iframe src=e></iframe>\xc3\xa9</body></html>"""


def block(body: bytes, *headers: str, status: int = 200) -> bytes:
    head = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


BLOCKS = [
    block(HTML, "Content-Type: text/html; charset=utf-8", f'Link: <{URL}>; rel="license"', "X-Robots-Tag: a: b"),
    block(gzip.compress(HTML), "Content-Type: text/html", "Content-Encoding: gzip", "ETag: W/abc"),
    block(HTML.decode().encode("utf-16"), "Content-Type: application/xhtml+xml", "TDM-Reservation: 1"),
    block(b"", "Location: //example.org/moved?a=%zz", status=301),
    block(b"<urlset><url><loc>/a</loc></url></urlset>", "Content-Type: text/xml"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n<a href=/b>b</a>\r\n0\r\n\r\n",
]


def examine(reply: Reply, *, kind: str = "page") -> None:
    """Checks what holds of every outcome."""
    examined = EXAMINER.examine(reply, find(URL, kind=kind))
    assert examined.state in ("done", "moved", "refused", "failed")
    assert (examined.facts is None) <= (examined.state == "failed")
    for each in examined.found:
        assert str(canonical(each.url)) == each.url
        assert EXAMINER.scope.refuse_host(canonical(each.url)) == ""


@settings(max_examples=300)
@given(st.sampled_from(BLOCKS), st.sampled_from(["page", "sitemap"]), st.data())
def test_flipped_bytes_end_in_an_outcome(original: bytes, kind: str, data: st.DataObject) -> None:
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        reply = read_block(bytes(changed))
    except FetchError:
        return
    examine(reply, kind=kind)


@given(
    st.integers(100, 999), st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=5), st.binary()
)
def test_any_reply_ends_in_an_outcome(status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    examine(Reply(status, (*headers, ("location", "".join(value for _, value in headers))), body, b""))


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(BLOCKS), st.data())
def test_ten_thousand_flipped_replies_end_in_an_outcome(original: bytes, data: st.DataObject) -> None:
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 12))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        reply = read_block(bytes(changed))
    except FetchError:
        return
    examine(reply)


def test_what_is_found_is_inside_and_no_further_than_the_scope() -> None:
    examined = EXAMINER.examine(read_block(BLOCKS[0]), find(URL, depth=3))
    assert [(each.url, each.depth) for each in examined.found] == [
        ("https://example.org/b", 3),
        ("https://example.org/x/c", 4),
        ("https://example.org/d", 4),
        ("https://example.org/x/e", 4),
    ]
    assert examined.facts is not None
    assert examined.facts.canonical == "https://example.org/b"
    deep = EXAMINER.examine(read_block(BLOCKS[0]), find(URL, depth=20))
    assert [each.url for each in deep.found] == ["https://example.org/b"]
