"""An endpoint of our own on 127.0.0.1 that answers as a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "Endpoint", "serving"]

Answer = Callable[[Mapping[str, Any]], Any]
"""From a request's body to the object to answer with, or a pair of a status and headers."""


class Endpoint:
    """A server.

    Attributes:
        bodies: What it was asked, in order.
    """

    def __init__(self, answer: Answer, *, usage: tuple[int, int] = (100, 10)) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._answer, self._usage = answer, usage
        self._lock, self._now = threading.Lock(), 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.reply(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        with self._lock:
            self.bodies.append(body)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        said = self._answer(body)
        with self._lock:
            self._now -= 1
        status, headers = said if isinstance(said, tuple) else (200, {})
        content = said if isinstance(said, str) else json.dumps(said)
        message = {"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}
        usage = {"prompt_tokens": self._usage[0], "completion_tokens": self._usage[1]}
        payload = json.dumps({**message, "usage": usage} if status == 200 else {"error": {}}).encode()
        handler.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": len(payload), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(payload)


@contextmanager
def serving(answer: Answer, *, usage: tuple[int, int] = (100, 10)) -> Iterator[Endpoint]:
    endpoint = Endpoint(answer, usage=usage)
    thread = threading.Thread(target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        thread.join()
        endpoint.server.server_close()
