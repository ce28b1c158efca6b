"""One file of the web as a source: a feed (`feed:https://...`), or a table by its ending (`https://.../a.csv`).

Owns what is done with the one page that was fetched; `websites` fetches and keeps it. A feed's entries are rows
with the columns `text` (the summary, without tags), `title`, `path` (the entry's address), `author` and `time`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from freehold.data.sources import BadRow, Place, Row, Table, find_kind
from freehold.data.websites import FEED, digest_site, is_one_file, open_site, site_folder
from freehold.errors import DataError

if TYPE_CHECKING:
    from freehold.data.web import Visit

__all__ = ["feed", "web_table"]


@dataclass(frozen=True, slots=True)
class WebTable:
    """A table, or an archive of documents, at an address."""

    written: str = "https://HOST/FILE.csv"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.uri.lower().startswith(("http://", "https://")) and is_one_file(place.uri)

    def digest(self, place: Place) -> str:
        return digest_site(place)

    def open(self, place: Place, wanted: Collection[str]) -> AbstractContextManager[Table]:
        """Lays the file beside its archive, under its name, and opens it as what its ending says."""
        visit = _newest(place)
        path = site_folder(place) / "files" / visit.sha256 / PurePosixPath(urlsplit(place.uri).path).name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{path.name}.unfinished")
            unfinished.write_bytes(visit.body)
            unfinished.replace(path)
        here = replace(place, uri=path.name, path=path)
        return find_kind(here).open(here, wanted)


@dataclass(frozen=True, slots=True)
class Feed:
    """The entries of an RSS or Atom feed."""

    written: str = "feed:https://HOST/FEED"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.uri.startswith(FEED)

    def digest(self, place: Place) -> str:
        return digest_site(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        yield Table(("text", "title", "path", "author", "time"), _entries(_newest(place), place))


def _newest(place: Place) -> Visit:
    """Returns the file as it was fetched last.

    Raises:
        DataError: It was not fetched.
    """
    visit = next(open_site(place).visits(), None)
    if visit is None:
        raise DataError(f"source `{place.uri}` is not there: its site does not want it to be used, or has none.")
    return visit


def _entries(visit: Visit, place: Place) -> Iterator[Row | BadRow]:
    from freehold.data.web import read_feed

    read = read_feed(visit.body, url=visit.url)
    for number, entry in enumerate(read.entries, start=1):
        cells: dict[str, object] = {
            "text": _plain(entry.summary) or entry.title,
            "title": entry.title,
            "path": entry.url,
            "author": entry.author,
            "time": entry.time,
        }
        locator = f"{entry.url or visit.url}:{number}"
        said = {"licence": read.licence, "author": entry.author, "time": entry.time}
        yield Row(number, locator, cells, entry.title[:200], **said)


class _Text(HTMLParser):
    """The text between tags."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _plain(html: str) -> str:
    reader = _Text()
    reader.feed(html)
    reader.close()
    return " ".join(" ".join(reader.parts).split())


web_table = WebTable()
feed = Feed()
