"""One table for every kind of source: whoever adds one adds a row here, and the same questions are asked of it."""

from __future__ import annotations

import io
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.data.documents.papers import pdf

from freehold.data import SOURCES, BadRow, Place, Refused, Row, fetch_sites, read_rows
from freehold.data.sources import find_kind
from freehold.errors import DataError
from freehold.registry import Registry
from freehold.task import Crawl, Example, Field, Source

Make = Callable[[Path, list[str]], Source]
"""Puts texts into a folder and returns the source that has them."""


def as_csv(folder: Path, texts: list[str]) -> Source:
    (folder / "a.csv").write_text("text\n" + "".join(f'"{text}"\n' for text in texts))
    return Source("a.csv", {})


def as_tsv(folder: Path, texts: list[str]) -> Source:
    (folder / "a.tsv").write_text("text\n" + "".join(f"{text}\n" for text in texts))
    return Source("a.tsv", {})


def as_json_lines(folder: Path, texts: list[str]) -> Source:
    (folder / "a.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    return Source("a.jsonl", {})


def as_parquet(folder: Path, texts: list[str]) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": texts}), folder / "a.parquet")
    return Source("a.parquet", {})


def as_arrow(folder: Path, texts: list[str]) -> Source:
    import pyarrow as pa

    table = pa.table({"text": texts})
    with pa.OSFile(str(folder / "a.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return Source("a.arrow", {})


def as_folder(folder: Path, texts: list[str]) -> Source:
    (folder / "in").mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / "in" / f"{number}.txt").write_text(text)
    return Source("in", {})


def as_zip(folder: Path, texts: list[str]) -> Source:
    with zipfile.ZipFile(folder / "a.zip", "w") as file:
        for number, text in enumerate(texts):
            file.writestr(f"{number}.txt", text)
    return Source("a.zip", {})


def as_tar(folder: Path, texts: list[str]) -> Source:
    with tarfile.open(folder / "a.tar.gz", "w:gz") as file:
        for number, text in enumerate(texts):
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = len(text.encode())
            file.addfile(info, io.BytesIO(text.encode()))
    return Source("a.tar.gz", {})


def as_document(folder: Path, texts: list[str]) -> Source:
    (folder / "a.pdf").write_bytes(pdf((" ".join(texts),)))
    return Source("a.pdf", {})


def as_dataset(folder: Path, texts: list[str]) -> Source:
    (folder / "set").mkdir(exist_ok=True)
    (folder / "set" / "README.md").write_text("---\npretty_name: x\n---\n")
    as_csv(folder / "set", texts)
    return Source("set", {})


def as_database(folder: Path, texts: list[str]) -> Source:
    with sqlite3.connect(folder / "a.db") as base:
        base.execute("DROP TABLE IF EXISTS t")
        base.execute("CREATE TABLE t (body TEXT)")
        base.executemany("INSERT INTO t VALUES (?)", [(text,) for text in texts])
    base.close()
    return Source("sqlite:///a.db", {}, query="SELECT body AS text FROM t")


def commit(folder: Path, message: str) -> None:
    named = ("-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "--allow-empty", "-m", message)):
        subprocess.run(["git", "-C", str(folder), *named, *words], check=True, capture_output=True)


def as_repository(folder: Path, texts: list[str]) -> Source:
    as_folder(folder, texts)
    commit(folder / "in", "Change")
    return Source("git:in", {})


def as_commits(folder: Path, texts: list[str]) -> Source:
    (folder / "log").mkdir(exist_ok=True)
    for text in texts:
        commit(folder / "log", text)
    return Source("git-log:log", {})


def as_website(folder: Path, texts: list[str]) -> Source:
    """Serves one page a text on this machine, and fetches them."""
    (folder / "site").mkdir(exist_ok=True)
    links = "".join(f'<a href="{number}.html">{number}</a>' for number in range(len(texts)))
    (folder / "site" / "index.html").write_text(f"<html><body>{links}</body></html>")
    for number, text in enumerate(texts):
        said = f"<p>{text} is what this page has to say, and it says it at some length.</p>" * 3
        (folder / "site" / f"{number}.html").write_text(f"<html><body><article>{said}</article></body></html>")
    return fetched(folder, "index.html")


def as_web_table(folder: Path, texts: list[str]) -> Source:
    (folder / "site").mkdir(exist_ok=True)
    as_csv(folder / "site", texts)
    return fetched(folder, "a.csv")


def as_feed(folder: Path, texts: list[str]) -> Source:
    (folder / "site").mkdir(exist_ok=True)
    items = "".join(f"<item><title>t</title><description>&lt;p&gt;{text}</description></item>" for text in texts)
    (folder / "site" / "feed.xml").write_text(f"<rss><channel>{items}</channel></rss>")
    return fetched(folder, "feed.xml", scheme="feed:")


def fetched(folder: Path, name: str, *, scheme: str = "") -> Source:
    """Serves `site` on this machine, fetches a file or what it leads to, and returns the source."""
    (folder / "site" / "robots.txt").write_text("User-agent: *\nDisallow:\n")
    for older in ("kept", "state"):  # two servers may be given the same port, one after the other
        shutil.rmtree(folder / older, ignore_errors=True)
    handler = partial(Quiet, directory=str(folder / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        crawl = Crawl("me@example.org", include=("/*.*",), delay=0, sitemaps=False, loopback=True)
        source = Source(f"{scheme}http://127.0.0.1:{server.server_port}/{name}", {}, crawl=crawl)
        with Registry.open(folder / "state") as shelf:
            fetch_sites([source], shelf=shelf, kept=folder / "kept")
        server.shutdown()
    return source


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, says nothing."""

    def log_message(self, format: str, *args: object) -> None: ...


def as_standard_library(folder: Path, texts: list[str]) -> Source:
    return Source("python:stdlib", {})


KINDS: dict[str, Make] = {
    "arrow.v1": as_arrow,
    "csv.v1": as_csv,
    "database.v1": as_database,
    "dataset.v1": as_dataset,
    "document.v1": as_document,
    "feed.v1": as_feed,
    "folder.v1": as_folder,
    "git.v1": as_repository,
    "git-log.v1": as_commits,
    "jsonl.v1": as_json_lines,
    "parquet.v1": as_parquet,
    "stdlib.v1": as_standard_library,
    "tar.v1": as_tar,
    "tsv.v1": as_tsv,
    "web-table.v1": as_web_table,
    "web.v1": as_website,
    "zip.v1": as_zip,
}
TEXTS = ["the first text", "the second text", "the third text"]
FIXED = {"stdlib.v1"}
"""Kinds whose content is not ours to change."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def place_of(source: Source, folder: Path) -> Place:
    return Place.of_source(source, folder=folder, kept=folder / "kept")


def read(source: Source, folder: Path) -> Iterator[Example | Refused]:
    fields = [Field("kind", "choice")]
    return read_rows(source, folder=folder, inputs=["text"], fields=fields, kept=folder / "kept")


def test_the_table_is_complete() -> None:
    assert sorted(KINDS) == sorted(SOURCES)


def test_a_kind_claims_its_own(kind: str, tmp_path: Path) -> None:
    place = place_of(KINDS[kind](tmp_path, TEXTS), tmp_path)
    assert find_kind(place) is SOURCES.get(kind)


def test_a_kind_says_how_it_is_written(kind: str) -> None:
    assert SOURCES.get(kind).written


def test_the_digest_names_the_content(kind: str, tmp_path: Path) -> None:
    part = SOURCES.get(kind)
    place = place_of(KINDS[kind](tmp_path, TEXTS), tmp_path)
    first = part.digest(place)
    assert first
    assert part.digest(place) == first
    if kind not in FIXED:
        place = place_of(KINDS[kind](tmp_path, [*TEXTS, "one more"]), tmp_path)
        assert part.digest(place) != first


def test_rows_come_one_by_one_and_the_same_each_time(kind: str, tmp_path: Path) -> None:
    part = SOURCES.get(kind)
    place = place_of(KINDS[kind](tmp_path, TEXTS), tmp_path)
    with part.open(place, ["text"]) as table:
        assert iter(table.rows) is table.rows
        first = next(table.rows)
    assert isinstance(first, Row)
    with part.open(place, ["text"]) as table:
        rows = list(table.rows)
    assert rows[0] == first
    assert not any(isinstance(row, BadRow) for row in rows)
    for row in rows:
        assert isinstance(row, Row)
        assert row.line > 0
        assert row.locator.endswith(f":{row.line}") or kind == "git-log.v1"
        assert isinstance(row.cells["text"], str)
    assert len({row.locator for row in rows if isinstance(row, Row)}) == len(rows)


def test_every_text_becomes_an_example_with_a_passport(kind: str, tmp_path: Path) -> None:
    source = KINDS[kind](tmp_path, TEXTS)
    rows = list(read(source, tmp_path))
    examples = [row for row in rows if isinstance(row, Example)]
    assert len(examples) == len(rows)
    if kind not in FIXED:
        together = " ".join(sorted(example.inputs["text"] for example in examples))
        assert all(text in together for text in TEXTS)
    assert {example.passport.source for example in examples} == {source.name}
    assert {example.passport.maker for example in examples} <= {"", "data"}


def test_what_is_not_there_is_an_error_of_the_users(kind: str, tmp_path: Path) -> None:
    if kind in FIXED:
        pytest.skip("it is always there")
    made = tmp_path / "made"
    empty = tmp_path / "empty"
    made.mkdir()
    empty.mkdir()
    source = KINDS[kind](made, TEXTS)
    with pytest.raises(DataError, match=r"is not there|cannot be read") as caught:
        list(read(source, empty))
    assert source.uri in str(caught.value)
