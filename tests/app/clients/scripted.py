"""A server that says what it is told to say, and remembers when it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

__all__ = ["PREDICTION", "Reply", "Script", "scripted"]

PREDICTION = '{"task": "odd-desk", "model": "odd-desk@1", "request": "r", "answers": {}}'


class Reply(NamedTuple):
    """One answer. `close` ends the connection after it without a word; `delay` is in seconds."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: str = PREDICTION
    close: bool = False
    delay: float = 0.0

    @classmethod
    def fault(cls, status: int, code: str, **headers: str) -> Reply:
        body = f'{{"error": {{"message": "No.", "type": "t", "param": null, "code": "{code}"}}}}'
        return cls(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@dataclass
class Script:
    """What happens: the replies that are left, the last one again and again; when and on how many connections."""

    url: str
    replies: list[Reply]
    times: list[float] = field(default_factory=list)
    connections: int = 0


@contextmanager
def scripted(replies: Sequence[Reply]) -> Iterator[Script]:
    """Runs the server in threads."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            script.connections += 1
            super().setup()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            script.times.append(time.monotonic())
            reply = script.replies.pop(0) if len(script.replies) > 1 else script.replies[0]
            stopped.wait(reply.delay)
            content = reply.body.encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = self.close_connection or reply.close

        def log_message(self, *_: Any) -> None:
            pass

    stopped = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = Script(f"http://127.0.0.1:{server.server_port}", list(replies))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        stopped.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
