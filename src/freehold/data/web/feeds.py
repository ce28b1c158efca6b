"""Feeds: RSS 2.0, RSS 1.0 and Atom as entries in one form.

Owns reading them; the times become ISO 8601 in UTC. Pure: nothing is fetched, and markup in a summary stays as
it is written. Small enough to be our own: what feedparser adds is the mending of broken feeds and dates by
guessing, and a broken feed is better said to be one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from freehold.data.web.markup import BadMarkupError, Element, read_elements
from freehold.data.web.urls import BadUrlError, canonical
from freehold.errors import DataError

__all__ = ["Entry", "Feed", "read_feed"]

_MOST_ENTRIES = 10_000
_ROOTS = ("rss", "feed", "RDF")
_FIELDS = {
    "title": "title",
    "guid": "id",
    "id": "id",
    "author": "author",
    "creator": "author",
    "description": "summary",
    "summary": "summary",
    "encoded": "summary",
    "content": "summary",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed.

    Attributes:
        url: Canonical; empty where the entry leads nowhere.
        time: When it was published, else changed: ISO 8601, UTC; empty where that is not said.
        author: As it is written: a name, or an address.
        summary: Text, often HTML.
        id: What the feed calls it; else its URL.
    """

    url: str = ""
    title: str = ""
    time: str = ""
    author: str = ""
    summary: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed with its entries, in its order.

    Attributes:
        licence: The address of its licence, where it names one (RFC 4946, Creative Commons).
    """

    title: str = ""
    licence: str = ""
    entries: tuple[Entry, ...] = ()


def read_feed(data: bytes, *, url: str) -> Feed:
    """Returns what a feed says.

    Args:
        data: RSS 2.0, RSS 1.0 or Atom, unpacked.
        url: Where it was, for relative addresses.

    Raises:
        DataError: It is no feed, or cannot be read to its end.

    Example:
        >>> item = b"<item><link>/a</link><pubDate>Sun, 01 Nov 2026 10:00:00 +0100</pubDate></item>"
        >>> read_feed(b"<rss><channel>" + item + b"</channel></rss>", url="https://example.org/").entries[0].time
        '2026-11-01T09:00:00+00:00'
    """
    reader = _Reader(url)
    try:
        for element in read_elements(data):
            reader.read(element)
    except BadMarkupError as error:
        raise DataError(f"the feed `{url}` cannot be read: {error}.") from None
    if reader.root not in _ROOTS:
        raise DataError(
            f"`{url}` is no feed: it begins with <{reader.root[:40]}>.", hint="A feed is RSS 2.0, RSS 1.0 or Atom."
        )
    return reader.feed()


class _Reader:
    """Takes elements in the order in which they end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.root = ""
        self._title = self._licence = ""
        self._entry = Entry()
        self._published = ""
        self._entries: list[Entry] = []

    def read(self, element: Element) -> None:
        self.root = element.path[0]
        match element.path:
            case ("rss", "channel", "item") | ("RDF", "item") | ("feed", "entry"):
                self._end_entry()
            case ("rss", "channel", "item", name) | ("RDF", "item", name) | ("feed", "entry", name):
                self._read_part(name, element)
            case ("feed", "entry", "author", "name"):
                self._set(author=element.text)
            case ("rss" | "RDF", "channel", "title") | ("feed", "title"):
                self._title = self._title or _line(element.text)
            case ("rss" | "RDF", "channel", "license" | "creativeCommons") | ("feed", "license"):
                self._licence = self._licence or _line(element.text)
            case ("feed", "link"):
                if element.attributes.get("rel") == "license":
                    self._licence = self._licence or element.attributes.get("href", "")

    def _read_part(self, name: str, element: Element) -> None:
        if name == "link":
            self._read_link(element)
        elif name in ("pubDate", "published", "date"):
            self._published = self._published or read_time(element.text)
        elif name in ("updated", "modified"):
            self._set(time=read_time(element.text))
        elif name == "author" and element.path[0] == "feed":
            return  # Atom's has the name in an element of its own
        elif field := _FIELDS.get(name):
            self._set(**{field: element.text.strip() if field == "summary" else _line(element.text)})
            if name == "guid" and element.attributes.get("isPermaLink", "true") == "true":
                self._set(url=self._resolve(element.text))

    def _read_link(self, element: Element) -> None:
        href = element.attributes.get("href", "")
        if href and element.attributes.get("rel", "alternate") != "alternate":
            return
        if found := self._resolve(href or element.text):
            self._entry = replace(self._entry, url=found)

    def _set(self, **values: str) -> None:
        new = {name: value for name, value in values.items() if value and not getattr(self._entry, name)}
        self._entry = replace(self._entry, **new)

    def _end_entry(self) -> None:
        entry = replace(self._entry, time=self._published or self._entry.time)
        if len(self._entries) < _MOST_ENTRIES and entry != Entry():
            self._entries.append(replace(entry, id=entry.id or entry.url))
        self._entry, self._published = Entry(), ""

    def _resolve(self, text: str) -> str:
        try:
            return str(canonical(text, base=self._url)) if text.strip() else ""
        except BadUrlError:
            return ""

    def feed(self) -> Feed:
        return Feed(self._title, self._licence, tuple(self._entries))


def read_time(text: str) -> str:
    """Returns a time of RFC 822 or ISO 8601 in UTC, which it is without a zone; empty where it is neither."""
    words = _line(text)
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        try:
            found = parsedate_to_datetime(words)
        except (TypeError, ValueError, IndexError, OverflowError):
            return ""
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError):
        return ""


def _line(text: str) -> str:
    return " ".join(text.split())[:2_000]
