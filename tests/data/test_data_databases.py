from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.data.workplace import Work

from freehold.data import SOURCES, Place, Refused
from freehold.errors import DataError, TaskFileError
from freehold.task import Example, Source, load_task

QUERY = "SELECT body AS text, team AS intent FROM tickets WHERE body <> 'secret' ORDER BY id"


@pytest.fixture
def tickets(work: Work) -> Work:
    with sqlite3.connect(work.folder / "tickets.db") as base:
        base.execute("CREATE TABLE tickets (id INTEGER, body TEXT, team TEXT, weight REAL)")
        rows = [(1, "My card is lost.", "cards", 0.5), (2, "Hello?", None, 1.0), (3, None, "cards", 1.0)]
        base.executemany("INSERT INTO tickets VALUES (?, ?, ?, ?)", [*rows, (4, "secret", "x", 0.0)])
    base.close()
    return work


def read(work: Work, uri: str, query: str = QUERY) -> list[Example | Refused]:
    return work.read(Source(uri, {}, query=query))


def test_a_query_is_a_source(tickets: Work) -> None:
    rows = read(tickets, "sqlite:///tickets.db", "SELECT body AS text, team AS intent FROM tickets ORDER BY id")
    good = [row for row in rows if isinstance(row, Example)]
    assert [(row.inputs["text"], row.outputs) for row in good] == [
        ("My card is lost.", {"intent": "cards"}),
        ("Hello?", {}),
        ("secret", {"intent": "x"}),
    ]
    assert good[1].passport.locator == (
        "sqlite:///tickets.db: SELECT body AS text, team AS intent FROM tickets ORDER BY id:2"
    )
    assert [(row.line, row.reason) for row in rows if isinstance(row, Refused)] == [(3, "input `text` is missing")]


def test_two_queries_of_one_database_are_two_sources(tickets: Work) -> None:
    """Each is counted and noted by itself, and rows of equal numbers are rows of two texts."""
    queries = [f"SELECT body AS text, 'a' AS intent FROM tickets WHERE id {sign} 2" for sign in ("<", "=")]
    sources = [Source("sqlite:///tickets.db", {}, query=query) for query in queries]
    made = tickets.collect(*sources)
    names = [f"sqlite:///tickets.db: {query}" for query in queries]
    assert [source["uri"] for source in made.report["sources"]] == names
    assert [noted[0] for noted in tickets.shelf.noted] == names
    assert {row.passport.locator for row in made.examples} == {f"{name}:1" for name in names}


def test_a_long_query_is_told_shortened_and_named_apart() -> None:
    """What differs after the part that is shown differs in the name."""
    one, other = (Source("env:DB", {}, query=f"SELECT {'x, ' * 60} {last} FROM t") for last in "yz")
    assert one.name != other.name
    assert len(one.name) < 120


def test_the_digest_is_that_of_the_answer(tickets: Work) -> None:
    kind = SOURCES.get("database.v1")
    place = Place.of_source(Source("sqlite:///tickets.db", {}, query=QUERY), folder=tickets.folder)
    before = kind.digest(place)
    with sqlite3.connect(tickets.folder / "tickets.db") as base:
        base.execute("UPDATE tickets SET weight = 7, team = 'y' WHERE id = 4")
    assert kind.digest(place) == before
    with sqlite3.connect(tickets.folder / "tickets.db") as base:
        base.execute("UPDATE tickets SET team = 'other' WHERE id = 2")
    base.close()
    assert kind.digest(place) != before


@pytest.mark.parametrize(
    "query", ["DELETE FROM tickets", "DROP TABLE tickets", "UPDATE tickets SET team = 'x' RETURNING body AS text"]
)
def test_nothing_is_ever_written(tickets: Work, query: str) -> None:
    before = (tickets.folder / "tickets.db").read_bytes()
    with pytest.raises(DataError, match=r"readonly|gives no rows"):
        read(tickets, "sqlite:///tickets.db", query)
    assert (tickets.folder / "tickets.db").read_bytes() == before
    assert sorted(path.name for path in tickets.folder.iterdir()) == ["tickets.db"]


def test_an_address_may_be_kept_out_of_the_task_file(tickets: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"(?s)environment variable 'TICKETS' is not set.*export TICKETS="):
        read(tickets, "env:TICKETS")
    monkeypatch.setenv("TICKETS", "sqlite:///tickets.db")
    first = read(tickets, "env:TICKETS")[0]
    assert isinstance(first, Example)
    name = Source("env:TICKETS", {}, query=QUERY).name
    assert name.startswith("env:TICKETS: SELECT body")
    assert (first.passport.source, first.passport.locator) == (name, f"{name}:1")


def test_a_password_in_a_task_file_is_a_mistake_that_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text(
        '[task]\nname = "t"\n[input]\ntext = "string"\n[output.intent]\nkind = "choice"\n'
        '[[source]]\nuri = "postgresql://me:hunter2@host/name"\nquery = "SELECT 1"\n'
    )
    with pytest.raises(TaskFileError, match="`uri` holds a password") as caught:
        load_task(tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "query", "message"),
    [
        ("sqlite:///none.db", QUERY, "is not there.*There is no file"),
        ("sqlite:///tickets.db", "", "has no `query`.*Say what is asked"),
        ("sqlite:///tickets.db", "SELEC 1", 'cannot be read: near "SELEC": syntax error'),
        ("sqlite:///tickets.db", "SELECT 1 AS x", "has no column `text`; it has `x`"),
        ("sqlite:///tickets.db", "SELECT body AS text FROM tickets WHERE id > 9", "has no rows"),
        ("mysql+nodriver://host/name", QUERY, "cannot be read|needs the Python package"),
    ],
)
def test_what_cannot_be_asked_says_why(tickets: Work, uri: str, query: str, message: str) -> None:
    with pytest.raises(DataError, match=f"(?s){message}"):
        read(tickets, uri, query)
