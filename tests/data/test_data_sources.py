from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard
from tests.data.workplace import Work

from freehold.data import SOURCES, Place, Refused, Row, SourceKind, Table
from freehold.errors import DataError
from freehold.task import Example, Field, Source

PLAIN: dict[str, bytes] = {
    ".csv": b"text,intent\na,x\nb,\n",
    ".tsv": b"text\tintent\na\tx\nb\t\n",
    ".jsonl": b'{"text": "a", "intent": "x"}\n{"text": "b", "intent": null}\n',
}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".GZ": gzip.compress,
}


def simple(rows: list[Example | Refused]) -> list[tuple[str, object, str]]:
    return [
        (row.inputs["text"], row.outputs.get("intent"), row.passport.maker)
        for row in rows
        if isinstance(row, Example)
    ]


def reasons(rows: list[Example | Refused]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, Refused)]


@pytest.mark.parametrize("packed", PACK)
@pytest.mark.parametrize("ending", PLAIN)
def test_every_text_form_packed_or_not_gives_the_same(work: Work, ending: str, packed: str) -> None:
    name = work.put(f"a{ending}{packed}", PACK[packed](PLAIN[ending]))
    assert simple(work.read(name)) == [("a", "x", "data"), ("b", None, "")]


def test_zstandard_files_may_have_several_frames(work: Work) -> None:
    frames = [zstandard.compress(part) for part in (b"text,intent\n", b"a,x\n" * 5_000, b"b,y\n")]
    work.put("a.csv.zst", b"".join(frames))
    assert len(work.read("a.csv.zst")) == 5_001


@pytest.mark.parametrize("packed", [".gz", ".zst"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is damaged: "),
        (lambda data: data[:40] + b"\0\1\2\3" * 20 + data[120:], "is damaged: "),
        (lambda _: b"text,intent\na,x\n", "Not a gzipped file|is damaged: "),
    ],
)
def test_a_damaged_packed_file_is_an_error(
    work: Work, packed: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    body = "text,intent\n" + "".join(f"row {i * i},x\n" for i in range(20_000))
    work.put(f"a.csv{packed}", damage(PACK[packed](body.encode())))
    with pytest.raises(DataError, match=message):
        work.read(f"a.csv{packed}")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "the row is not JSON: expecting property name enclosed in double quotes at column 2"),
        (b'["a", "x"]', "the row is a list, not a JSON object"),
        (b'"a"', "the row is a string, not a JSON object"),
        (b"null", "the row is null, not a JSON object"),
        (b"3", "the row is a number, not a JSON object"),
        (b'{"text": "a\xff"}', "the row is not UTF-8: byte 0xff at 11"),
        (b'{"text": "\0"}', "the row has a NUL byte"),
        (b"[" * 100_000, "the row is not JSON that can be read"),
        (b'{"text": ' + b"9" * 5000 + b"}", "the row is not JSON that can be read"),
        (b'{"text": "' + b"a" * 10_000_000 + b'"}', "the row is longer than 1,000,000 bytes"),
        (b'{"intent": "x"}', "input `text` is missing"),
        (b'{"text": null}', "input `text` is missing"),
        (b'{"text": 5}', "input `text` must be text, not 5"),
        (b'{"text": {"a": 1}}', "input `text` must be text, not an object"),
        (b'{"text": " "}', "input `text` is empty"),
        (b'{"text": "\\ud800"}', "input `text` holds half of a surrogate pair, which is no character"),
        (b'{"text": "a", "intent": 5}', "a label of `intent` must be text, not 5"),
        (b'{"text": "a", "intent": ["x"]}', "a label of `intent` must be text, not a list"),
        (b'{"text": "a", "intent": true}', "a label of `intent` must be text, not true"),
    ],
)
def test_json_lines_refuses_what_it_cannot_use(work: Work, line: bytes, reason: str) -> None:
    work.put("a.jsonl", b'{"text": "good", "intent": "x"}\n' + line + b'\n\n{"text": "too", "intent": "y"}')
    read = work.read("a.jsonl")
    assert simple(read) == [("good", "x", "data"), ("too", "y", "data")]
    assert reasons(read) == [(2, reason)]


def test_a_column_that_no_line_has_is_an_error(work: Work) -> None:
    work.put("a.jsonl", '{"txt": "a", "label": "x"}\n{"text_": "b"}\n')
    with pytest.raises(DataError, match=r"no column `text` \(did you mean `text_`\?\); it has `label`, `text_`"):
        work.read("a.jsonl")
    with pytest.raises(DataError, match=r"no column `labl` \(did you mean `label`\?\)"):
        work.read(Source("a.jsonl", {"text": "txt", "intent": "labl"}))


def test_columns_are_mapped_or_have_the_fields_name(work: Work) -> None:
    work.put("a.csv", "question,intent,label\na,x,1\n")
    assert simple(work.read(Source("a.csv", {"text": "question"}))) == [("a", "x", "data")]
    mapped = Source("a.csv", {"text": "question", "intent": "label"})
    assert simple(work.read(mapped)) == [("a", "1", "data")]


def test_an_output_without_a_column_has_no_label(work: Work) -> None:
    work.put("a.csv", "text\na\n")
    assert simple(work.read("a.csv")) == [("a", None, "")]


def test_parquet_rows_keep_their_types(work: Work) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, list[object]] = {
        "text": ["a b", "b", None, "d", "x" * 1_000_001],
        "tags": [["x", "w"], [], ["x"], None, None],
        "when": [[{"label": "t", "start": 2, "end": 3}], None, None, [], None],
        "weight": [1.5, float("nan"), 1.0, None, 1.0],
        "unread": [b"\xff" * 10] * 5,
    }
    pq.write_table(pa.table(rows), work.folder / "a.parquet", row_group_size=2)
    fields = (Field("tags", "choices"), Field("when", "spans"), Field("weight", "number"))
    read = work.read("a.parquet", fields=fields)
    outputs = [(row.passport.locator, row.outputs) for row in read if isinstance(row, Example)]
    span = {"label": "t", "start": 2, "end": 3, "text": "b"}
    assert outputs == [
        ("a.parquet:1", {"tags": ["w", "x"], "when": [span], "weight": 1.5}),
        ("a.parquet:4", {"when": []}),
    ]
    assert reasons(read) == [
        (2, "`weight` must be a finite number, not nan"),
        (3, "input `text` is missing"),
        (5, "the row is longer than 1,000,000 bytes"),
    ]


def test_parquet_text_that_is_not_utf8_costs_its_row(work: Work) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = pa.array([b"good", b"b\xffd", b"too"]).view(pa.string())
    pq.write_table(pa.table({"text": column}), work.folder / "a.parquet")
    read = work.read("a.parquet")
    assert [text for text, _, _ in simple(read)] == ["good", "too"]
    assert reasons(read) == [(2, r"input `text` must be text, not b'b\xffd'")]


def test_parquet_that_is_cut_off_is_an_error(work: Work) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": [str(i) for i in range(9999)]}), work.folder / "a.parquet")
    whole = (work.folder / "a.parquet").read_bytes()
    scrambled = whole[:9] + b"\xff" * 200 + whole[209:]
    for damaged in (whole[:-100], b"PAR1" + b"\0" * 100, b"text\na\n", scrambled):
        work.put("b.parquet", damaged)
        with pytest.raises(DataError, match=r"source `b\.parquet` cannot be read as Parquet"):
            work.read("b.parquet")


def test_a_folders_subfolders_are_labels(work: Work) -> None:
    files: dict[str, str | bytes] = {
        "all/b/2.txt": "two",
        "all/a/deep/1.md": "one",
        "all/a/0.txt": "zero\n",
        "all/loose.txt": "loose",
        "all/a/bad.txt": b"\xff",
        "all/a/nul.txt": b"a\0b",
        "all/a/large.txt": b"x" * 1_000_001,
        "all/a/empty.txt": b"",
        "all/a/.hidden.txt": "hidden",
        "all/.git/x.txt": "hidden",
        "all/a/picture.png": "no text",
    }
    for name, content in files.items():
        work.put(name, content)
    for uri in ("all", "all/"):
        read = work.read(Source(uri, {"intent": "label"}))
        assert simple(read) == [
            ("zero", "a", "data"),
            ("one", "a", "data"),
            ("two", "b", "data"),
            ("loose", None, ""),
        ]
        assert [row.passport.locator for row in read if isinstance(row, Example)][1] == "all/a/deep/1.md:1"
        assert [reason for _, reason in reasons(read)] == [
            "`a/bad.txt` is not UTF-8: byte 0xff at 0",
            "`a/empty.txt` is empty",
            "`a/large.txt` is longer than 1,000,000 bytes; `chunk = 200` would split it",
            "`a/nul.txt` has a NUL byte",
        ]


def test_the_standard_library_is_read_as_trees() -> None:
    kind = SOURCES.get("stdlib.v1")
    place = Place.of("python:stdlib", folder=Path())
    with kind.open(place, ()) as table:
        rows = [row for row in table.rows if isinstance(row, Row)]
    cells = [row.cells for row in rows]
    modules = {str(cell["module"]) for cell in cells}
    assert 5_000 < len({cell["text"] for cell in cells}) < 8_000
    assert 50 <= len(modules) <= 80
    assert {"asyncio", "email", "logging", "pathlib", "unittest"} <= modules
    assert not {name for name in modules if name.startswith("_")} | {"test", "idlelib"} & modules
    assert {cell["kind"] for cell in cells} == {"module", "class", "function"}
    assert {row.locator.split(":")[0] for row in rows if row.cells["name"] == "TestCase"} == {"unittest/case.py"}
    assert not [row for row in rows if "/test/" in row.locator or "/tests/" in row.locator]
    assert kind.digest(place) == kind.digest(place)


def test_locators_never_show_absolute_paths(work: Work) -> None:
    work.put("in/a.csv", "text\na\n")
    (row,) = work.read(str(work.folder / "in/a.csv"))
    assert isinstance(row, Example)
    assert row.passport.locator == "a.csv:2"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("a.xlsx", r"`a.xlsx` is of a kind that cannot be read.*FILE.csv\[.gz\|.zst\].*`python:stdlib`"),
        ("ftp://example.org/a.csv", "`ftp://example.org/a.csv` is of a kind that cannot be read"),
        ("python:site", "of a kind that cannot be read"),
        ("", "of a kind that cannot be read"),
        ("nothing", "source `nothing` is not there"),
        ("~nobody-of-that-name/a.csv", "cannot be read: .*home directory"),
        ("x" * 300 + ".csv", "cannot be read: .*too long"),
        ("trian.csv", "source `trian.csv` is not there.*Did you mean `train.csv`"),
        ("98765.tsv", "source `98765.tsv` is not there.*has no file of that name"),
        ("no/train.csv", "source `no/train.csv` is not there.*There is no folder"),
        ("no/", "source `no/` is not there"),
        ("empty/", "source `empty/` has no file that is a document.*files = "),
        ("empty.jsonl", "source `empty.jsonl` is empty"),
        ("empty.parquet", "source `empty.parquet` is empty"),
        ("empty.csv.gz", "source `empty.csv.gz` is empty"),
    ],
)
def test_a_source_that_is_not_there_says_so(work: Work, uri: str, message: str) -> None:
    work.put("train.csv", "text\na\n")
    for name in ("empty.jsonl", "empty.parquet", "empty/x.png"):
        work.put(name, "")
    work.put("empty.csv.gz", gzip.compress(b""))
    with pytest.raises(DataError, match=f"(?s){message}"):
        work.read(uri)


class Numbers:
    """A kind of source as another package would add it."""

    written = "numbers:COUNT"
    licence = "CC0-1.0"

    def claims(self, place: Place) -> bool:
        return place.uri.startswith("numbers:")

    def digest(self, place: Place) -> str:
        return place.uri

    @contextmanager
    def open(self, place: Place, wanted: object):  # type: ignore[no-untyped-def]
        rows = (Row(i, f"{place.uri}:{i}", {"text": str(i)}, str(i)) for i in range(int(place.uri[8:])))
        yield Table(("text",), rows)


def test_a_plugin_is_a_source_like_any_other(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    kind: SourceKind = Numbers()
    monkeypatch.setitem(SOURCES._parts, "numbers.v1", kind)
    rows = work.read("numbers:3")
    assert [row.inputs["text"] for row in rows if isinstance(row, Example)] == ["0", "1", "2"]
    assert {row.passport.licence for row in rows if isinstance(row, Example)} == {"CC0-1.0"}


def test_rows_go_where_their_source_says(work: Work) -> None:
    work.put("a.jsonl", json.dumps({"text": "a"}))
    (row,) = work.read(Source("a.jsonl", {}, licence="MIT", split="test"))
    assert isinstance(row, Example)
    assert (row.split, row.passport.licence, row.cluster) == ("test", "MIT", row.id)


def test_a_source_without_labels_is_told_how_to_say_so(work: Work) -> None:
    """Rows that wait for their labels are where a task begins; what the message says to write works."""
    work.put("pool.csv", "text\nwhere is my card\nwhere is my money\n")
    hint = 'A source without labels names its inputs alone: fields = { text = "text" }'
    with pytest.raises(DataError) as caught:
        work.read(Source("pool.csv", {"text": "text", "intent": "intent"}))
    assert hint in str(caught.value) + (caught.value.hint or "")
    assert len(work.read(Source("pool.csv", {"text": "text"}))) == 2
