"""API keys at the door: who gets in, for what, how often; and no secret gets out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.serve.bank import Client, make_task, release, routes

import freehold.feedback
from freehold.errors import StorageError, UserError
from freehold.registry import KeyScope, Registry
from freehold.registry.address import read_address
from freehold.registry.tables import metadata
from freehold.serve import Served, serve
from freehold.serve.keyring import Keyring
from freehold.serve.rim import Rim
from freehold.serve.scopes import NEEDS
from freehold.task import Task

ROUTE = "/v1/tasks/banking"
SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def shown(path: str) -> str:
    return path.replace("{task}", "banking").replace("{id}", "banking")


@pytest.fixture
def secrets(shelf: Registry) -> dict[KeyScope, str]:
    """A key for each scope."""
    return {scope: shelf.make_key(scope, scopes=[scope]).secret for scope in SCOPES}


@pytest.fixture
def closed(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], secrets: dict[KeyScope, str]
) -> Iterator[Client]:
    """A server that asks for keys."""
    release(shelf, task)
    with Client(make_app(Served(task, shelf))) as opened:
        yield opened


def test_every_route_declares_what_it_needs(closed: Client) -> None:
    assert {f"{method} {path}" for method, path in routes(closed.app)} == set(NEEDS)


@pytest.mark.parametrize("route", sorted(NEEDS))
def test_every_route_refuses_whoever_has_no_key_or_the_wrong_scope(
    closed: Client, secrets: dict[KeyScope, str], route: str
) -> None:
    method, path = route.split(" ")
    need = NEEDS[route]
    if need == "open":
        assert closed.ask(method, path).status_code == 200
        return
    nobody = closed.ask(method, shown(path))
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "invalid_token")
    assert nobody.headers["www-authenticate"] == "Bearer"
    for scope, secret in secrets.items():
        response = closed.ask(method, shown(path), headers=bearer(secret))
        if scope in (need, "admin"):
            assert response.status_code not in (401, 403)
        else:
            error = response.json()["error"]
            assert (response.status_code, error["type"], error["code"]) == (
                403,
                "permission_error",
                "missing_scope",
            )
            assert f"`{need}`" in error["message"]


@pytest.mark.parametrize("token", ["", "t"])
def test_a_route_that_declares_nothing_is_closed_to_everybody(make_app: Callable[..., Rim], token: str) -> None:
    app = make_app(token=token)
    app.router.routes.append(Route("/new", lambda request: PlainTextResponse("hello")))
    with Client(app, headers=bearer(token) if token else {}) as client:
        response = client.get("/new")
        assert (response.status_code, response.json()["error"]["code"]) == (403, "missing_scope")


def test_whoever_may_ask_may_not_see_training_rows(closed: Client, shelf: Registry) -> None:
    secrets = [shelf.make_key("k", scopes=scopes)[1] for scopes in (["predict"], ["predict", "review"], ["admin"])]
    until(closed, secrets[-1], 200)
    asked = [closed.post(f"{ROUTE}?explain=true", {"text": "a"}, headers=bearer(each)) for each in secrets]
    first = asked[0].json()["error"]
    assert (asked[0].status_code, first["code"], first["param"]) == (403, "missing_scope", "explain")
    assert [each.status_code for each in asked[1:]] == [400, 400]  # this server was put together without explainer
    assert closed.post(ROUTE, {"text": "a"}, headers=bearer(secrets[0])).status_code == 200


def test_a_key_is_sent_as_bearer_or_as_x_api_key(closed: Client, secrets: dict[KeyScope, str]) -> None:
    secret = secrets["predict"]
    other = {"x-api-key": secret}
    for headers in (bearer(secret), other, {"authorization": "Basic eDp5", **other}):
        assert closed.post(ROUTE, {"text": "a"}, headers=headers).status_code == 200
    assert closed.post(ROUTE, {"text": "a"}, headers={**bearer("wrong"), **other}).status_code == 401
    for wrong in (secret[:-1], secret + "x", secret.split("_", 2)[2], "fh_", "fh__", "fh_\udce9_x"):
        sent = {"authorization": b"Bearer " + wrong.encode("utf-8", "surrogateescape")}
        assert closed.post(ROUTE, {"text": "a"}, headers=sent).status_code == 401


def test_the_token_goes_on_as_an_admin(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], secrets: dict[KeyScope, str]
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), token="t", rate=0.001)) as client:
        for _ in range(3):
            response = client.get("/metrics", headers=bearer("t"))
            assert response.status_code == 200
            assert "x-ratelimit-limit-requests" not in response.headers
        assert client.post(ROUTE, {"text": "a"}, headers=bearer(secrets["predict"])).status_code == 200


def test_probes_are_open_and_tell_only_an_admin_more(closed: Client, secrets: dict[KeyScope, str]) -> None:
    assert closed.get("/livez").json() == {"alive": True}
    for headers in ({}, bearer("wrong"), bearer(secrets["predict"])):
        assert closed.get("/readyz", headers=headers).json() == {"ready": True}
    assert list(closed.get("/readyz", headers=bearer(secrets["admin"])).json()["tasks"]) == ["banking"]


def test_a_server_that_is_not_ready_names_no_task_to_a_probe(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    secret = shelf.make_key("ops", scopes=["admin"]).secret
    with Client(make_app(Served(task, shelf))) as client:
        assert "banking" not in client.get("/readyz").text
        assert client.get("/readyz").status_code == 503
        assert "`banking`" in client.get("/readyz", headers=bearer(secret)).json()["error"]["message"]


# keys come and go while the server runs


def until(client: Client, secret: str, status: int) -> None:
    client.headers = bearer(secret)
    client.wait_for("/v1/models", lambda response: response.status_code == status)
    client.headers = {}


def test_a_first_key_closes_an_open_server_and_the_last_ones_end_does_not_open_it(
    client: Client, shelf: Registry
) -> None:
    assert client.get("/v1/models").status_code == 200
    key, secret = shelf.make_key("web", scopes=["predict"])
    client.wait_for("/v1/models", lambda response: response.status_code == 401)
    until(client, secret, 200)
    shelf.revoke_key(key.id)
    until(client, secret, 401)
    assert client.get("/v1/models").status_code == 401


def test_a_server_beyond_loopback_is_closed_without_any_key(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), host="0.0.0.0")) as client:
        assert client.get("/v1/models").status_code == 401
        assert client.get("/livez").status_code == 200
        _, secret = shelf.make_key("web", scopes=["predict"])
        until(client, secret, 200)


def test_rotation_lets_both_keys_in_for_a_while(shelf: Registry) -> None:
    time = datetime.now(UTC)
    ring = Keyring({"banking": shelf}, clock=lambda: time.isoformat(timespec="microseconds"))
    old, first = shelf.make_key("web", scopes=["predict"])
    _, second = shelf.rotate_key(old.id, grace=timedelta(hours=1))
    ring.load()
    assert ring.find(first)
    assert ring.find(second)
    time += timedelta(hours=2)
    assert not ring.find(first), "a key ends by the clock, whenever the registry was read last"
    assert ring.find(second)


def test_what_cannot_be_read_leaves_the_keys_as_they_were(
    shelf: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        failing = False

        def __getattr__(self, name: str) -> object:
            if self.failing:
                raise StorageError("The database is gone.")
            return getattr(shelf, name)

    broken = Broken()
    _, secret = shelf.make_key("web", scopes=["predict"])
    ring = Keyring({"banking": broken})  # type: ignore[dict-item]
    ring.poll()
    assert ring.find(secret)
    broken.failing = True
    for _ in range(2):
        ring.poll()
        ring.write_used()
    assert ring.find(secret)
    assert caplog.text.count("The database is gone.") == 1


def test_the_last_use_is_written_apart_from_requests(shelf: Registry) -> None:
    key, secret = shelf.make_key("web", scopes=["predict"])
    ring = Keyring({"banking": shelf, "mail": shelf}, clock=lambda: "2026-01-05T00:00:00")
    ring.load()
    ring.find(secret)
    assert shelf.all_keys()[0].used == ""
    shelf.revoke_key(key.id)
    ring.poll()
    ring.write_used()
    assert [(each.id, each.used) for each in shelf.all_keys()] == [(key.id, "2026-01-05T00:00:00")]


def test_a_server_that_ends_writes_the_last_use(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    _, secret = shelf.make_key("web", scopes=["predict"])
    with Client(make_app(Served(task, shelf)), headers=bearer(secret)) as client:
        assert client.get("/v1/models").status_code == 200
    assert shelf.all_keys()[0].used


# one server, several tasks


@pytest.fixture
def two(
    shelf: Registry, task: Task, tmp_path: Path, make_app: Callable[..., Rim]
) -> Iterator[tuple[Client, Registry]]:
    """A server of `banking` and `mail`, each with its own state."""
    release(shelf, task)
    mail = make_task(tmp_path / "mail", name="mail")
    with Registry.open(tmp_path / "other") as other:
        release(other, mail)
        shelf.make_key("first", scopes=["review"])
        with Client(make_app(Served(task, shelf), Served(mail, other))) as client:
            yield client, other


def test_a_key_is_good_for_the_tasks_of_its_own_registry(two: tuple[Client, Registry], shelf: Registry) -> None:
    client, _ = two
    _, secret = shelf.make_key("all", scopes=["admin"])
    until(client, secret, 200)
    mine = bearer(secret)
    assert [model["id"] for model in client.get("/v1/models", headers=mine).json()["data"]] == ["banking@1"]
    assert client.post(ROUTE, {"text": "a"}, headers=mine).status_code == 200
    question = {"type": "predicate", "name": "urgent", "instructions": "Is it urgent?"}
    decision = {"model": "mail", "input": "a", "questions": [question]}
    asked = {"urgent": {"type": "noul", "instructions": "Is it urgent?"}}
    messages = [{"role": "user", "content": "a"}]
    for response in (
        client.post("/v1/tasks/mail", {"text": "a"}, headers=mine),
        client.post("/v1/tasks/mail/feedback", {}, headers=mine),
        client.get("/v1/models/mail", headers=mine),
        client.get("/models/mail", headers=mine),
        client.post("/v1/decisions", decision, headers=mine),
        client.post("/v1/systemone", {"model": "mail", "state": "a", "questions": asked}, headers=mine),
        client.post("/v1/chat/completions", {"model": "mail@1", "messages": messages}, headers=mine),
        client.post("/v1/embeddings", {"model": "mail", "input": "a"}, headers=mine),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (403, "task_not_allowed")
    assert client.get("/metrics", headers=mine).json()["error"]["code"] == "missing_scope"
    assert client.get("/readyz", headers=mine).json() == {"ready": True}
    assert "mail" not in client.get("/openapi.json", headers=mine).text
    assert "mail" not in client.post("/v1/tasks/mai", {}, headers=mine).json()["error"]["message"]


def test_a_shared_database_makes_a_key_good_for_all_its_tasks(
    shelf: Registry, task: Task, tmp_path: Path, make_app: Callable[..., Rim]
) -> None:
    mail = make_task(tmp_path / "mail", name="mail")
    release(shelf, task)
    release(shelf, mail)
    _, secret = shelf.make_key("all", scopes=["admin"])
    with Client(make_app(Served(task, shelf), Served(mail, shelf)), headers=bearer(secret)) as client:
        for path in (ROUTE, "/v1/tasks/mail"):
            assert client.post(path, {"text": "a"}).status_code == 200
        assert client.get("/metrics").status_code == 200


# rates


def test_a_key_that_asks_too_often_is_told_when_to_come_back(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    _, secret = shelf.make_key("web", scopes=["predict"])
    _, other = shelf.make_key("other", scopes=["predict"])
    with Client(make_app(Served(task, shelf), rate=0.001)) as client:
        first = client.post(ROUTE, {"text": "a"}, headers=bearer(secret))
        assert first.status_code == 200
        assert first.headers["x-ratelimit-limit-requests"] == "1"
        assert first.headers["x-ratelimit-remaining-requests"] == "0"
        assert first.headers["x-ratelimit-reset-requests"] == "16m40s"
        second = client.post(ROUTE, {"text": "a"}, headers=bearer(secret))
        error = second.json()["error"]
        assert (second.status_code, error["type"]) == (429, "rate_limit_error")
        assert error["code"] == "rate_limit_exceeded"
        assert 990 <= int(second.headers["retry-after"]) <= 1000
        assert second.headers["x-ratelimit-remaining-requests"] == "0"
        refused = client.get("/metrics", headers=bearer(other))
        assert (refused.status_code, refused.headers["x-ratelimit-remaining-requests"]) == (403, "0")
        assert client.get("/readyz", headers=bearer(secret)).status_code == 200


def test_a_rate_of_nought_is_no_limit(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], secrets: dict[KeyScope, str]
) -> None:
    with Client(make_app(Served(task, shelf), rate=0), headers=bearer(secrets["predict"])) as client:
        response = client.get("/v1/models")
        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("x-ratelimit")]


# the operator


def test_a_server_that_nobody_could_ask_does_not_start(
    shelf: Registry, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FREEHOLD_TOKEN", raising=False)
    key, _ = shelf.make_key("web", scopes=["predict"])
    shelf.revoke_key(key.id)
    with pytest.raises(UserError, match="no token and no key") as caught:
        serve([Served(task, shelf)], inbox=freehold.feedback, host="0.0.0.0", port=0)
    command = f"freehold keys create {task.folder} --state {shelf.state} --name NAME"
    assert command in caught.value.hint


def test_a_server_beyond_loopback_starts_with_a_key(
    shelf: Registry, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FREEHOLD_TOKEN", raising=False)
    shelf.make_key("web", scopes=["predict"])
    with pytest.raises(UserError, match="cannot listen on"):  # past the check of keys
        serve([Served(task, shelf)], inbox=freehold.feedback, host="203.0.113.9", port=0)


def test_no_secret_gets_out(
    closed: Client,
    shelf: Registry,
    secrets: dict[KeyScope, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for secret in (*secrets.values(), "fh_0123_unknown-secret"):
        for headers in (bearer(secret), {"x-api-key": secret}):
            for path in ("/v1/models", "/metrics", "/readyz", "/nowhere"):
                said.append(closed.get(path, headers=headers).text)
            said.append(closed.post(ROUTE, {"text": "boom"}, headers=headers).text)
    said.append(closed.get("/metrics", headers=bearer(secrets["admin"])).text)
    engine = sa.create_engine(read_address(shelf.state))
    with engine.connect() as connection:
        said += [str(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))]
    engine.dispose()
    for secret in (*secrets.values(), "fh_0123_unknown-secret"):
        assert secret.split("_", 2)[2] not in "\n".join((*said, caplog.text))
    assert f"caller={shelf.all_keys()[0].id}" in caplog.text


def test_refusals_are_counted_by_reason(closed: Client, secrets: dict[KeyScope, str]) -> None:
    closed.get("/v1/models")
    closed.get("/metrics", headers=bearer(secrets["predict"]))
    closed.get("/metrics", headers={"host": "evil.example"})
    closed.post(ROUTE, {}, headers=bearer(secrets["predict"]))
    text = closed.get("/metrics", headers=bearer(secrets["admin"])).text
    (family,) = (each for each in text_string_to_metric_families(text) if each.name == "freehold_refused")
    counts = {each.labels["reason"]: each.value for each in family.samples if each.name.endswith("_total")}
    assert counts == {"invalid_token": 1, "missing_scope": 1, "host_not_allowed": 1}
