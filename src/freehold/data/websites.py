"""Web sites as sources: fetched once into an archive, and read from there, without a network, ever after.

Owns where a source's archive lies, when it is fetched, and how a page becomes rows: its main text, whose licence
and reservations are those that the page, its server or its site declare. Offers the columns of a folder of
documents, where `path` is the page's address and `label` the first part of its path below that of the source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from freehold.data.documents import DocumentReader, UnreadableError
from freehold.data.folders import COLUMNS, document_row, name_reason
from freehold.data.kept_documents import KeptDocuments
from freehold.data.licences import RESERVED
from freehold.data.sources import BadRow, Place, Row, Table
from freehold.errors import DataError
from freehold.task import Crawl, Source, canonical, digest, file_digest

if TYPE_CHECKING:
    from freehold.data.web import Archive, Scope, Visit
    from freehold.registry import Registry

__all__ = ["FEED", "Fetching", "digest_site", "fetch_sites", "is_one_file", "open_site", "site_folder", "website"]

FEED = "feed:"
_PACKED = ("", ".gz", ".zst")
_TABLES = (
    *(f"{ending}{packed}" for ending in (".csv", ".tsv", ".jsonl") for packed in _PACKED),
    *(".parquet", ".arrow", ".zip", ".tar", ".tar.gz", ".tgz"),
)

_DONE = "crawl.json"
_ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}


class Fetching(NamedTuple):
    """How far the fetching of a site is: pages that are there, and URLs that wait."""

    uri: str
    pages: int
    waiting: int


Telling = Callable[[Fetching], None]


@dataclass(frozen=True, slots=True)
class Website:
    """What was fetched of a site."""

    written: str = "https://HOST/PATH"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.uri.lower().startswith(("http://", "https://")) and not is_one_file(place.uri)

    def digest(self, place: Place) -> str:
        return digest_site(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        visits = open_site(place).visits()
        with DocumentReader() as reader:
            kept = KeptDocuments(reader, folder=place.kept)
            yield Table(COLUMNS, _rows(visits, place, reader=kept))


def digest_site(place: Place) -> str:
    """Returns a name for what was fetched of a site.

    Raises:
        DataError: Nothing was.
    """
    return digest([[path.name, file_digest(path)] for path in _files(place)])


def open_site(place: Place) -> Archive:
    """Returns what was fetched of a site.

    Raises:
        DataError: Nothing was.
    """
    from freehold.data.web import Archive

    _files(place)
    return Archive(site_folder(place))


def _files(place: Place) -> list[Path]:
    archives = sorted(site_folder(place).glob("*.warc*"))
    if not archives:
        hint = "It is fetched by: freehold data"
        raise DataError(f"source `{place.uri}` is not there: it was not fetched yet.", hint=hint)
    return archives


def is_one_file(uri: str) -> bool:
    """Tells whether an address is that of one file: a feed, or a table by its ending."""
    path = urlsplit(uri).path.lower()
    return uri.startswith(FEED) or path.endswith(_TABLES)


def site_folder(place: Place) -> Path:
    """Returns where the archive of a site lies: one for each address and way to fetch it.

    Raises:
        DataError: Nothing is kept here.
    """
    if place.kept is None or place.source is None or place.source.crawl is None:
        raise DataError(f"source `{place.uri}` cannot be read: nothing keeps what is fetched.")
    return place.kept / "web" / _name(place.source)


def _name(source: Source) -> str:
    crawl = source.crawl
    assert crawl is not None
    scope = [source.uri, list(crawl.hosts), list(crawl.include), list(crawl.exclude), crawl.depth, crawl.sitemaps]
    return digest(scope)[:32]


def _rows(visits: Iterator[Visit], place: Place, *, reader: KeptDocuments) -> Iterator[Row | BadRow]:
    for number, visit in enumerate(visits, start=1):
        ending = _ENDINGS.get(visit.content_type.partition(";")[0].strip().lower(), "")
        if not ending:
            continue
        locator = f"{visit.url}:{number}"
        try:
            data = visit.text.encode() if visit.charset else visit.body
            for document in reader.read(f"page{ending}", data):
                row = document_row(document, name="", place=replace(place, uri=visit.url))
                row = row._replace(line=number, locator=locator)
                yield _page(row, visit, place=place) if isinstance(row, Row) else row
        except UnreadableError as reason:
            yield BadRow(number, name_reason(visit.url, str(reason)), visit.text[:200], locator)


def _page(row: Row, visit: Visit, *, place: Place) -> Row:
    """Returns a document's row with what its page says."""
    signals = visit.signals
    licence = next((each.spdx or each.text for each in signals.licences), row.licence)
    below = urlsplit(visit.url).path.removeprefix(_root(place.uri))
    label = below.partition("/")[0] if "/" in below else ""
    return row._replace(
        cells={**row.cells, "path": visit.url, "label": label},
        licence=licence,
        consent=RESERVED if signals.reservation.reserved else "",
    )


def _root(uri: str) -> str:
    """Returns the path of the folder that an address is in: `/a/` for `/a/index.html`."""
    return urlsplit(uri).path.rpartition("/")[0] + "/"


def fetch_sites(
    sources: Collection[Source],
    *,
    shelf: Registry,
    kept: Path,
    refresh: bool = False,
    tell: Telling = lambda fetching: None,
) -> None:
    """Fetches the sites that were not fetched yet, and goes on with those that were not finished.

    Args:
        kept: Where sources keep things between turns.
        refresh: Whether pages of finished sites are asked for anew, to be sent where they changed.
        tell: Called after each page.

    Raises:
        DataError: A site's settings cannot be, or nothing of it could be fetched.
    """
    for source in sources:
        crawl = source.crawl
        if crawl is None or (_is_done(source, crawl, kept=kept) and not refresh):
            continue
        _fetch(source, crawl, shelf=shelf, kept=kept, refresh=refresh, tell=tell)


def _fetch(source: Source, crawl: Crawl, *, shelf: Registry, kept: Path, refresh: bool, tell: Telling) -> None:
    from freehold.data.web import Archive, Identity
    from freehold.data.web import crawl as crawl_site

    name = _name(source)
    archive = Archive(kept / "web" / name)
    tally = crawl_site(
        _scope(source, crawl),
        frontier=shelf.frontier(name),
        archive=archive,
        identity=Identity(name=crawl.name, contact=crawl.contact),
        refresh=refresh,
        allow_loopback=crawl.loopback,
        tell=lambda tally: tell(Fetching(source.uri, tally.fetched + tally.unchanged, tally.waiting)),
    )
    if next(archive.visits(), None) is None:
        told = (
            f"{tally.refused} refused by robots.txt or the scope, {tally.failed} failed, {tally.waiting} waiting"
        )
        hint = _hint(shelf, name)
        raise DataError(f"source `{source.uri}`: no page could be fetched ({told}).", hint=hint)
    (kept / "web" / name / _DONE).write_bytes(canonical({"limits": _limits(crawl), **asdict(tally)}) + b"\n")


def _hint(shelf: Registry, name: str) -> str:
    """Returns why the first URL that has no page has none."""
    for found, outcome in shelf.frontier(name).failures(limit=1):
        return f"{found.url}: {outcome.reason}."
    return ""


def _scope(source: Source, crawl: Crawl) -> Scope:
    from freehold.data.web import Scope

    uri = source.uri.removeprefix(FEED)
    if is_one_file(source.uri):
        size = crawl.megabytes * 1_000_000
        return Scope(start=(uri,), depth=0, pages=1, total_bytes=size, page_bytes=size, sitemaps=False)
    return Scope(
        start=(uri,),
        hosts=crawl.hosts,
        include=crawl.include,
        exclude=crawl.exclude,
        depth=crawl.depth,
        pages=crawl.pages,
        total_bytes=crawl.megabytes * 1_000_000,
        delay=crawl.delay,
        sitemaps=crawl.sitemaps,
    )


def _limits(crawl: Crawl) -> list[int]:
    return [crawl.pages, crawl.megabytes]


def _is_done(source: Source, crawl: Crawl, *, kept: Path) -> bool:
    """Tells whether a site was fetched to its end, or as far as the same limits allow."""
    try:
        told = json.loads((kept / "web" / _name(source) / _DONE).read_bytes())
        is_full = str(told["full"]).endswith("were fetched")
        return not told["waiting"] or (is_full and told["limits"] == _limits(crawl))
    except (OSError, ValueError, KeyError, TypeError):
        return False


website = Website()
