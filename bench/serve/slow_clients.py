"""Clients that hold connections open and send next to nothing: `python -m bench.serve.slow_clients`.

A process of its own, as `load` is. It reads a plan, one line of JSON, opens the connections little by little, says
`ready` when all are there, opens each again that the server ends, and at the end of its standard input tells what
became of them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial

from bench.harness import ROOT

__all__ = ["KINDS", "Held", "Slow", "hold", "slow_clients"]

KINDS = ("idle", "head", "body")
"""After one request nothing more; a head a byte at a time; a head, and then a body a byte at a time."""
_SPARE = 200  # files that are no connections
_MOST = 0.99  # of them count as all: the server ends some at any time, and a new one takes a moment


@dataclass(frozen=True, slots=True)
class Slow:
    """What is held.

    Attributes:
        path: Where a body goes.
        count: Connections, as many of each kind.
        pace: Seconds between two bytes.
        spread: Seconds over which they are opened, so that they do not end all at once either.
        patience: Seconds after that until all of them must be there.
    """

    port: int
    path: str
    count: int
    pace: float = 1.0
    spread: float = 20.0
    patience: float = 30.0


@dataclass(slots=True)
class Held:
    """What became of the connections of one kind.

    Attributes:
        open: How many there are now.
        opened: How many there ever were.
        ended: How many the server ended.
        failed: How often none could be opened.
        statuses: What the server answered, and how often.
    """

    open: int = 0
    opened: int = 0
    ended: int = 0
    failed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)


@contextmanager
def slow_clients(slow: Slow) -> Iterator[Callable[[], dict[str, Held]]]:
    """Holds connections from a process of its own, all of them open inside the block.

    Yields:
        What ends them and returns what became of each kind; nothing is counted after the call.

    Raises:
        RuntimeError: They could not all be opened.
    """
    words = [sys.executable, "-m", "bench.serve.slow_clients"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        stdin, out = process.stdin, process.stdout
        assert stdin is not None
        assert out is not None
        try:
            stdin.write(json.dumps(asdict(slow)) + "\n")
            stdin.flush()
            if (said := out.readline().strip()) != "ready":
                raise RuntimeError(f"{slow.count} slow connections could not be opened: {said or 'nothing said'}")

            def end() -> dict[str, Held]:
                stdin.close()
                return {kind: Held(**held) for kind, held in json.loads(out.readline()).items()}

            yield end
        finally:
            process.kill()


async def hold(slow: Slow, held: dict[str, Held]) -> None:
    """Holds connections until it is cancelled, and counts what becomes of them in `held`."""
    clients = [
        _keep(slow, number % len(KINDS), held[KINDS[number % len(KINDS)]], wait=slow.spread * number / slow.count)
        for number in range(slow.count)
    ]
    await asyncio.gather(*clients)


async def _keep(slow: Slow, kind: int, held: Held, *, wait: float) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(wait)
    while True:
        gone = loop.create_future()
        client = partial(_Client, slow, kind, held, gone)
        try:
            transport, _ = await loop.create_connection(client, "127.0.0.1", slow.port)
        except OSError:
            held.failed += 1
            await asyncio.sleep(slow.pace)
            continue
        try:
            await gone
        finally:
            transport.abort()


class _Client(asyncio.Protocol):
    """One slow connection: some bytes at once, the others a byte at a time, for ever."""

    def __init__(self, slow: Slow, kind: int, held: Held, gone: asyncio.Future[None]) -> None:
        self._at_once, drips = _script(slow, kind)
        self._drips = iter(drips)
        self._held, self._gone, self._pace = held, gone, slow.pace
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._held.open += 1
        self._held.opened += 1
        self._transport = transport
        transport.write(self._at_once)
        self._drip()

    def data_received(self, data: bytes) -> None:
        if not self._answered:
            self._answered = True
            status = data.split(b" ", 2)[1].decode("latin-1")
            self._held.statuses[status] = self._held.statuses.get(status, 0) + 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.open -= 1
        self._held.ended += 1
        if not self._gone.done():
            self._gone.set_result(None)

    def _drip(self) -> None:
        byte = next(self._drips, None)
        if byte is not None and not self._transport.is_closing():
            self._transport.write(bytes([byte]))
            asyncio.get_running_loop().call_later(self._pace, self._drip)


def _script(slow: Slow, kind: int) -> tuple[bytes, Iterator[int]]:
    """Returns what a connection sends at once, and what drop by drop."""
    host = "HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    post = f"POST {slow.path} {host}content-type: application/json\r\n".encode()
    if KINDS[kind] == "idle":
        return f"GET /livez {host}\r\n".encode(), iter(())
    if KINDS[kind] == "head":
        return b"", itertools.chain(post, b"x-slow: ", itertools.repeat(ord("a")))
    return post + b"content-length: 100000\r\n\r\n", itertools.chain(b'{"text": "', itertools.repeat(ord("a")))


async def _run(slow: Slow) -> None:
    held = {kind: Held() for kind in KINDS}
    holding = asyncio.create_task(hold(slow, held))
    await asyncio.sleep(slow.spread)
    until = time.monotonic() + slow.patience
    while (opened := sum(each.open for each in held.values())) < _MOST * slow.count and time.monotonic() < until:
        await asyncio.sleep(0.05)
    print("ready" if opened >= _MOST * slow.count else f"{opened} are open; {held}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({kind: asdict(each) for kind, each in held.items()}), flush=True)
    holding.cancel()


def main() -> None:
    """Holds what the first line of standard input says until its end."""
    slow = Slow(**json.loads(sys.stdin.readline()))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < slow.count + _SPARE:
        print(f"the system allows {hard} open files", flush=True)
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (slow.count + _SPARE, hard))
    asyncio.run(_run(slow))


if __name__ == "__main__":
    main()
