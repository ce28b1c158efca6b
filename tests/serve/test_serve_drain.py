"""SIGTERM: whoever got through is answered, the probes say so at once, batches go on after the next start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.serve.bank import Client, WordReader, listening, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROOT = Path(__file__).resolve().parents[2]
ROUTE = "/v1/tasks/banking"
PROBE = b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@contextmanager
def server(shelf: Registry, task: Task) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Runs a server whose model takes its time in a process of its own, and gives its URL."""
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.serve.batch_server", str(shelf.state), str(task.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "FREEHOLD_TOKEN": ""},
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10)


def read(connection: socket.socket) -> bytes:
    """Returns one answer with a body."""
    found = b""
    while not found.rpartition(b"\r\n\r\n")[2]:
        found += connection.recv(65536)
    return found


def read_all(connection: socket.socket) -> bytes:
    """Returns everything until the server hangs up."""
    with connection:
        found = b""
        while part := connection.recv(65536):
            found += part
        return found


class Load:
    """Clients that ask until they are refused."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ended = threading.Event()
        self.seen: Counter[str] = Counter()

    def ask_anew(self) -> None:
        """With a connection each."""
        while not self.ended.is_set():
            with httpx.Client(base_url=self.url, timeout=30) as client:
                self._ask(client)

    def ask_on(self) -> None:
        """With one connection, as long as it is kept."""
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.ended.is_set():
                self._ask(client)

    def _ask(self, client: httpx.Client) -> None:
        try:
            response = client.post(ROUTE, json=[{"text": "lost"}, {"text": "top"}])
        except httpx.ConnectError:
            self.seen["refused"] += 1
            self.ended.set()
        except httpx.HTTPError as error:
            self.seen[f"{type(error).__name__}: {error}"] += 1
        else:
            answers = [each["answers"]["intent"]["value"] for each in response.json()]
            self.seen[f"{response.status_code} {answers}"] += 1


def test_no_request_that_got_through_fails_when_the_server_is_told_to_end(shelf: Registry, task: Task) -> None:
    release(shelf, task)
    with server(shelf, task) as (process, url):
        load = Load(url)
        with ThreadPoolExecutor(16) as pool:
            work = [pool.submit(ask) for ask in (load.ask_anew, load.ask_on) for _ in range(8)]
            time.sleep(1.5)
            before = load.seen.total()
            process.send_signal(signal.SIGTERM)
            for each in work:
                each.result(30)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    answered = load.seen.pop("200 ['lost_card', 'top_up']")
    assert before > 16, "there was load"
    assert answered >= before
    assert set(load.seen) == {"refused"}, load.seen
    assert len(shelf.requests("banking", limit=10**6)) == 2 * answered, "each was recorded, none without an answer"


def test_the_probe_says_at_once_that_the_server_ends(shelf: Registry, task: Task) -> None:
    """Over a connection that was open before: nobody gets a new one."""
    release(shelf, task)
    with server(shelf, task) as (process, url):
        probes = [connect(url) for _ in range(2)]
        probes[0].sendall(PROBE)
        assert read(probes[0]).startswith(b"HTTP/1.1 200")
        held = connect(url)
        body = b'{"text": "lost"}'
        held.sendall(f"POST {ROUTE} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 16\r\n\r\n".encode())
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
        for probe in probes:  # one that was used before, and one that was not
            probe.sendall(PROBE)
            said = read_all(probe)
            assert said.startswith(b"HTTP/1.1 503"), said
            assert b"\r\nconnection: close\r\n" in said
            assert b'"code":"not_ready"' in said
        time.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            connect(url)
        time.sleep(1.5)
        held.sendall(body)  # long after: its head was there in time
        assert read_all(held).startswith(b"HTTP/1.1 200")
        assert process.wait(20) == 0


def test_a_server_without_connections_ends_at_once(shelf: Registry, task: Task) -> None:
    release(shelf, task)
    with server(shelf, task) as (process, url):
        assert httpx.get(f"{url}/livez").status_code == 200
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - begun < 3


def test_connections_that_say_nothing_do_not_hold_the_end_up(shelf: Registry, task: Task) -> None:
    release(shelf, task)
    with server(shelf, task) as (process, url):
        idle = [connect(url) for _ in range(20)]
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(8) == 0
        for each in idle:
            assert read_all(each) == b""


def test_a_batch_goes_on_after_the_next_start(shelf: Registry, task: Task) -> None:
    release(shelf, task)
    rows = [{"custom_id": f"r{n}", "method": "POST", "url": ROUTE, "body": {"text": f"{n}"}} for n in range(1_500)]
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    with server(shelf, task) as (process, url):
        file = httpx.post(f"{url}/v1/files", files={"file": ("a", content)}, data={"purpose": "batch"}).json()[
            "id"
        ]
        made = {"input_file_id": file, "endpoint": ROUTE, "completion_window": "24h"}
        id = httpx.post(f"{url}/v1/batches", json=made).json()["id"]
        for _ in range(500):
            counts = httpx.get(f"{url}/v1/batches/{id}").json()["request_counts"]
            if counts["completed"]:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert 0 < counts["completed"] < 1_500
    with server(shelf, task) as (_, url):
        for _ in range(1_000):
            batch = httpx.get(f"{url}/v1/batches/{id}").json()
            if batch["status"] == "completed":
                break
            time.sleep(0.02)
        text = httpx.get(f"{url}/v1/files/{batch['output_file_id']}/content").text
    assert [json.loads(line)["custom_id"] for line in text.splitlines()] == [f"r{n}" for n in range(1_500)]
    assert len(shelf.requests("banking", limit=10**6)) == 1_500


def test_it_is_ready_only_when_the_model_has_answered(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gate = threading.Event(), threading.Event()
    answer = WordReader.predict

    def predict(self: WordReader, *args: object, **options: object) -> object:
        asked.set()
        assert gate.wait(10)
        return answer(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(WordReader, "predict", predict)
    with Client(make_app(Served(task, shelf))) as client:
        release(shelf, task)
        assert asked.wait(10), "the first question is the server's own"
        for _ in range(3):
            assert client.get("/readyz").status_code == 503
            assert client.post(ROUTE, {"text": "a"}).status_code == 503
        gate.set()
        client.wait_for("/readyz", lambda response: response.status_code == 200)
        assert client.post(ROUTE, {"text": "a"}).status_code == 200


def test_a_server_opens_its_door_after_the_first_answer(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    app = make_app(Served(task, shelf), opened=readers)
    assert readers[0].batches == [1]
    with listening(app) as url:
        assert httpx.get(f"{url}/readyz").status_code == 200
