"""A site as a source: fetched once, read from its archive, asked again only when somebody says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.data.workplace import Work

from freehold.data import Fetching, Refused, fetch_sites, read_rows
from freehold.data.sources import Place
from freehold.data.websites import website
from freehold.errors import DataError
from freehold.registry import Registry
from freehold.task import Crawl, DataRules, Example, Field, Source

SAID = "<p>{} is what this page has to say, and it says it at some length, so that it counts as text.</p>"
LICENCE = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY</a>'
RESERVED = '<meta name="tdm-reservation" content="1">'


class Site:
    """Files on 127.0.0.1, and what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None: ...

            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.root = f"http://127.0.0.1:{self.server.server_port}/"

    def put(self, name: str, text: str, *, head: str = "", foot: str = "") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        said = SAID.format(text) * 3
        path.write_text(f"<html><head>{head}</head><body><article>{said}</article>{foot}</body></html>")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    links = "".join(f'<a href="/{name}">x</a> ' for name in ("a/one.html", "b/two.html", "b/three.html"))
    made.put("index.html", "Start", foot=links)
    made.put("a/one.html", "One", foot=LICENCE)
    made.put("b/two.html", "Two", head=RESERVED)
    made.put("b/three.html", "Three", head='<meta name="robots" content="noai">')
    (made.folder / "robots.txt").write_text("User-agent: *\nAllow: /\n")
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "state") as open_shelf:
        yield open_shelf


def source_of(site: Site, **changes: object) -> Source:
    crawl = Crawl("me@example.org", delay=0, sitemaps=False, loopback=True)
    return Source(f"{site.root}index.html", {"text": "text", "part": "label"}, crawl=replace(crawl, **changes))  # type: ignore[arg-type]


def read(source: Source, kept: Path, **rules: object) -> list[Example | Refused]:
    fields = [Field("part", "choice")]
    told = DataRules(**rules)  # type: ignore[arg-type]
    return list(read_rows(source, folder=kept, inputs=["text"], fields=fields, kept=kept, rules=told))


def test_pages_are_rows_with_what_they_say_of_their_use(site: Site, shelf: Registry, tmp_path: Path) -> None:
    source = source_of(site)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    rows = read(source, tmp_path, reserved=True)
    found = {
        row.passport.locator.rpartition(":")[0].removeprefix(site.root): row
        for row in rows
        if isinstance(row, Example)
    }
    assert sorted(found) == ["a/one.html", "b/two.html", "index.html"]
    assert {name: row.outputs.get("part") for name, row in found.items()} == {
        "a/one.html": "a",
        "b/two.html": "b",
        "index.html": None,
    }
    assert found["a/one.html"].passport.licence == "CC-BY-4.0"
    assert found["b/two.html"].passport.consent == "tdm-reserved"
    assert found["a/one.html"].inputs["text"].startswith("One is what this page has to say")
    assert found["a/one.html"].passport.source == source.uri


def test_what_is_reserved_or_of_no_known_licence_is_refused(site: Site, shelf: Registry, tmp_path: Path) -> None:
    source = source_of(site)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    reasons = [row.reason for row in read(source, tmp_path, licences=("CC-BY-*",)) if isinstance(row, Refused)]
    assert sorted(reason[:40] for reason in reasons) == [
        "its licence is not known, and `licences`",
        "its licence is not known, and `licences`",
    ]
    (reason,) = [row.reason for row in read(source, tmp_path) if isinstance(row, Refused)]
    assert "reserved text and data mining" in reason


def test_a_site_of_the_same_size_and_other_bytes_is_another(site: Site, shelf: Registry, tmp_path: Path) -> None:
    source = source_of(site)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    place = Place.of_source(source, folder=tmp_path, kept=tmp_path)
    before = website.digest(place)
    (archive,) = (tmp_path / "web").glob("*/*.warc*")
    archive.write_bytes(archive.read_bytes()[::-1])
    assert website.digest(place) != before


def test_a_site_is_fetched_once(site: Site, shelf: Registry, tmp_path: Path) -> None:
    source, told = source_of(site), list[Fetching]()
    fetch_sites([source], shelf=shelf, kept=tmp_path, tell=told.append)
    assert told[-1].pages == 4
    before, rows = list(site.asked), read(source, tmp_path)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    site.server.shutdown()
    assert read(source, tmp_path) == rows
    assert site.asked == before


def test_it_is_asked_again_when_somebody_says_so(site: Site, shelf: Registry, tmp_path: Path) -> None:
    source = source_of(site)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    site.put("a/one.html", "Another", foot=LICENCE)
    os.utime(site.folder / "a/one.html", (2e9, 2e9))  # its server tells seconds apart, no less
    fetch_sites([source], shelf=shelf, kept=tmp_path, refresh=True)
    texts = [row.inputs["text"] for row in read(source, tmp_path) if isinstance(row, Example)]
    assert any(text.startswith("Another is what") for text in texts)
    assert not any(text.startswith("One is what") for text in texts)


def test_more_pages_are_fetched_where_more_are_allowed(site: Site, shelf: Registry, tmp_path: Path) -> None:
    few = source_of(site, pages=1)
    fetch_sites([few], shelf=shelf, kept=tmp_path)
    assert sum(each.endswith(".html") for each in site.asked) == 1
    fetch_sites([few], shelf=shelf, kept=tmp_path)
    assert sum(each.endswith(".html") for each in site.asked) == 1
    fetch_sites([source_of(site, pages=100)], shelf=shelf, kept=tmp_path)
    assert sorted(each for each in site.asked if each.endswith(".html")) == [
        "/a/one.html",
        "/b/three.html",
        "/b/two.html",
        "/index.html",
    ]


def test_what_was_not_fetched_says_how_it_is(site: Site, work: Work, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)was not fetched yet.*It is fetched by: freehold data"):
        read(source_of(site), tmp_path)


def test_a_site_that_gives_no_page_says_why(site: Site, shelf: Registry, tmp_path: Path) -> None:
    (site.folder / "robots.txt").write_text("User-agent: *\nDisallow: /\n")
    with pytest.raises(DataError, match=r"(?s)no page could be fetched \(1 refused.*robots"):
        fetch_sites([source_of(site)], shelf=shelf, kept=tmp_path)


def test_this_machine_is_asked_only_where_the_task_says_so(site: Site, shelf: Registry, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no page could be fetched"):
        fetch_sites([source_of(site, loopback=False)], shelf=shelf, kept=tmp_path)
    assert site.asked == []


def test_a_refused_page_is_named_and_not_its_site(site: Site, shelf: Registry, tmp_path: Path) -> None:
    names = ("bad.pdf", "long.txt", "bare.html")
    site.put("index.html", "Start", foot="".join(f'<a href="/{name}">x</a> ' for name in names))
    (site.folder / "bad.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    (site.folder / "long.txt").write_text("What is too long to be one row. " * 40_000)
    site.put("bare.html", "Bare", foot=LICENCE)
    source = source_of(site)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    refused = [row for row in read(source, tmp_path, forbid=("CC-BY-4.0",)) if isinstance(row, Refused)]
    said = {row.said.removeprefix(site.root).partition(":")[0]: row for row in refused}
    assert sorted(said) == sorted(names)
    for name, row in said.items():
        assert (row.source, row.locator) == (source.uri, f"{site.root}{name}:{row.line}")
        assert row.said.count(site.root) == 1, row.said
    assert said["long.txt"].said.endswith(": it is longer than 1,000,000 bytes; `chunk = 200` would split it")
    assert said["long.txt"].reason.startswith(f"`{site.root}long.txt` is longer")
    assert said["bare.html"].said.endswith(": its licence 'CC-BY-4.0' is forbidden")


def test_the_first_refused_page_of_a_site_without_a_row_is_named(
    site: Site, shelf: Registry, tmp_path: Path
) -> None:
    source = source_of(site)
    fetch_sites([source], shelf=shelf, kept=tmp_path)
    first = rf"The first reason: {site.root}[a-z/]+\.html:\d: its licence is not known"
    with pytest.raises(DataError, match=rf"(?s)has no row that can be used.*{first}"):
        read(source, tmp_path, licences=("MIT",))
