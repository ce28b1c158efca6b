"""The archive: on the disk record by record, whole after any cut, readable by others, and read again offline."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from freehold.data.web import Archive, Licence, Reservation, Signals, Visit
from freehold.data.web.warc import Facts, Record, read_members
from freehold.errors import IntegrityError, OperatorError, StorageError

INFO = {"software": "freehold", "http-header-user-agent": "freehold/1.0 (+mailto:me@example.org)"}
SIGNALS = Signals(
    ("nofollow",), Reservation(True, "https://example.org/p", "header"), (Licence("é", "", "json-ld"),), "said"
)


def record(url: str = "http://a.org/", body: bytes = b"<p>body", time: int = 0, **facts: object) -> Record:
    """Returns a reply; keywords are facts."""
    values = {"kind": "page", "status": 200, "host": "a.org", "charset": "utf-8", "signals": SIGNALS, **facts}
    status = values["status"]
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: text/html\r\nX-Robots-Tag: nofollow\r\nSet-Cookie: a=b\r\n"
    block = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
    when = f"2026-11-01T00:00:{time:02}.000001+00:00"
    return Record(url, when, block, Facts(**values), unchanged=status == 304, address="93.184.215.14")  # type: ignore[arg-type]


def fill(archive: Archive, *records: Record) -> list[str]:
    with archive.writing(INFO):
        return [archive.append(each, payload=each.block.partition(b"\r\n\r\n")[2]) for each in records]


def files(archive: Archive) -> list[Path]:
    return sorted(archive.folder.glob("*.warc.gz"))


def test_records_come_back_as_they_were_and_in_order(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "deep" / "archive")
    records = [
        record(f"http://a.org/{n}", body=bytes([n]) * n, time=n, depth=n, via="x", sha256="y") for n in range(5)
    ]
    records.append(record(status=304, body=b""))
    places = fill(archive, *records)
    assert places == sorted(places)
    assert [each.record for each in archive.records()] == records
    assert [each.place for each in archive.records(after=places[1])] == places[2:]
    assert archive.read(places[3]) == records[3]


def test_files_are_whole_to_other_tools(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fill(archive, record(), record("http://a.org/b", status=304, body=b""))
    seen = []
    with files(archive)[0].open("rb") as file:
        for each in ArchiveIterator(file, check_digests=True):
            each.content_stream().read()
            # warcio checks no revisit whose body is empty; ours are checked when they are read again.
            assert each.digest_checker.passed is (None if each.rec_type == "revisit" else True)
            seen.append((each.rec_type, each.rec_headers.get_header("WARC-Target-URI")))
            if each.rec_type == "response":
                assert each.http_headers.get_statuscode() == "200"
    assert seen == [("warcinfo", None), ("response", "http://a.org/"), ("revisit", "http://a.org/b")]
    assert b"http-header-user-agent: freehold/1.0 (+mailto:me@example.org)" in gzip.decompress(
        files(archive)[0].read_bytes()
    )


def test_a_cut_at_any_byte_costs_the_record_that_was_cut_and_no_other(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "whole")
    fill(archive, record("http://a.org/1"), record("http://a.org/2"))
    whole = files(archive)[0].read_bytes()
    starts = [int(each.place.partition(":")[2]) for each in archive.records()]
    cut = Archive(tmp_path / "cut")
    cut.folder.mkdir()
    path = cut.folder / files(archive)[0].name
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        survivors = sum(end <= length for end in (starts[1], len(whole)))
        assert len(list(cut.records())) == survivors  # reading needs no mending
        (place,) = fill(cut, record("http://a.org/new"))
        assert [each.record.url for each in cut.records()][survivors:] == ["http://a.org/new"]
        assert cut.read(place).url == "http://a.org/new"


def test_zeros_that_a_power_cut_left_are_removed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fill(archive, record())
    with files(archive)[0].open("ab") as file:
        file.write(bytes(5000))
    fill(archive, record("http://a.org/2"))
    assert [each.record.url for each in archive.records()] == ["http://a.org/", "http://a.org/2"]


def test_damage_before_whole_records_is_told_and_nothing_is_removed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    places = fill(archive, record(), record("http://a.org/2"), record("http://a.org/3"))
    data = bytearray(files(archive)[0].read_bytes())
    data[int(places[1].partition(":")[2]) + 40] ^= 0xFF
    files(archive)[0].write_bytes(data)
    with pytest.raises(IntegrityError, match=r"crawl-00001\.warc\.gz` is damaged at"):
        fill(archive, record("http://a.org/4"))
    with pytest.raises(IntegrityError, match="is damaged at"):
        list(archive.visits())
    assert files(archive)[0].read_bytes() == data


def test_a_record_that_was_changed_is_told(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fill(archive, record(body=b"the truth"))
    path = files(archive)[0]
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).split(b"\r\n\r\n\r\n\r\n")[0] + b"\r\n\r\n\r\n\r\n")
    )
    assert list(archive.records()) == []
    with path.open("ab") as file:
        other = Archive(tmp_path / "other")
        fill(other, record(body=b"the truth"))
        (place,) = [each.place for each in other.records()]
        member = files(other)[0].read_bytes()[int(place.partition(":")[2]) :]
        file.write(gzip.compress(gzip.decompress(member).replace(b"the truth", b"the false")))
    with pytest.raises(IntegrityError, match="is not what was recorded"):
        list(archive.visits())


def test_a_new_file_is_begun_when_one_is_full(tmp_path: Path) -> None:
    archive = Archive(tmp_path, file_bytes=1500)
    places = fill(archive, *(record(f"http://a.org/{n}", body=bytes(range(256)) * 2) for n in range(6)))
    assert len(files(archive)) > 2
    assert places == sorted(places)
    assert len(list(archive.records(after=places[2]))) == 3
    assert [each.url for each in archive.visits()] == [f"http://a.org/{n}" for n in range(6)]


def test_one_process_writes(tmp_path: Path) -> None:
    second = Archive(tmp_path).writing(INFO)
    with Archive(tmp_path).writing(INFO), pytest.raises(OperatorError, match="Another process crawls into"):
        second.__enter__()
    fill(Archive(tmp_path), record())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        fill(Archive(tmp_path / "file" / "archive"), record())


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fill(archive, record())
    for place in ("00002:000000000000", "00001:000000000000", "nonsense"):
        with pytest.raises(IntegrityError):
            archive.read(place)


def test_an_empty_archive_has_nothing(tmp_path: Path) -> None:
    assert list(Archive(tmp_path / "none").visits()) == []


def test_a_visit_has_what_extraction_needs(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fill(archive, record("http://a.org/x", body="é".encode(), sha256="abc", via="http://a.org/old", depth=2))
    (visit,) = archive.visits()
    assert visit == Visit(
        asked="http://a.org/old",
        url="http://a.org/x",
        status=200,
        content_type="text/html",
        charset="utf-8",
        headers=(("x-robots-tag", "nofollow"),),
        body="é".encode(),
        time="2026-11-01T00:00:00.000001+00:00",
        sha256="abc",
        signals=SIGNALS,
        depth=2,
    )
    assert visit.text == "é"


CANONICAL = "http://a.org/canonical"


@pytest.mark.parametrize(
    ("records", "pages"),
    [
        ([record(body=b"old"), record(body=b"new")], ["new"]),
        ([record(body=b"old"), record(body=b"", status=304)], ["old"]),
        ([record(body=b"old"), record(status=404)], []),
        ([record(body=b"old"), record(status=301)], []),
        ([record(status=404), record(body=b"back")], ["back"]),
        ([record(status=404), record(kind="robots"), record(kind="sitemap"), record(kind="tdm")], []),
        ([record(body=b"copy", canonical=CANONICAL), record(CANONICAL, body=b"it")], ["it"]),
        ([record(body=b"copy", canonical=CANONICAL)], ["copy"]),
        ([record(body=b"copy", canonical=CANONICAL), record(CANONICAL, status=404)], ["copy"]),
        (
            [record(body=b"a", canonical=CANONICAL), record(CANONICAL, body=b"b", canonical="http://a.org/")],
            ["a", "b"],
        ),
        ([record(body=b"secret", signals=Signals(("noindex",)))], []),
        ([record(body=b"secret", signals=Signals(("noai", "x")))], []),
        ([record(body=b"fine", signals=Signals(("nofollow",)))], ["fine"]),
    ],
)
def test_which_pages_stand(tmp_path: Path, records: list[Record], pages: list[str]) -> None:
    archive = Archive(tmp_path)
    fill(archive, *records)
    assert [visit.text for visit in archive.visits()] == pages


@pytest.mark.parametrize(
    ("again", "order"),
    [
        (record("http://a.org/a", sha256="one"), ["a", "b"]),
        (record("http://a.org/a", sha256="two"), ["b", "a"]),
        (record("http://a.org/a"), ["b", "a"]),
        (record("http://a.org/a", sha256="one", charset="cp1252"), ["b", "a"]),
        (record("http://a.org/a", sha256="one", signals=Signals()), ["b", "a"]),
    ],
)
def test_a_page_that_was_sent_again_as_it_was_stands_where_it_stood(
    tmp_path: Path, again: Record, order: list[str]
) -> None:
    archive = Archive(tmp_path)
    first, second = record("http://a.org/a", sha256="one"), record("http://a.org/b", sha256="b")
    fill(archive, first, second, again)
    assert [visit.url[-1] for visit in archive.visits()] == order
    fill(archive, record("http://a.org/a", status=404), first)
    assert [visit.url[-1] for visit in archive.visits()] == ["b", "a"]


def test_pages_that_do_not_want_to_be_used_are_given_where_that_is_asked_for(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fill(archive, record(signals=Signals(("noindex",))))
    (visit,) = archive.visits(refused=True)
    assert visit.signals.directives == ("noindex",)


@pytest.mark.parametrize("size", [1 << 18, (1 << 18) - 1, (1 << 18) + 1, 1 << 20, 999_983])
def test_members_are_found_whatever_they_unpack_to(tmp_path: Path, size: int) -> None:
    """Where zlib stops for the size of its output, what is left over must not be counted twice."""
    path = tmp_path / "a.warc.gz"
    parts = [b"x" * size, b"small", b"y" * size, bytes(range(256)) * 40, b"last"]
    starts = []
    with path.open("wb") as file:
        for part in parts:
            starts.append(file.tell())
            file.write(gzip.compress(part))
    members = list(read_members(path))
    assert [member.start for member in members] == starts
    assert [member.data for member in members] == parts
    assert [next(read_members(path, start=start)).data for start in starts] == parts
