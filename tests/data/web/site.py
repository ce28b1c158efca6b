"""A small real web site on 127.0.0.1 that keeps a log: what was asked, when, and what became of each reply.

A reply is `complete` where the other side ended the connection in order after it, and `cut` where it was reset:
the crawler resets what it did not keep, and so does the system for a crawler that is killed.
"""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 20.0


@dataclass(frozen=True)
class Answer:
    """What a path answers. Bytes in pieces have no length before them; `raw` is sent as it is."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})
    raw: bool = False


@dataclass
class Hit:
    """A request and its end."""

    path: str
    headers: dict[str, str]
    began: float
    ended: float = 0.0
    status: int = 0
    fate: str = ""


Answerer = Callable[[Hit], Answer]


class Site:
    """Paths with what they answer, and the log."""

    def __init__(self, pages: dict[str, Answer | Answerer], *, fallback: Answerer | None = None) -> None:
        self.pages = pages
        self.fallback = fallback
        self.hits: list[Hit] = []
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def asked(self) -> list[str]:
        return [hit.path for hit in self.hits]

    def settle(self) -> None:
        """Waits until the end of every reply is known: that comes a moment after the other side has it."""
        deadline = time.monotonic() + PATIENCE
        while not all(hit.fate for hit in self.hits) and time.monotonic() < deadline:
            time.sleep(0.001)

    def count(self, path: str, *, fate: str = "complete") -> int:
        self.settle()
        return sum(hit.path == path and hit.fate == fate for hit in self.hits)

    def answer(self, hit: Hit) -> Answer:
        found = self.pages.get(hit.path, self.fallback)
        if found is None:
            return Answer(b"not here", status=404)
        return found(hit) if callable(found) else found


def page(*links: str, title: str = "", head: str = "", text: str = "") -> bytes:
    """Returns a page with links."""
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    return f"<html><head><title>{title}</title>{head}</head><body><p>{text}</p>{anchors}</body></html>".encode()


def html(*links: str, title: str = "", head: str = "", text: str = "", **headers: str) -> Answer:
    """Returns an answer that is a page; keywords are headers, with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "text/html; charset=utf-8", **named}
    return Answer(page(*links, title=title, head=head, text=text), headers=kind)


def moved(location: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": location})


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serves a site until the end."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            _handle(self.request, site)

    with _Server(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            site.settle()
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


def _handle(connection: socket.socket, site: Site) -> None:
    connection.settimeout(PATIENCE)
    head = _read_head(connection)
    if not head:
        return
    request, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    hit = Hit(request.split(" ")[1], headers, began=time.monotonic())
    site.hits.append(hit)
    answer = site.answer(hit)
    hit.status = answer.status
    try:
        _send(connection, answer, hit)
        connection.shutdown(socket.SHUT_WR)
        hit.fate = "complete" if connection.recv(1) == b"" else "confused"
    except OSError:
        hit.fate = "cut"


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    try:
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return b""
            head += piece
    except OSError:
        return b""
    return head.partition(b"\r\n\r\n")[0]


def _send(connection: socket.socket, answer: Answer, hit: Hit) -> None:
    headers = dict(answer.headers)
    if isinstance(answer.body, bytes) and not answer.raw:
        headers["Content-Length"] = str(len(answer.body))
    lines = [f"HTTP/1.1 {answer.status} OK", *(f"{name}: {value}" for name, value in headers.items())]
    if not answer.raw:
        connection.sendall(("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("latin-1"))
    if isinstance(answer.body, bytes):
        hit.ended = time.monotonic()
        connection.sendall(answer.body)
        return
    for piece in answer.body:
        hit.ended = time.monotonic()
        connection.sendall(piece)
