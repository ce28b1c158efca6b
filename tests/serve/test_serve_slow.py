"""Clients that send slowly or nothing hold no connection for ever, and do not hold up the others."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import httpx
import pytest
from tests.serve.bank import WordReader, listening, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

HEAD = b"POST /v1/tasks/banking HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 40\r\n"


@pytest.fixture
def hurried(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Iterator[str]:
    """The URL of a server that waits half a second for the rest of a request."""
    release(shelf, task)
    with listening(make_app(Served(task, shelf), body_seconds=0.5), head_seconds=0.5) as url:
        yield url


def connect(url: str) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))
    made.settimeout(10)
    return made


def read_all(connection: socket.socket) -> bytes:
    """Returns everything until the server hangs up."""
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD], ids=["nothing", "a word", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(hurried: str, sent: bytes) -> None:
    with connect(hurried) as slow:
        slow.sendall(sent)
        assert read_all(slow) == b""


def test_a_second_head_that_does_not_come_ends_the_connection(hurried: str) -> None:
    with connect(hurried) as slow:
        slow.sendall(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /li")
        answer = read_all(slow)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert answer.endswith(b'{"alive":true}')


def test_a_body_that_does_not_come_is_told_so(hurried: str) -> None:
    with connect(hurried) as slow:
        slow.sendall(HEAD + b'\r\n{"text":')
        head, _, body = read_all(slow).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body)["error"]["code"] == "body_timeout"


def test_a_body_that_trickles_is_told_so(hurried: str) -> None:
    with connect(hurried) as slow:
        slow.sendall(HEAD + b"\r\n{")
        answer, begun = b"", time.monotonic()
        slow.settimeout(0.05)
        while not answer and time.monotonic() - begun < 10:
            slow.sendall(b" ")  # the pauses are short, and the body has no end
            with suppress(TimeoutError):
                answer = slow.recv(65536)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "body_timeout"


def test_a_body_may_take_longer_the_more_of_it_comes(hurried: str) -> None:
    body = json.dumps({"text": "lost " * 600}).encode()
    with connect(hurried) as slow:
        slow.sendall(HEAD.replace(b"40", str(len(body)).encode()) + b"\r\n")
        for start in range(0, len(body), 1_000):
            slow.sendall(body[start : start + 1_000])
            time.sleep(0.3)  # in all longer than half a second
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")


def test_those_who_hold_connections_do_not_hold_up_others(hurried: str) -> None:
    slow = [connect(hurried) for _ in range(200)]
    for connection in slow[::2]:
        connection.sendall(HEAD)
    with httpx.Client(base_url=hurried) as client:
        answers = [client.post("/v1/tasks/banking", json={"text": "lost"}) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    for connection in slow:
        assert read_all(connection) == b""
        connection.close()


def test_who_hangs_up_while_waiting_is_not_read(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    with listening(make_app(Served(task, shelf), opened=readers)) as url, httpx.Client(base_url=url) as client:
        readers[0].gate.clear()
        readers[0].asked.clear()
        ask = partial(client.post, "/v1/tasks/banking", json={"text": "lost"})
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(ask)
            assert readers[0].asked.wait(10)
            with connect(url) as gone:
                gone.sendall(HEAD + b"\r\n" + json.dumps({"text": "x" * 28}).encode())
                time.sleep(0.3)
            time.sleep(0.3)
            readers[0].gate.set()
            assert held.result(10).status_code == 200
        assert ask().status_code == 200
        assert 'freehold_dropped_total{task="banking"} 1.0' in client.get("/metrics").text
    assert [request.inputs["text"] for request in shelf.requests("banking")] == ["lost", "lost"]
