"""The page of a model: what it shows, that nothing on it runs, and that nobody else's text becomes markup."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.serve.bank import Client, WordExplainer, make_task, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.marks import write_explanation
from freehold.serve.page import SAFE, write_page
from freehold.serve.rim import Rim
from freehold.task import Artifact, Measured, Release, Task, Verdict

ROUTE = "/models/banking"
EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.marks: list[tuple[str, str]] = []
        self.text = ""
        self.style = ""
        self._open: list[str] = []
        self._mark = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._open.append(tag)
        self._mark = dict(attrs).get("class") or ""

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        elif self._open and self._open[-1] == "mark":
            self.marks.append((self._mark, data))
        self.text += data


def ask(client: Client, text: str, **options: Any) -> Any:
    return client.ask("POST", ROUTE, content=urlencode({"text": text}), **options)


def test_the_page_says_what_the_model_is(client: Client, shelf: Registry) -> None:
    response = client.get(ROUTE)
    champion = shelf.champion("banking")
    assert champion is not None
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    seen = Seen(response.text)
    for word in ("banking@1", "What is it?", champion.artifact.digest, "passed the gate"):
        assert word in seen.text
    assert seen.tags.count("textarea") == 1


def test_figures_stand_with_n_and_interval() -> None:
    figures = {"intent": {"accuracy": Measured(0.912345, 0.9, 0.92, 3080)}}
    verdict = Verdict(True, ("Good.",), figures, (), "", "d" * 64)
    shown = Release("banking", 1, Artifact(None, digest="d" * 64), verdict, "2026-01-05T09:12:44", "champion")  # type: ignore[arg-type]
    page = Seen(write_page(shown, about="", inputs={"text": ""})).text
    for word in ("accuracy", "0.9123", "0.9000 to 0.9200", "3,080"):
        assert word in page


def test_the_form_asks_and_the_page_shows_why(client: Client, shelf: Registry) -> None:
    response = ask(client, "I lost my card")
    seen = Seen(response.text)
    assert seen.marks == [("down1", "I"), ("up5", "lost"), ("down1", "my"), ("down1", "card")]
    for word in ("lost_card", "0.80", "my card is lost", "train.csv:12", "CC0-1.0", "0.930"):
        assert word in seen.text
    request = response.headers["x-request-id"]
    assert f"Request {request}" in seen.text
    recorded = shelf.request(request)
    assert recorded is not None
    assert recorded.inputs == {"text": "I lost my card"}


def test_a_version_has_a_page_of_its_own(client: Client, shelf: Registry, task: Task) -> None:
    release(shelf, task, favourite="top_up", passed=False)
    assert "banking@2" in client.get(f"{ROUTE}@2").text


@pytest.mark.parametrize(
    "text", [EVIL, "</textarea><b>", "\n\nlate", "a & b &amp; c", "card \u202e\ud55c\uae00 \U0001f600"]
)
def test_what_was_typed_is_text_and_nothing_else(client: Client, text: str) -> None:
    response = ask(client, text)
    assert response.status_code == 200
    seen = Seen(response.text)
    assert {"script", "img", "b"} & set(seen.tags) == set()
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "style")]
    assert [value for name, value in seen.attributes if name == "href"] == [
        "banking%401/data",
        "../review/banking",
    ]
    assert text in seen.text


def test_nothing_that_training_rows_hold_becomes_markup() -> None:
    passport = dict.fromkeys(("source", "locator", "licence", "maker", "time", "consent", "author"), EVIL)
    row = {
        "similarity": 1.0,
        "inputs": {EVIL: EVIL},
        "outputs": {EVIL: EVIL},
        "correction": True,
        "passport": passport,
    }
    token = {"input": EVIL, "start": 0, "end": 8, "text": EVIL, "effect": 1.0, "without": 0.5}
    value = {"value": EVIL, "unit": "log-odds", "whole": 0.9, "tokens": [token]}
    nearest = {"searched": 1, "of": 2, "note": None, "rows": [row]}
    document = {"pieces": "words", "fields": {EVIL: [value]}, "nearest": nearest}
    seen = Seen("\n".join(write_explanation(document, inputs={EVIL: EVIL})))
    assert {"script", "img"} & set(seen.tags) == set()
    assert seen.text.count("alert(1)") > 5


def test_nothing_on_the_page_runs_or_is_loaded(client: Client) -> None:
    for response in (client.get(ROUTE), ask(client, "a")):
        policy = response.headers["content-security-policy"]
        assert policy == SAFE
        style = Seen(response.text).style
        assert f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
        for rule in ("default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy
        assert "unsafe" not in policy
        # With `no-referrer` a browser would send the form with the origin `null`, and be refused.
        assert response.headers["referrer-policy"] == "same-origin"


def test_the_page_says_why_it_has_no_rows_or_no_reasons(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    gone = WordExplainer(note="The training rows of `banking@1` are not recorded here any more.")
    with Client(make_app(Served(task, shelf), explainer=gone)) as client:
        seen = Seen(ask(client, "I lost my card").text)
        assert "not recorded here any more" in seen.text
        assert ("up5", "lost") in seen.marks
    with Client(make_app(Served(task, shelf))) as client:
        seen = Seen(ask(client, "I lost my card").text)
        assert "lost_card" in seen.text
        assert "put together without explanations" in seen.text


FORMS: list[tuple[bytes, int, str]] = [
    (b"", 400, "missing_input"),
    (b"txt=a", 400, "unknown_input"),
    (b"text=%ff", 400, "invalid_value"),
    (b"text=%00", 400, "invalid_json"),
    (b"text=\xe9", 400, "invalid_value"),
    (b"nonsense", 400, "invalid_value"),
    (b"&".join([b"text=a"] * 200), 400, "invalid_value"),
    (b"text=" + b"a" * (1 << 20), 413, "body_too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), FORMS)
def test_forms_that_cannot_be_read_are_refused(client: Client, body: bytes, status: int, code: str) -> None:
    response = client.ask("POST", ROUTE, content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_line_ends_are_those_that_were_typed(client: Client, shelf: Registry) -> None:
    response = ask(client, "one\r\ntwo")
    recorded = shelf.request(response.headers["x-request-id"])
    assert recorded is not None
    assert recorded.inputs == {"text": "one\ntwo"}


def test_the_page_is_guarded_like_everything_else(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), explainer=WordExplainer(), token="secret")) as client:
        assert client.get(ROUTE).status_code == 401
        assert ask(client, "a").status_code == 401
        right = {"authorization": "Bearer secret"}
        assert client.get(ROUTE, headers=right).status_code == 200
        assert client.get(ROUTE, headers={**right, "host": "evil.example"}).status_code == 403
        assert ask(client, "a", headers={**right, "origin": "http://evil.example"}).status_code == 403
        assert ask(client, "a", headers={**right, "origin": "null"}).status_code == 403
        assert ask(client, "a", headers={**right, "origin": "http://127.0.0.1:8420"}).status_code == 200


def test_without_a_champion_there_is_no_page(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    with Client(make_app(Served(task, shelf))) as client:
        response = client.get(ROUTE)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "no_champion")
        assert client.get("/models/bankin").status_code == 404


def test_several_inputs_have_a_field_each(shelf: Registry, tmp_path: Any, make_app: Callable[..., Rim]) -> None:
    task = make_task(tmp_path / "mail", name="mail", inputs=("title", "body"))
    release(shelf, task)
    with Client(make_app(Served(task, shelf), explainer=WordExplainer())) as client:
        form = urlencode({"body": "top it up", "title": "lost"})
        seen = Seen(client.ask("POST", "/models/mail", content=form).text)
    assert seen.tags.count("textarea") == 2
    assert [text for _, text in seen.marks] == ["lost", "top", "it", "up"]
