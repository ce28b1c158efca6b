"""A remote model that breaks in every way that is known to happen: raw sockets, in a thread of its own.

Each fault is a function that has the request and the connection. What is not broken answers like an
OpenAI-compatible server does, with values that fit the schema that it was sent.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.serve.bank import INTENTS

VALUES = {"intent": "top_up", "urgent": True, "mood": 3, "amount": 5}
USAGE = {"prompt_tokens": 100, "completion_tokens": 10}


@dataclass
class Call:
    """One request: its head, its body, and the connection that it came on."""

    head: bytes
    body: Any
    writer: asyncio.StreamWriter
    server: Faulty
    number: int

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def abort(self) -> None:
        """Ends the connection with a reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def content(self) -> bytes:
        wanted = self.body["response_format"]["json_schema"]["schema"]["required"]
        return completion({name: self.server.values[name] for name in wanted})


Fault = Callable[[Call], Awaitable[None]]


def completion(values: Any, *, usage: Any = USAGE) -> bytes:
    text = values if isinstance(values, str) else json.dumps(values)
    message = {"role": "assistant", "content": text}
    return json.dumps(
        {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    ).encode()


def reply(
    body: bytes, *, status: str = "200 OK", kind: str = "application/json", length: int = -1, more: str = ""
) -> bytes:
    size = len(body) if length < 0 else length
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\n{more}\r\n".encode() + body


CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"


def status(line: str, more: str = "") -> Fault:
    async def fail(call: Call) -> None:
        await call.send(reply(b'{"error": {"message": "the body of an error"}}', status=line, more=more))

    return fail


async def healthy(call: Call) -> None:
    await call.send(reply(call.content()))


async def slow(call: Call) -> None:
    await asyncio.sleep(1.0)
    await healthy(call)


async def flapping(call: Call) -> None:
    await (status("500 Oops") if call.number % 2 else healthy)(call)


async def reset(call: Call) -> None:
    call.abort()


async def reset_mid_body(call: Call) -> None:
    await call.send(reply(call.content()[:20], length=4000))
    await asyncio.sleep(0.05)
    call.abort()


async def hang_up(call: Call) -> None:
    call.writer.close()


async def stall(call: Call) -> None:
    await asyncio.sleep(30)


async def stall_mid_body(call: Call) -> None:
    body = call.content()
    await call.send(reply(body[:20], length=len(body)))
    await asyncio.sleep(30)


async def cut(call: Call) -> None:
    body = call.content()
    await call.send(reply(body[:20], length=len(body)))
    call.writer.close()


async def malformed_chunk(call: Call) -> None:
    await call.send(CHUNKED + b"zz\r\n" + call.content() + b"\r\n0\r\n\r\n")


async def missing_terminator(call: Call) -> None:
    body = call.content()
    await call.send(CHUNKED + b"%x\r\n%s\r\n" % (len(body), body))
    call.writer.close()


async def never_ending(call: Call) -> None:
    body = call.content()
    await call.send(CHUNKED + b"%x\r\n%s\r\n" % (len(body), body))
    await asyncio.sleep(30)


async def trickle(call: Call) -> None:
    await call.send(reply(b"", length=100_000))
    for _ in range(600):
        await call.send(b" ")
        await asyncio.sleep(0.05)


async def oversized(call: Call) -> None:
    await call.send(reply(b"{", length=10**9))
    await asyncio.sleep(30)


async def oversized_chunks(call: Call) -> None:
    await call.send(CHUNKED)
    for _ in range(100):
        await call.send(b"%x\r\n%s\r\n" % (1 << 16, b" " * (1 << 16)))


async def html(call: Call) -> None:
    await call.send(reply(call.content(), kind="text/html"))


async def wrong_schema(call: Call) -> None:
    await call.send(reply(completion({"intent": "buy_bitcoin", "mood": "3"})))


async def no_json(call: Call) -> None:
    await call.send(reply(b'{"choices": [{"mess'))


async def no_http(call: Call) -> None:
    await call.send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    call.writer.close()


async def squeezed(call: Call) -> None:
    await call.send(reply(call.content(), more="content-encoding: gzip\r\n"))


FAULTS: Mapping[str, tuple[Fault, str]] = {
    "429": (status("429 Slow Down"), "rate_limited"),
    "429 with retry-after": (status("429 Slow Down", "retry-after: 3600\r\n"), "rate_limited"),
    "429 with a date": (status("429 Slow Down", "retry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\n"), "rate_limited"),
    "500": (status("500 Oops"), "server_error"),
    "503": (status("503 Away", "retry-after: 600\r\n"), "server_error"),
    "401": (status("401 Who"), "refused"),
    "a redirect": (status("307 Elsewhere", "location: /v1/chat/completions\r\n"), "refused"),
    "reset": (reset, "reset"),
    "reset mid-body": (reset_mid_body, "cut"),
    "hung up": (hang_up, "reset"),
    "stall before headers": (stall, "timeout"),
    "stall mid-body": (stall_mid_body, "timeout"),
    "cut stream": (cut, "cut"),
    "malformed chunk": (malformed_chunk, "malformed"),
    "missing terminator": (missing_terminator, "cut"),
    "missing terminator, kept open": (never_ending, "timeout"),
    "slow trickle": (trickle, "timeout"),
    "wrong content type": (html, "content_type"),
    "oversized body": (oversized, "too_large"),
    "oversized chunks": (oversized_chunks, "too_large"),
    "wrong schema": (wrong_schema, "wrong_answer"),
    "broken json": (no_json, "malformed"),
    "no http": (no_http, "malformed"),
    "squeezed": (squeezed, "malformed"),
}
"""Fault to what it is counted as. Refused connections, expired certificates and flapping are made elsewhere."""


@dataclass
class Faulty:
    """A server that has one fault, which may be changed while it runs."""

    fault: Fault = healthy
    values: dict[str, Any] = field(default_factory=lambda: dict(VALUES))
    calls: list[Call] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    come: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().lower().split("\r\n")
                size = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
                body = json.loads(await reader.readexactly(size))
                call = Call(head, body, writer, self, len(self.calls) + 1)
                self.calls.append(call)
                self.come.set()
                work = asyncio.ensure_future(self.fault(call))
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                left = not work.done()
                if left:
                    self.left.set()
                    work.cancel()
                gone.cancel()
                # Every task is asked how it ended: what nobody asks for is logged whenever garbage is collected.
                await asyncio.gather(work, gone, return_exceptions=True)
                if left:
                    break
                await work
                if writer.is_closing():
                    break
        writer.close()


@contextmanager
def upstream(fault: Fault = healthy, *, tls: ssl.SSLContext | None = None, **changes: Any) -> Iterator[Faulty]:
    """Runs such a server."""
    server = Faulty(fault, scheme="https" if tls else "http", **changes)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        listening.close()
        for call in server.calls:
            call.writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@contextmanager
def nobody() -> Iterator[str]:
    """Gives a URL at which connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:true
[req]
distinguished_name = name
[name]
"""


def certificate(folder: Path, *, until: str) -> tuple[ssl.SSLContext, Path]:
    """Makes a self-signed certificate that ends at a time (`20200102000000Z`)."""
    folder.mkdir()
    (folder / "config").write_text(CONFIG)
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01")
    new = "req -new -newkey rsa:2048 -nodes -config config -keyout key.pem -out request.pem -subj /CN=localhost"
    sign = (
        "ca -batch -selfsign -notext -config config -keyfile key.pem -in request.pem -out cert.pem "
        f"-startdate 20200101000000Z -enddate {until}"
    )
    for words in (new, sign):
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"


assert VALUES["intent"] in INTENTS
