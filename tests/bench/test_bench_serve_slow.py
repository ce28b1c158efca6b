"""Clients that hold connections open, against a server that ends some of them; and the arithmetic of the soak."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from bench.intervals import Interval
from bench.serve.__main__ import main
from bench.serve.asking import quantile, refusals
from bench.serve.load import BROKEN, Load, Result, ask
from bench.serve.servers import free_port, running
from bench.serve.slow_clients import Held, Slow, hold, slow_clients
from bench.serve.soak import Sample, growth, settled

SERVER = """
import asyncio, sys
async def answer(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    if b"/broken" not in head:
        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")
        await asyncio.sleep(0.3)
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""
"""Answers a head, then hangs up; who sends no head is never hung up on."""


@contextmanager
def serving() -> Iterator[int]:
    port = free_port()
    with running(["-c", SERVER, str(port)], port=port, path="/", body="{}"):
        yield port


def test_connections_that_the_server_ends_are_opened_again() -> None:
    async def watched(port: int) -> dict[str, Held]:
        held = {kind: Held() for kind in ("idle", "head", "body")}
        holding = asyncio.create_task(hold(Slow(port, "/", 6, pace=0.05, spread=0.1), held))
        async with asyncio.timeout(10):
            while held["idle"].ended < 4 or sum(each.open for each in held.values()) < 6:
                await asyncio.sleep(0.01)
        found = {kind: Held(each.open, each.opened, each.ended) for kind, each in held.items()}
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
        return found

    with serving() as port:
        held = asyncio.run(watched(port))
    assert {kind: each.open for kind, each in held.items()} == {"idle": 2, "head": 2, "body": 2}
    assert held["head"] == Held(open=2, opened=2, ended=0), "a head that never ends is waited for"
    assert held["idle"].opened == held["idle"].ended + held["idle"].open


def test_they_are_held_from_a_process_of_its_own() -> None:
    with serving() as port, slow_clients(Slow(port, "/", 9, pace=0.05, spread=0.1)) as end:
        held = end()
    assert sum(each.opened for each in held.values()) >= 9
    assert held["idle"].statuses.keys() == {"200"}
    assert held["head"].statuses == {}


def test_nobody_to_connect_to_is_said_so() -> None:
    slow = Slow(free_port(), "/", 3, spread=0.0, patience=0.1)
    with pytest.raises(RuntimeError, match="0 are open"), slow_clients(slow):
        raise AssertionError("nothing is open")


def test_a_broken_connection_is_counted_and_opened_again() -> None:
    with serving() as port:
        result = ask(Load(port, "/broken", ["{}"], connections=2, seconds=0.2))
    assert result.latencies == []
    assert result.refused[BROKEN] > 2
    assert refusals([result, Result(refused={BROKEN: 1})]) == f"{result.refused[BROKEN] + 1} times broken"
    assert refusals([Result(), Result()]) == 0


def test_the_first_minute_does_not_count() -> None:
    samples = [Sample(float(second), 100.0 + second) for second in range(0, 300, 10)]
    kept = settled(samples)
    assert kept[0].seconds == 60
    assert growth(kept, Interval(60.0, 60.0, 60.0, len(kept))) == pytest.approx(230 / 160)
    assert settled(samples[:10])[0].seconds == 30


def test_a_quantile_is_in_milliseconds() -> None:
    assert quantile([each / 1000 for each in range(100)], 0.99) == pytest.approx(99)


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["folder", "nothing"])
    assert "soak" in capsys.readouterr().err
