"""Asks a server over HTTP as fast as it answers, or at a rate: `python -m bench.serve.load`, a process of its own.

A plan is read from standard input and the result written to standard output, both JSON. Raw sockets with
kept-alive connections, so that the asking costs little on the cores that it shares with the server.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.harness import ROOT

__all__ = ["BROKEN", "Load", "Result", "ask", "ask_apart"]

BROKEN = "broken"
"""Stands for a status where the connection ended before an answer was there."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked.

    Attributes:
        bodies: JSON bodies, asked in turn.
        connections: How many ask at once.
        seconds: How long.
        rate: Requests a second, at random moments; 0 asks again as soon as an answer is there.
    """

    port: int
    path: str
    bodies: Sequence[str]
    connections: int
    seconds: float
    rate: float = 0.0
    seed: int = 0


@dataclass(slots=True)
class Result:
    """What came of it: latencies in seconds, from the moment that a request was due; other statuses than 200.

    A request whose connection broke has no latency; it is among `refused`, as `broken`.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


def ask(load: Load) -> Result:
    """Returns what came of a load."""
    return asyncio.run(_ask(load))


def ask_apart(load: Load) -> Result:
    """Returns what came of a load that a process of its own asks.

    Raises:
        RuntimeError: That process failed; the text is the end of what it said.
    """
    words = [sys.executable, "-m", "bench.serve.load"]
    given = json.dumps(asdict(load))
    ran = subprocess.run(words, input=given, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{load.connections} connections: {ran.stderr[-500:]}")
    return Result(**json.loads(ran.stdout))


async def _ask(load: Load) -> Result:
    result = Result()
    requests = [_request(load.path, body) for body in load.bodies]
    due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    begin = time.perf_counter()
    end = begin + load.seconds
    if load.rate:
        dice, moment = random.Random(load.seed), begin
        count = 0
        while (moment := moment + dice.expovariate(load.rate)) < end:
            due.put_nowait((count, moment))
            count += 1
    workers = [_worker(load, requests, due, result, begin, end, place) for place in range(load.connections)]
    await asyncio.gather(*workers)
    result.seconds = time.perf_counter() - begin
    return result


async def _worker(
    load: Load,
    requests: Sequence[bytes],
    due: asyncio.Queue[tuple[int, float]],
    result: Result,
    begin: float,
    end: float,
    place: int,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    number = place
    try:
        while True:
            if load.rate:
                if due.empty():
                    return
                number, moment = due.get_nowait()
                await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            else:
                moment = time.perf_counter()
                if moment >= end:
                    return
                number += load.connections
            try:
                writer.write(requests[number % len(requests)])
                status = await _read(reader)
                result.latencies.append(time.perf_counter() - moment)
            except (OSError, EOFError):
                status = BROKEN
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
            if status != "200":
                result.refused[status] = result.refused.get(status, 0) + 1
    finally:
        writer.close()


def _request(path: str, body: str) -> bytes:
    content = body.encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


async def _read(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length:")[2].partition("\r\n")[0]
    await reader.readexactly(int(length))
    return head.split(" ", 2)[1]


def main() -> None:
    """Reads a load from standard input and writes its result to standard output."""
    plan: Mapping[str, Any] = json.load(sys.stdin)
    json.dump(asdict(ask(Load(**plan))), sys.stdout)


if __name__ == "__main__":
    main()
