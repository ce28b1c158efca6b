"""Nobody gets in who should not: hosts, origins, tokens, sizes, and nothing leaks on the way out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.bank import Client, release

from freehold.errors import UserError
from freehold.registry import Registry
from freehold.serve import Served, Settings
from freehold.serve.faults import Fault
from freehold.serve.guard import Guard
from freehold.serve.rim import Rim
from freehold.serve.scopes import NEEDS
from freehold.serve.settings import is_loopback
from freehold.task import Task

ROUTE = "/v1/tasks/banking"
HERE = {"host": "127.0.0.1:8420"}

ALLOWED: list[tuple[dict[str, Any], str]] = [
    ({}, "127.0.0.1:8420"),
    ({}, "localhost"),
    ({}, "LOCALHOST:9999"),
    ({}, "[::1]:8420"),
    ({"host": "::1"}, "[0:0:0:0:0:0:0:1]:8420"),
    ({"hosts": ("models.example.com",)}, "models.example.com"),
    ({"host": "10.0.0.5"}, "10.0.0.5:80"),
    ({"host": "0.0.0.0"}, "anything.example"),
    ({"host": "0.0.0.0", "hosts": ("a.example",)}, "a.example."),
]
FOREIGN: list[tuple[dict[str, Any], str]] = [
    ({}, "evil.example"),
    ({}, "127.0.0.1.evil.example"),
    ({}, "localhost:evil"),
    ({}, ""),
    ({}, "[::1"),
    ({"host": "10.0.0.5"}, "localhost"),
    ({"host": "0.0.0.0", "hosts": ("a.example",)}, "b.example"),
]


@pytest.mark.parametrize("route", sorted(route for route in NEEDS if not route.startswith("GET ")))
def test_no_route_that_changes_anything_listens_to_another_site(client: Client, route: str) -> None:
    method, path = route.split(" ")
    path = path.replace("{task}", "banking").replace("{id}", "a").replace("{assignment}", "a")
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        refused = client.ask(method, path, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize(("settings", "host"), ALLOWED)
def test_our_own_names_are_served(settings: dict[str, Any], host: str) -> None:
    Guard(Settings(**settings)).check("GET", {"host": host})


@pytest.mark.parametrize(("settings", "host"), FOREIGN)
def test_other_names_are_refused(settings: dict[str, Any], host: str) -> None:
    with pytest.raises(Fault) as caught:
        Guard(Settings(**settings)).check("GET", {"host": host})
    assert (caught.value.status, caught.value.code) == (403, "host_not_allowed")


ORIGINS = [
    ({}, True),
    ({"origin": "http://127.0.0.1:8420"}, True),
    ({"origin": "HTTP://127.0.0.1:8420"}, True),
    ({"origin": "http://127.0.0.1:9000"}, False),
    ({"origin": "http://evil.example"}, False),
    ({"origin": "null"}, False),
    ({"origin": "chrome-extension://127.0.0.1:8420"}, False),
    ({"origin": "http://[bad"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "same-origin"}, True),
]


@pytest.mark.parametrize(("headers", "passes"), ORIGINS)
def test_pages_of_other_sites_may_not_send(headers: dict[str, str], passes: bool) -> None:
    guard = Guard(Settings())
    guard.check("GET", {**HERE, **headers})
    if passes:
        guard.check("POST", {**HERE, **headers})
        return
    for method in ("POST", "DELETE"):
        with pytest.raises(Fault, match="other sites") as caught:
            guard.check(method, {**HERE, **headers})
        assert caught.value.code == "origin_not_allowed"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic secret", "secret", "Bearer sécret"])
def test_without_the_token_only_probes_answer(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], header: str
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), token="secret")) as client:
        headers = {"authorization": header.encode("latin-1")} if header else {}
        for path in ("/metrics", "/v1/models", "/openapi.json", "/nowhere"):
            response = client.get(path, headers=headers)
            error = response.json()["error"]
            assert (response.status_code, error["type"]) == (401, "authentication_error")
            assert response.headers["www-authenticate"] == "Bearer"
        assert client.get("/livez", headers=headers).status_code == 200
        assert client.get("/readyz", headers=headers).json() == {"ready": True}
        for scheme in ("Bearer", "bearer"):
            right = {"authorization": f"{scheme} secret"}
            assert client.post(ROUTE, {"text": "a"}, headers=right).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.7", "no-such-host.invalid"])
def test_other_machines_get_in_only_with_a_token(host: str) -> None:
    with pytest.raises(UserError, match="no token") as caught:
        Settings(host=host).check()
    assert "FREEHOLD_TOKEN" in caught.value.hint
    Settings(host=host, token="secret").check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    Settings(host=host).check()


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_is_a_number(rate: float) -> None:
    with pytest.raises(UserError, match="`--rate` is"):
        Settings(rate=rate).check()


@pytest.mark.parametrize(("rate", "burst"), [(100.0, 200), (0.5, 1), (0.01, 1), (1.2, 3)])
def test_a_rested_key_may_make_the_requests_of_two_seconds(rate: float, burst: int) -> None:
    assert Settings(rate=rate).burst == burst


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_TOKEN", " secret\n")
    assert Settings.from_environment(host="0.0.0.0", port=1).token == "secret"
    monkeypatch.setenv("FREEHOLD_TOKEN", "  ")
    with pytest.raises(UserError):
        Settings.from_environment(host="0.0.0.0", port=1).check()


def test_bodies_have_a_limit_and_lists_a_larger_one(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), body_limit=100, batch_limit=300)) as client:
        assert client.post(ROUTE, {"text": "a" * 80}).status_code == 200
        large = client.post(ROUTE, {"text": "a" * 100})
        assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
        assert "100 bytes" in large.json()["error"]["message"]
        assert client.post(ROUTE, content=b'  \n[{"text": "' + b"a" * 200 + b'"}]').status_code == 200
        assert client.post(ROUTE, [{"text": "a" * 300}]).status_code == 413


def test_what_breaks_is_told_to_the_log_and_not_to_the_client(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "freehold.serve")
    response = client.post(ROUTE, {"text": "boom, my PIN is 1234"}, headers={"x-request-id": "req-1"})
    assert response.status_code == 500
    assert response.json()["error"] == {
        "message": "Something broke here; the log has the request id.",
        "type": "server_error",
        "param": None,
        "code": "internal_error",
    }
    assert response.headers["x-request-id"] == "req-1"
    logged = caplog.text
    assert "request=req-1 failed" in logged
    assert "builtins.RuntimeError" in logged
    assert "bank.py" in logged
    assert "1234" not in logged


def test_the_log_has_a_line_a_request_and_no_bodies(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "freehold.serve")
    client.post(ROUTE, {"text": "my PIN is 1234"}, headers={"authorization": "Bearer s3cret"})
    assert "method=POST route=/v1/tasks/{task} status=200" in caplog.text
    assert "1234" not in caplog.text
    assert "s3cret" not in caplog.text


def test_every_response_has_the_common_headers(client: Client) -> None:
    for response in (client.get("/livez"), client.get("/nowhere"), client.post(ROUTE, {})):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert len(response.headers["x-request-id"]) == 32
        assert re.fullmatch(r"total;dur=\d+\.\d", response.headers["server-timing"])


def test_storage_that_fails_is_not_an_answer(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], caplog: pytest.LogCaptureFixture
) -> None:
    from freehold.errors import StorageError

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(shelf, name)

        def record_requests_at_once(self, rows: object) -> None:
            raise StorageError("The disk of `/secret/place` is full.")

    release(shelf, task)
    with Client(make_app(Served(task, Full()))) as client:  # type: ignore[arg-type]
        response = client.post(ROUTE, {"text": "a"})
        assert (response.status_code, response.json()["error"]["code"]) == (503, "storage_unavailable")
        assert "/secret/place" not in response.text
        assert "The disk of `/secret/place` is full." in caplog.text


def test_too_many_at_once_are_turned_away(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), queue_limit=0)) as client:
        response = client.post(ROUTE, {"text": "a"})
        assert (response.status_code, response.json()["error"]["code"]) == (429, "overloaded")
        assert response.headers["retry-after"] == "1"
