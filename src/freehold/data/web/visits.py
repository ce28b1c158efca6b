"""Pages as they come out of the archive: the newest version of each URL, ready for extraction.

Owns which records are pages, and what of one is given on. Works offline. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from freehold.data.web.connections import FetchError
from freehold.data.web.encodings import BadEncodingError, unpack
from freehold.data.web.replies import read_block
from freehold.data.web.signals import Signals
from freehold.data.web.warc import Record
from freehold.errors import IntegrityError

__all__ = ["Visit", "choose_pages", "make_visit"]

_MOST_BYTES = 1 << 29
_RATIO = 100_000
_HEADERS = frozenset(
    {"content-language", "content-location", "etag", "last-modified", "link", "tdm-policy", "tdm-reservation"}
    | {"x-robots-tag", "date", "server"}
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A page as it was fetched.

    Attributes:
        asked: The URL that was found: where redirects led here, the first of them.
        url: Where it is.
        status: 200 or 203.
        content_type: As the header says it; empty where there is none.
        charset: Of its text, by Python's name for it; empty where it is no text.
        headers: Those that matter, names in lower case.
        body: Unpacked.
        time: When it was fetched: ISO 8601, UTC.
        sha256: Of the body.
        signals: What was said about its use.
        depth: Links from a start.
    """

    asked: str
    url: str
    status: int
    content_type: str
    charset: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    time: str
    sha256: str
    signals: Signals
    depth: int = 0

    @property
    def text(self) -> str:
        """The body as text; empty where it is none."""
        if not self.charset:
            return ""
        return self.body.decode(self.charset, "replace").removeprefix("\ufeff")


def choose_pages(records: Iterable[tuple[str, Record]]) -> dict[str, str]:
    """Returns the places of the pages that stand, each with the URL that was asked for it.

    A page that was sent again as it was stands where it stood, so that asking again changes nothing.

    Args:
        records: With their places, in the order in which they came.
    """
    newest: dict[str, _Known] = {}
    for place, record in records:
        facts = record.facts
        if facts.kind != "page" or record.unchanged:
            continue
        if facts.status not in (200, 203):
            newest.pop(record.url, None)
            continue
        page = _Known(place, facts.via or record.url, facts.canonical, _summary(record))
        known = newest.get(record.url)
        if known is None or not facts.sha256 or page.summary != known.summary:
            newest[record.url] = page
    return {page.place: page.asked for url, page in newest.items() if not _is_copy(url, newest)}


class _Known(NamedTuple):
    place: str
    asked: str
    canonical: str
    summary: bytes


def _summary(record: Record) -> bytes:
    """Returns a digest of what matters of a page: its body, how it is read and what was said of its use."""
    facts = record.facts
    head = record.block.partition(b"\r\n\r\n")[0].lower()
    kind = next((line for line in head.split(b"\r\n") if line.startswith(b"content-type:")), b"")
    return blake2b(repr((facts.sha256, facts.charset, facts.canonical, facts.signals, kind)).encode()).digest()


def _is_copy(url: str, pages: Mapping[str, _Known]) -> bool:
    """Returns whether a page calls another one of the archive its canonical form."""
    canonical = pages[url].canonical
    return canonical not in ("", url) and canonical in pages and pages[canonical].canonical in ("", canonical)


def make_visit(record: Record, *, asked: str) -> Visit:
    """Returns a record of a page as a visit.

    Raises:
        IntegrityError: It is not what was archived.
    """
    try:
        reply = read_block(record.block)
        body = unpack(reply.body, reply.header("content-encoding"), most=_MOST_BYTES, ratio=_RATIO)
    except (FetchError, BadEncodingError) as error:
        raise IntegrityError(f"The archive's reply of `{record.url}` cannot be read: {error}.") from None
    return Visit(
        asked=asked,
        url=record.url,
        status=reply.status,
        content_type=reply.header("content-type"),
        charset=record.facts.charset,
        headers=tuple((name, value) for name, value in reply.headers if name in _HEADERS),
        body=body,
        time=record.time,
        sha256=record.facts.sha256,
        signals=record.facts.signals,
        depth=record.facts.depth,
    )
