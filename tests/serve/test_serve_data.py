"""The data behind a model, on the server: a page and JSON of the same, from what its turn left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.serve.bank import Client, WordReader, release
from tests.serve.test_serve_page import Seen

from freehold.line import collect_data
from freehold.pages import Inventory, policy
from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.champions import Slot
from freehold.serve.data_pages import prefers_json
from freehold.serve.inventories import Inventories
from freehold.serve.rim import Rim
from freehold.task import Release, Source, Task

ROUTE = "/models/banking/data"
EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
FILE = "rows<img src=x onerror=alert(1)>.csv"


@pytest.fixture
def sourced(task: Task) -> Task:
    """A task whose rows, labels, source and licence are markup."""
    task.folder.mkdir()
    quoted = EVIL.replace('"', '""')
    rows = [f'row {i} of {i * 7919},"{quoted if i % 2 else "calm"}"' for i in range(60)]
    text = "\n".join(["text,intent", *rows, f'"{quoted}\0",calm']) + "\n"
    (task.folder / FILE).write_text(text)
    (task.folder / "more.csv").write_text("text,intent\nfar away,calm\n")
    source = Source(FILE, {"text": "text", "intent": "intent"}, licence=f"CC-BY-4.0 {EVIL}")
    return replace(task, sources=(source,), description=EVIL)


def make(task: Task, shelf: Registry, *, favourite: str = "top_up") -> Release:
    return release(shelf, task, favourite=favourite, examples=collect_data(task, shelf=shelf).examples)


@pytest.fixture
def shown(shelf: Registry, sourced: Task, make_app: Callable[..., Rim]) -> Iterator[Client]:
    """A server whose champion comes from two collections, the second with a source more."""
    make(sourced, shelf)
    more = replace(sourced, sources=(*sourced.sources, replace(sourced.sources[0], uri="more.csv", licence="MIT")))
    make(more, shelf, favourite="lost_card")
    with Client(make_app(Served(more, shelf))) as opened:
        yield opened


def test_the_page_shows_where_rows_come_from_and_what_changed(shown: Client) -> None:
    response = shown.get(ROUTE)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["vary"] == "accept"
    seen = Seen(response.text)
    assert seen.tags.count("svg") == 2
    for words in (
        "banking@2: data",
        "rows left by step",
        "Since banking@1: 1 added, 0 gone",
        "more.csv, MIT",
        FILE,
    ):
        assert words in seen.text
    assert "banking@1: data" in shown.get("/models/banking@1/data").text


def test_nothing_that_rows_labels_or_sources_hold_becomes_markup(shown: Client) -> None:
    response = shown.get(ROUTE)
    seen = Seen(response.text)
    assert {"script", "img", "b"} & set(seen.tags) == set()
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert EVIL in seen.text
    assert "row has a NUL byte" in seen.text
    assert seen.text.count("alert(1)") > 8
    assert response.headers["content-security-policy"] == policy()
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy()


def test_json_says_the_same(shown: Client) -> None:
    response = shown.get(ROUTE, headers={"accept": "application/json"})
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert (found["task"], found["release"], found["examples"]) == ("banking", "banking@2", 61)
    assert (found["drift"]["against"], found["drift"]["added"]) == ("banking@1", 1)
    assert [each["uri"] for each in found["sources"]] == [FILE, "more.csv"]
    assert [each["release"] for each in found["releases"]] == ["banking@2", "banking@1"]
    wanted = shown.get("/openapi.json").json()["components"]["schemas"]["Data"]["required"]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("Application/JSON; q=0.9, text/html; q=0.1", True),
        ("application/json;q=0.1, text/html", False),
        ("application/json;q=0", False),
        ("application/json;q=nonsense", False),
        (",;,", False),
    ],
)
def test_who_wants_json_gets_it(accept: str, json: bool) -> None:
    assert prefers_json(accept) is json


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/models/bankin/data", 404, "task_not_found"),
        ("/models/banking@9/data", 404, "model_not_found"),
        ("/models/banking/data/more", 404, "unknown_route"),
    ],
)
def test_what_is_not_there_is_said_in_the_usual_form(client: Client, path: str, status: int, code: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert client.post(ROUTE).status_code == 405


def test_a_release_that_nothing_is_recorded_of_says_what_to_type(client: Client) -> None:
    response = client.get(ROUTE)
    assert response.status_code == 200
    assert "is not recorded in this state folder" in response.text
    assert "freehold data" in response.text


def test_without_a_champion_there_is_no_data(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    with Client(make_app(Served(task, shelf))) as client:
        response = client.get(ROUTE)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "no_champion")


def test_texts_are_for_those_who_review(shelf: Registry, sourced: Task, make_app: Callable[..., Rim]) -> None:
    make(sourced, shelf)
    secrets = {scope: shelf.make_key(scope, scopes=[scope]).secret for scope in ("predict", "feedback", "review")}
    with Client(make_app(Served(sourced, shelf))) as client:
        assert client.get(ROUTE).status_code == 401
        for scope, secret in secrets.items():
            for accept in ("text/html", "application/json"):
                headers = {"authorization": f"Bearer {secret}", "accept": accept}
                assert client.get(ROUTE, headers=headers).status_code == (200 if scope == "review" else 403)


class Slow(Inventories):
    """Reads when it is let."""

    def __init__(self) -> None:
        super().__init__(patience=0.01)
        self.gate = threading.Event()
        self.readings = 0

    def _read(self, slot: Slot, release: Release) -> Inventory:
        self.readings += 1
        self.gate.wait(10)
        return super()._read(slot, release)


@pytest.fixture
def slot(shelf: Registry, sourced: Task) -> Slot:
    make(sourced, shelf)

    def open_reader(folder: Path, *, threads: int = 0) -> WordReader:
        return WordReader(folder, threads=threads)

    return Slot(Served(sourced, shelf), open_reader=open_reader, threads=1)


def test_nobody_waits_long_and_what_was_read_is_read_once(slot: Slot) -> None:
    inventories = Slow()
    champion = slot.shelf.champion("banking")
    assert champion is not None

    async def ask() -> Inventory | None:
        return await inventories.find(slot, champion)

    assert asyncio.run(ask()) is None
    inventories.gate.set()
    found = None
    while found is None:
        found = asyncio.run(ask())
    assert asyncio.run(ask()) is found
    assert (found.release, inventories.readings) == ("banking@1", 1)
    inventories.close()


def test_readings_that_wait_are_few_and_none_is_begun_twice(slot: Slot) -> None:
    inventories = Slow()
    champion = slot.shelf.champion("banking")
    assert champion is not None

    async def ask() -> list[Inventory | None]:
        versions = [replace(champion, version=version) for version in range(1, 31)]
        return [await inventories.find(slot, each) for each in (*versions, *versions)]

    assert asyncio.run(ask()) == [None] * 60
    assert len(inventories._known) == 8
    inventories.gate.set()
    inventories.close()
    assert inventories.readings <= 8


def test_a_server_that_ends_does_not_read_on(slot: Slot) -> None:
    inventories = Slow()
    champion = slot.shelf.champion("banking")
    assert champion is not None
    assert asyncio.run(inventories.find(slot, champion)) is None
    (reading,) = inventories._known.values()
    closing = threading.Thread(target=inventories.close)
    closing.start()
    while not inventories._closing:
        pass
    inventories.gate.set()
    closing.join(10)
    assert "_Closing" in repr(reading.future.exception(0))
