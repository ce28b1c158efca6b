"""The page for experts: who sees it, what stands on it, how a browser signs in; no other site uses a session."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests.serve.bank import Client, make_task, release
from tests.serve.test_serve_page import EVIL, Seen

from freehold.registry import MadeKey, Registry, Review
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.serve.scopes import NEEDS
from freehold.serve.sessions import COOKIE, Sessions, sent_session
from freehold.task import Field, Label, ReviewRules, Task

PAGE = "/review/banking"
HERE = {"origin": "http://127.0.0.1:8420"}
HTML = {"accept": "text/html,application/xhtml+xml"}
FORM = {"content-type": "application/x-www-form-urlencoded", **HERE}


@pytest.fixture
def key(shelf: Registry) -> MadeKey:
    return shelf.make_key("ann", scopes=["review"])


@pytest.fixture
def closed(shelf: Registry, task: Task, make_app: Callable[..., Rim], key: MadeKey) -> Iterator[Client]:
    """A server that asks for keys; nobody has trained a model for its task."""
    shelf.queue_reviews("banking", [Review("e1", "banking", "urgent", {"text": "now"}, True, 0.5)])
    with Client(make_app(Served(task, shelf))) as opened:
        yield opened


def sign_in(client: Client, secret: str, **more: str) -> httpx.Response:
    return client.ask("POST", "/signin", content=urlencode({"key": secret, **more}), headers=FORM)


def session(response: httpx.Response) -> dict[str, str]:
    """Returns what the browser sends from then on."""
    return {"cookie": response.headers["set-cookie"].partition(";")[0]}


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/table"])
def test_the_page_runs_its_own_script_and_nothing_else(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", policy["style-src"])
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in response.headers["content-security-policy"]
    seen = Seen(response.text)
    assert [value for name, value in seen.attributes if name == "src"] == ["/review.js"]
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "style"]
    script = client.get("/review.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", script.text)


def test_the_page_has_a_control_for_each_field_without_a_champion(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    with Client(make_app(Served(task, shelf))) as client:
        page = client.get(PAGE).text
        assert re.findall(r'data-field="(\w+)" data-kind="(\w+)"', page) == [
            ("intent", "choice"),
            ("urgent", "predicate"),
            ("mood", "score"),
        ]
        assert "data-free" in page, "any label may be given while none is known"
        release(shelf, task)
        client.wait_for(PAGE, lambda response: "data-free" not in response.text)
        assert 'value="lost_card"' in client.get(PAGE).text


@pytest.mark.parametrize("table", [False, True])
def test_what_a_task_file_says_is_text_and_nothing_else(
    shelf: Registry, tmp_path: Path, make_app: Callable[..., Rim], table: bool
) -> None:
    folder = tmp_path / "banking"
    folder.mkdir()
    (folder / "guide.md").write_text(f"# {EVIL}\n- {EVIL}\n\n`{EVIL}` [a](javascript:alert(1))\n")
    odd = Field("intent", "choice", EVIL, (Label(EVIL, EVIL), Label("\u202eb")))
    many = Field("tags", "choices", EVIL, tuple(Label(f"{EVIL}{n}") for n in range(20)))
    spans = Field("parts", "spans", labels=(Label(EVIL, EVIL),))
    rules = ReviewRules(guidelines="guide.md")
    task = replace(make_task(folder), fields=(odd, many, spans), description=EVIL, review=rules)
    with Client(make_app(Served(task, shelf))) as client:
        path = f"{PAGE}{'/table' if table else ''}?{urlencode({'search': EVIL, 'field': EVIL})}"
        seen = Seen(client.get(path).text)
    assert {"img", "b"} & set(seen.tags) == set()
    assert seen.tags.count("script") == 1
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert not [value for name, value in seen.attributes if name in ("href", "src") and "alert" in value]
    assert "\u202e" not in seen.text
    if not table:
        assert EVIL in seen.text
        assert "U+202E" in seen.text


def test_guidelines_that_cannot_be_read_are_named(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    task = replace(task, review=ReviewRules(guidelines="nowhere.md"))
    with Client(make_app(Served(task, shelf))) as client:
        assert "The guidelines cannot be read: " in client.get(PAGE).text


def test_whoever_has_no_key_is_asked_for_one(closed: Client) -> None:
    shown = closed.get(f"{PAGE}?search=a", headers=HTML)
    assert shown.status_code == 401
    assert 'name="to" value="/review/banking?search=a"' in shown.text
    assert closed.get(PAGE).json()["error"]["code"] == "invalid_token", "a program is told in JSON"
    assert closed.get("/v1/models", headers=HTML).status_code == 401
    assert "nowhere" not in closed.get("/review/nowhere", headers=HTML).text.replace('value="/review/nowhere"', "")


def test_a_key_begins_a_session_that_is_good_for_reviewing_alone(
    closed: Client, shelf: Registry, key: MadeKey
) -> None:
    response = sign_in(closed, key.secret, to=f"{PAGE}/table")
    assert (response.status_code, response.headers["location"]) == (303, f"{PAGE}/table")
    cookie = response.headers["set-cookie"]
    assert re.fullmatch(COOKIE + r"=[A-Za-z0-9_-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict", cookie)
    mine = session(response)
    assert 'data-expert="ann"' in closed.get(PAGE, headers=mine).text
    taken = closed.post(f"/v1/tasks{PAGE[7:]}/reviews/next", {}, headers={**mine, **HERE}).json()
    assert [item["example"] for item in taken["items"]] == ["e1"]
    admin = shelf.make_key("root", scopes=["admin"])
    for _ in range(100):
        response = sign_in(closed, admin.secret)
        if response.status_code == 303:
            break
    assert response.headers["location"] == PAGE
    mine = session(response)
    assert closed.get(PAGE, headers=mine).status_code == 200
    for path in ("/metrics", "/v1/models", "/openapi.json"):
        assert closed.get(path, headers=mine).status_code == 401
    assert closed.post("/v1/tasks/banking", {"text": "a"}, headers={**mine, **HERE}).status_code == 401


@pytest.mark.parametrize("sent", ["", "fh_nobody_x", "'\"<script>", "\u202e"])
def test_a_wrong_key_begins_nothing(closed: Client, shelf: Registry, sent: str) -> None:
    response = sign_in(closed, sent)
    assert response.status_code == (403 if sent else 200)
    assert "set-cookie" not in response.headers
    assert sent == "" or sent not in response.text


def test_a_key_for_something_else_begins_nothing(closed: Client, shelf: Registry) -> None:
    other = shelf.make_key("bob", scopes=["predict", "feedback"])
    assert sign_in(closed, other.secret).status_code == 403


AWAY = ["https://evil.example/", "//evil.example", "/\\evil.example", "/review/../../x y", "javascript:alert(1)",
        "/review/a?b\\c", "/signout", "/review/banking\n", ""]  # fmt: skip


@pytest.mark.parametrize("to", AWAY)
def test_signing_in_leads_nowhere_else(closed: Client, key: MadeKey, to: str) -> None:
    assert sign_in(closed, key.secret, to=to).headers["location"] == PAGE
    assert f'name="to" value="{to}"' not in closed.get(f"/signin?{urlencode({'to': to})}").text or not to


CROSSING: list[dict[str, str]] = [
    {},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]
CHANGING = sorted(route for route in NEEDS if not route.startswith("GET "))


@pytest.mark.parametrize("headers", CROSSING)
@pytest.mark.parametrize("route", CHANGING)
def test_no_other_page_can_use_a_session(
    closed: Client, key: MadeKey, route: str, headers: dict[str, str]
) -> None:
    """Every route that changes something, whatever it is for."""
    mine = session(sign_in(closed, key.secret))
    method, path = route.split(" ")
    path = re.sub(r"\{\w+\}", "banking", path)
    response = closed.ask(method, path, headers={**mine, **headers}, content=b"{}")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert closed.get(PAGE, headers=mine).status_code == 200, "the session goes on"


def test_a_key_of_its_own_counts_before_a_session(closed: Client, key: MadeKey) -> None:
    mine = session(sign_in(closed, key.secret))
    wrong = {**mine, "authorization": "Bearer wrong"}
    assert closed.get(PAGE, headers=wrong).status_code == 401
    asked = closed.post("/v1/tasks/banking/reviews/next", {}, headers={**mine, "x-api-key": key.secret})
    assert asked.status_code == 200, "a program needs no origin"


def test_a_session_ends_with_signing_out_and_with_its_key(closed: Client, shelf: Registry, key: MadeKey) -> None:
    first, second = (session(sign_in(closed, key.secret)) for _ in range(2))
    out = closed.ask("POST", "/signout", headers={**first, **HERE})
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert closed.get(PAGE, headers=first).status_code == 401
    assert closed.get(PAGE, headers=second).status_code == 200
    shelf.revoke_key(key.key.id)
    assert closed.wait_for("/livez", lambda _: closed.get(PAGE, headers=second).status_code == 401)


def test_a_session_survives_a_restart(
    closed: Client, shelf: Registry, task: Task, make_app: Callable[..., Rim], key: MadeKey
) -> None:
    mine = session(sign_in(closed, key.secret))
    with Client(make_app(Served(task, shelf))) as again:
        assert 'data-expert="ann"' in again.get(PAGE, headers=mine).text


def test_the_cookie_of_a_server_behind_https_is_secure(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], key: MadeKey
) -> None:
    with Client(make_app(Served(task, shelf), hosts=("labels.example",))) as client:
        headers = {**FORM, "host": "labels.example", "origin": "https://labels.example"}
        response = client.ask("POST", "/signin", content=urlencode({"key": key.secret}), headers=headers)
        assert response.headers["set-cookie"].endswith("; Secure")


def test_nothing_on_the_disk_opens_a_session(tmp_path: Path) -> None:
    time = [1_000.0]
    sessions = Sessions(tmp_path / "sessions", clock=lambda: time[0])
    id = sessions.begin("key-1")
    [file] = (tmp_path / "sessions").iterdir()
    assert stat.S_IMODE((tmp_path / "sessions").stat().st_mode) == 0o700
    assert id not in file.name + file.read_text()
    assert sessions.find(id) == "key-1"
    assert sessions.find(file.stem) == sessions.find("") == sessions.find("../../x") == ""
    time[0] += 12 * 3600
    assert sessions.find(id) == ""
    sessions.begin("key-2")
    assert not file.exists(), "what has ended is swept away"
    [other] = (tmp_path / "sessions").iterdir()
    other.write_text("{")
    assert sessions.find(id) == ""
    assert Sessions(None).find(Sessions(None).begin("key-3")) == ""


@pytest.mark.parametrize(
    ("headers", "id"),
    [
        ({}, ""),
        ({"cookie": f"{COOKIE}=abc"}, "abc"),
        ({"cookie": f"a=b;{COOKIE}=abc; c"}, "abc"),
        ({"cookie": f"x{COOKIE}=abc"}, ""),
        ({"cookie": f"{COOKIE}=abc", "authorization": "Bearer x"}, ""),
        ({"cookie": f"{COOKIE}=abc", "x-api-key": "x"}, ""),
    ],
)
def test_a_session_is_read_from_its_cookie(headers: dict[str, Any], id: str) -> None:
    assert sent_session(headers) == id
