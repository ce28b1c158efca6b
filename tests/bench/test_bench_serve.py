"""The asking side of the serving benchmark, against a server small enough to see through."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bench.harness import ROOT
from bench.serve.load import Load, Result, ask
from bench.serve.servers import free_port, running

SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500 if body == b'"no"' else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def test_a_closed_loop_counts_every_answer_and_what_was_refused(port: int) -> None:
    result = ask(Load(port, "/", ['"yes"', '"no"'], connections=2, seconds=0.3))
    assert len(result.latencies) > 10
    assert all(each > 0 for each in result.latencies)
    refused = result.refused["500"]
    assert 0 < refused < len(result.latencies)


def test_an_open_loop_asks_as_often_as_its_rate_says(port: int) -> None:
    result = ask(Load(port, "/", ['"yes"'], connections=4, seconds=0.5, rate=100, seed=1))
    again = ask(Load(port, "/", ['"yes"'], connections=4, seconds=0.5, rate=100, seed=1))
    assert len(result.latencies) == len(again.latencies)
    assert 20 < len(result.latencies) < 100


def test_it_asks_from_a_process_of_its_own(port: int) -> None:
    load = Load(port, "/", ['"yes"'], connections=1, seconds=0.1)
    ran = subprocess.run(
        [sys.executable, "-m", "bench.serve.load"],
        input=json.dumps(asdict(load)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Result(**json.loads(ran.stdout)).latencies


def test_a_server_runs_inside_its_block_alone() -> None:
    port = free_port()
    with running(["-c", SERVER, str(port)], port=port, path="/", body="{}") as server:
        assert server.cold > 0
        assert server.resident() > 1
        assert server.process.poll() is None
    assert server.process.poll() is not None


def test_a_server_that_ends_is_said_so() -> None:
    with (
        pytest.raises(RuntimeError, match="exit code is 3"),
        running(["-c", "raise SystemExit(3)"], port=free_port(), path="/", body="{}"),
    ):
        raise AssertionError("it never answered")
