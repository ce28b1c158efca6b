"""Around Ray's proxy: clients see one server, whatever Ray adds. Ray's habits are played here by a double."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.serve.bank import Client, release

from freehold.errors import MissingExtraError, OperatorError, UserError
from freehold.registry import Registry
from freehold.serve import Served, Settings, replicas, serve_replicas
from freehold.serve.relay import ProxySide, ReplicaSide
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/tasks/banking"


class RaysProxy:
    """Does what Ray's proxy does: an id of its own on each request and answer, its own routes and words."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.seen: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen = list(scope["headers"])
        names = {name for name, _ in self.seen}
        if b"x-request-id" not in names:
            scope = {**scope, "headers": [*self.seen, (b"x-request-id", b"rays")]}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"X-Request-ID", b"rays")]
            await send(message)

        if self.app is not None:
            await self.app(scope, receive, answer)
        elif scope["path"] != "/dies":
            await answer({"type": "http.response.start", "status": 404, "headers": []})
            await answer({"type": "http.response.body", "body": b"Path not found. Ping /-/routes."})


def ask(app: Any, method: str, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


@pytest.fixture
def proxied(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Any:
    """Returns the client of an app behind the double, and the double."""
    release(shelf, task)
    rim = make_app(Served(task, shelf))
    proxy = RaysProxy(ReplicaSide(rim))
    with Client(rim) as client:
        client.app = ProxySide(proxy)  # type: ignore[assignment]  # its lifespan stays that of the rim
        yield client, proxy


def test_an_answer_has_the_one_id_that_the_server_gave(proxied: Any, shelf: Registry) -> None:
    client, _ = proxied
    said = client.post(ROUTE, {"text": "top up"})
    assert said.status_code == 200
    (id,) = said.headers.get_list("x-request-id")
    assert id != "rays"
    assert said.json()["request"] == id
    assert "x-freehold-replica" not in said.headers
    again = client.post(ROUTE, {"text": "top up"})
    assert again.headers["x-request-id"] != id, "an id that Ray made was not chosen by the client"


def test_a_client_chooses_its_id_as_ever(proxied: Any) -> None:
    client, _ = proxied
    said = client.post(ROUTE, {"text": "top up"}, headers={"X-Request-ID": "mine"})
    assert said.headers.get_list("x-request-id") == ["mine"]
    other = client.post(ROUTE, {"text": "another"}, headers={"x-request-id": "mine"})
    assert other.json()["error"]["code"] == "request_id_taken"
    wrong = client.post(ROUTE, {"text": "top up"}, headers={"x-request-id": "m ine"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_request_id")


@pytest.mark.parametrize(
    "name",
    [
        "serve_multiplexed_model_id",
        "Serve-Multiplexed-Model-Id",
        "x-session-id",
        "x-request-timeout-seconds",
        "x-request-disconnect-disabled",
        "x-serve-router-any",
        "x-freehold-request-id",
    ],
)
def test_nobody_tells_ray_what_to_do(proxied: Any, name: str) -> None:
    client, proxy = proxied
    said = client.post(ROUTE, {"text": "top up"}, headers={name: "1"})
    assert said.status_code == 200
    assert name.lower().encode() not in {key.lower() for key, _ in proxy.seen}


def test_rays_own_routes_are_none() -> None:
    proxy = RaysProxy(None)
    said = ask(ProxySide(proxy), "GET", "/-/routes")
    assert (said.status_code, said.json()["error"]["code"]) == (404, "unknown_route")
    assert proxy.seen == [], "it was not asked"


@pytest.mark.parametrize("path", ["/v1/models", "/dies"])
def test_where_no_replica_answers_the_error_has_our_shape(path: str) -> None:
    said = ask(ProxySide(RaysProxy(None)), "GET", path)
    assert said.status_code == 503
    assert said.json()["error"]["code"] == "not_ready"
    assert said.headers["retry-after"] == "1"
    assert said.headers["connection"] == "close"
    assert len(said.headers.get_list("x-request-id")) == 1


def test_other_traffic_passes() -> None:
    passed = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    for side in (ProxySide(app), ReplicaSide(app)):
        asyncio.run(side({"type": "lifespan"}, nothing, nothing))
    assert passed == ["lifespan", "lifespan"]


def test_replicas_share_what_one_server_may_do() -> None:
    one = Settings(rate=10, upstream_limit=3, threads=8)
    shares = [one.share(count) for count in (2, 5)]
    assert [each.rate for each in shares] == [5, 2]
    assert [each.upstream_limit for each in shares] == [1, 1]
    assert [each.threads for each in shares] == [4, 1]
    assert Settings(threads=2).share(5).threads == 1
    assert one.share(1).rate == 10


@pytest.mark.parametrize("count", [0, -1, 65])
def test_how_many_is_said_where_it_is_wrong(count: int) -> None:
    with pytest.raises(UserError, match=rf"`--replicas` is {count}; it is a number from 1 to 64\."):
        serve_replicas([], replicas=count, inbox=None)  # type: ignore[arg-type]


class _Ray:
    """Stands for the module ray, which is there at these looks and then no more: its nodes are dead, or silent."""

    def __init__(self, looks: str) -> None:
        self.looks = looks

    def nodes(self) -> list[dict[str, bool]]:
        look, self.looks = self.looks[0], self.looks[1:]
        if look == "s":
            raise RuntimeError("nobody answers")
        return {"a": [{"Alive": False}, {"Alive": True}], "d": [{"Alive": False}], "n": []}[look]


@pytest.mark.parametrize("looks", ["ddd", "sss", "nsd", "ddassd"])
def test_it_is_seen_that_ray_is_gone(looks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "_LOOK_SECONDS", 0.001)
    ray = _Ray(looks)
    with pytest.raises(OperatorError, match="Ray ended, and the replicas with it"):
        replicas._watch(ray, replicas._Ended())
    assert ray.looks == "", "not before it was missed three times in a row"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such names")
def test_two_that_start_do_not_take_one_port() -> None:
    with replicas._claimed("127.0.0.1", 0) as port:
        refused = pytest.raises(UserError, match=f"Port {port} is taken by a server that is starting")
        with refused as caught, replicas._claimed("127.0.0.1", port):
            pass
        assert f"--port {port + 1}" in caught.value.hint
        with socket.create_server(("127.0.0.1", port), reuse_port=True):  # as Ray's proxy does
            pass
    with replicas._claimed("127.0.0.1", port) as again:
        assert again == port


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError) as caught:
        serve_replicas([], inbox=None)  # type: ignore[arg-type]
    assert "freehold[ray]" in caught.value.hint


def test_other_machines_need_a_key_here_too(shelf: Registry, task: Task) -> None:
    with pytest.raises(UserError, match="there is no token and no key"):
        serve_replicas([Served(task, shelf)], inbox=None, host="0.0.0.0")  # type: ignore[arg-type]


def test_what_stands_in_rays_processes_is_found_by_its_name() -> None:
    code = "from freehold.serve.relay import proxy_side; print([each.cls.__name__ for each in proxy_side()])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['ProxySide']\n"
