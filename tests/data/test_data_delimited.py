from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.workplace import Work

from freehold.data import Place, Refused, Row
from freehold.data.delimited import Delimited
from freehold.errors import DataError
from freehold.task import Example

BIG = "x" * 1_000_001
LONG = "x" * 1_000
END = "a quote is not closed before the end of the file"
AFTER = "a closing quote is followed by more text"


def good(rows: list[Example | Refused]) -> list[tuple[str, str]]:
    return [(row.inputs["text"], str(row.outputs.get("intent", ""))) for row in rows if isinstance(row, Example)]


def bad(rows: list[Example | Refused]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, Refused)]


@pytest.mark.parametrize(
    ("body", "rows", "refused"),
    [
        pytest.param(b"a,x\nb,y\n", [("a", "x"), ("b", "y")], [], id="plain"),
        pytest.param(b"a,x\r\nb,y", [("a", "x"), ("b", "y")], [], id="line ends, none at the end"),
        pytest.param(b"\na,x\n\n\r\nb,y\n\n", [("a", "x"), ("b", "y")], [], id="blank lines"),
        pytest.param(b'"a, ""b""",x\n', [('a, "b"', "x")], [], id="quoted"),
        pytest.param(b'"a\nb\r\nc",x\nd,y\n', [("a\nb\nc", "x"), ("d", "y")], [], id="quoted line ends"),
        pytest.param(b'5" screen,x\n', [('5" screen', "x")], [], id="a quote inside an unquoted cell"),
        pytest.param(b'"",x\na,y\n', [("a", "y")], [(2, "input `text` is empty")], id="empty input"),
        pytest.param(b" \t ,x\na,y\n", [("a", "y")], [(2, "input `text` is empty")], id="blank input"),
        pytest.param(b"\x07\x00,x\na,y\n", [("a", "y")], [(2, "the row has a NUL byte")], id="NUL"),
        pytest.param(
            b"a\xff,x\nb,y\n",
            [("b", "y")],
            [(2, "the row is not UTF-8: byte 0xff at 1 of a cell")],
            id="UTF-8",
        ),
        pytest.param(
            b'"a\n\xc3",x\nb,y\n',
            [("b", "y")],
            [(2, "the row is not UTF-8: byte 0xc3 at 2 of a cell")],
            id="UTF-8 in a record of two lines",
        ),
        pytest.param(b"a\nb,y\n", [("b", "y")], [(2, "too few columns: 1 where the header has 2")], id="too few"),
        pytest.param(
            b"a,b,x\nb,y\n", [("b", "y")], [(2, "too many columns: 3 where the header has 2")], id="too many"
        ),
        pytest.param(b'"a,x\nb,y\nc,z\n', [("b", "y"), ("c", "z")], [(2, END)], id="open quote, no other"),
        pytest.param(b'a,"x\nb,y\n"c",z\n', [("b", "y"), ("c", "z")], [(2, AFTER)], id="open quote, one later"),
        pytest.param(b'a,x\n"b,y', [("a", "x")], [(3, END)], id="open quote in the last line"),
        pytest.param(b'"a" b,x\nb,y\n', [("b", "y")], [(2, AFTER)], id="text after a quote"),
        pytest.param(
            b'"a,x\nb,y\n",c",z\nd,w\n',
            [("b", "y"), (",c", "z"), ("d", "w")],
            [(2, "too many columns: 3 where the header has 2")],
            id="open quote closed at the wrong place",
        ),
        pytest.param(
            f"{BIG * 10},x\nb,y\n".encode(),
            [("b", "y")],
            [(2, "the row is longer than 1,000,000 bytes")],
            id="a line of 10 MB",
        ),
        pytest.param(
            ('"a,x\n' + f"{LONG},y\n" * 1_200).encode(),
            [(LONG, "y")] * 1_200,
            [(2, "a quote is not closed within 1,000,000 bytes")],
            id="open quote and a long file",
        ),
        pytest.param(b"a,\nb,y\n", [("a", ""), ("b", "y")], [], id="no label"),
    ],
)
def test_csv_keeps_the_good_rows_and_refuses_the_bad(
    work: Work, body: bytes, rows: list[tuple[str, str]], refused: list[tuple[int, str]]
) -> None:
    work.put("a.csv", b"text,intent\n" + body)
    read = work.read("a.csv")
    assert good(read) == rows
    assert bad(read) == refused


def test_a_stray_quote_on_every_line_costs_those_lines_alone(work: Work) -> None:
    lines = [f'"row {i},x' if i % 2 else f"row {i},x" for i in range(2_000)]
    work.put("a.csv", "text,intent\n" + "\n".join(lines))
    read = work.read("a.csv")
    assert good(read) == [(f"row {i},x".split(",")[0], "x") for i in range(0, 2_000, 2)]
    assert len(bad(read)) == 1_000


def test_locators_tell_the_line_where_a_record_begins(work: Work) -> None:
    work.put("in/a.csv", '\ufeff\n"te\nxt",intent\n"a\nb",x\n\nc,y\n'.replace("te\nxt", "text"))
    read = work.read("in/a.csv")
    assert [row.passport.locator for row in read if isinstance(row, Example)] == ["in/a.csv:3", "in/a.csv:6"]


def test_what_was_refused_can_be_found_again(work: Work) -> None:
    work.put("a.csv", b"text,intent\nb,y\n" + b"\xff" * 500 + b",x\n")
    (refused,) = [row for row in work.read("a.csv") if isinstance(row, Refused)]
    assert (refused.source, refused.line, refused.text) == ("a.csv", 3, "\ufffd" * 200)


@pytest.mark.parametrize(
    ("body", "rows", "refused"),
    [
        pytest.param(b"a\tx\n", [("a", "x")], [], id="plain"),
        pytest.param(b'"a\tb"\tx\n', [("a\tb", "x")], [], id="quoted"),
        pytest.param(b'"a" he said\tx\nb\ty\n', [('"a" he said', "x"), ("b", "y")], [], id="literal quotes"),
        pytest.param(b'"a\tx\nb\ty\n', [('"a', "x"), ("b", "y")], [], id="an open quote is a character"),
        pytest.param(
            b"a,x\nb\ty\n", [("b", "y")], [(2, "too few columns: 1 where the header has 2")], id="too few"
        ),
    ],
)
def test_tsv_takes_quotes_that_are_not_in_order_as_they_are(
    work: Work, body: bytes, rows: list[tuple[str, str]], refused: list[tuple[int, str]]
) -> None:
    work.put("a.tsv", b"text\tintent\n" + body)
    read = work.read("a.tsv")
    assert good(read) == rows
    assert bad(read) == refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "source `a.csv` is empty."),
        (b"\n\n\r\n", "source `a.csv` is empty."),
        (b"text,intent\n", "source `a.csv` has no rows."),
        (
            b"text,intent\nx\n",
            "has no row that can be used.\nThe first reason: a.csv:2: too few columns",
        ),
        (b"text,text\nx,y\n", "source `a.csv` has more than one column `text`."),
        (b'"text,intent\nx,y\n', "a.csv:1: the header cannot be read: a quote is not closed"),
        (b"text,\xff\nx,y\n", "a.csv:1: the header cannot be read: the row is not UTF-8"),
        ("text,intent\nx,y\n".encode("utf-16"), "source `a.csv` is UTF-16.\nSave it as UTF-8."),
        (b"txt,intent\nx,y\n", "no column `text` (did you mean `txt`?); it has `txt`, `intent`."),
        (b"question,label\nx,y\n", "no column `text`; it has `question`, `label`."),
        (b"text;intent\nx;y\n", "Its first line is not separated by"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(work: Work, content: bytes, message: str) -> None:
    work.put("a.csv", content)
    with pytest.raises(DataError) as caught:
        work.read("a.csv")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def read_all(folder: Path, content: bytes) -> tuple[list[dict[str, object]], list[int]]:
    """Returns the cells of the good rows and the lines of the bad ones."""
    (folder / "a.csv").write_bytes(content)
    with Delimited(".csv", b",").open(Place.of("a.csv", folder=folder), ()) as table:
        rows = list(table.rows)
    return (
        [dict(row.cells) for row in rows if isinstance(row, Row)],
        [row.line for row in rows if not isinstance(row, Row)],
    )


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, st.sampled_from(["a", 'b"', "c,d", "e\nf", "\r\n", '"']), CELLS), max_size=8))
def test_what_pythons_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("x", "y", "z"), *rows])
    good, bad = read_all(tmp_path_factory.getbasetemp(), file.getvalue().encode())
    assert good == [dict(zip("xyz", row, strict=True)) for row in rows]
    assert bad == []


PARTS = [b'"', b",", b"\n", b"\r\n", b"a", b"\xff", b"\0", b'""', b"a,b\n", b'"a","b"\n']
BYTES = st.lists(st.sampled_from(PARTS))


@given(BYTES)
def test_every_line_is_read_or_refused_whatever_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    body = b"".join(parts)
    good, bad = read_all(tmp_path_factory.getbasetemp(), b"x,y\n" + body + b"\nlast,row\n")
    assert bad == sorted(set(bad))
    assert len(good) + len(bad) <= body.count(b"\n") + 2
    assert good[-1:] == [{"x": "last", "y": "row"}] or b'"' in body
    assert good or bad
