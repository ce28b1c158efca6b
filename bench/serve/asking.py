"""How a server that runs is asked: as fast as it answers, and how many connections serve it best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bench.serve.contenders import Contender
from bench.serve.load import Load, Result, ask_apart
from bench.serve.servers import Server

__all__ = ["STEADY", "Found", "busiest", "load_of", "quantile", "rate_of", "refusals"]

CONNECTIONS, FEW_CONNECTIONS = (1, 4, 16, 64), (1, 2)
"""For single rows, and for lists: 64 lists at once are a minute's work, which has to be waited for."""
STEADY = 64
"""Connections of clients that ask at random moments."""


class Found(NamedTuple):
    """What serves a server best: rows a second, with so many connections, started with these words."""

    rate: float
    connections: int
    setting: tuple[str, ...] = ()


def busiest(server: Server, contender: Contender, bodies: Sequence[str], seconds: float) -> Found:
    """Asks with several numbers of connections, so many seconds each, and returns what served best."""
    several = CONNECTIONS if contender.rows == 1 else FEW_CONNECTIONS
    results = {n: load_of(server, contender, bodies, connections=n, seconds=seconds) for n in several}
    return max(Found(rate_of(result, contender), n) for n, result in results.items())


def load_of(
    server: Server,
    contender: Contender,
    bodies: Sequence[str],
    *,
    connections: int,
    seconds: float,
    rate: float = 0.0,
) -> Result:
    """Returns what came of asking from another process; everything was answered.

    Args:
        rate: Requests a second, at random moments; 0 asks again as soon as an answer is there.

    Raises:
        RuntimeError: Something was not answered with 200.
    """
    result = ask_apart(Load(server.port, contender.path, bodies, connections, seconds, rate))
    if result.refused:
        raise RuntimeError(f"{contender.name}: {result.refused} of {len(result.latencies)} were not answered.")
    return result


def rate_of(result: Result, contender: Contender) -> float:
    """Returns rows a second."""
    return len(result.latencies) * contender.rows / result.seconds


def quantile(latencies: Sequence[float], share: float) -> float:
    """Returns a quantile in milliseconds."""
    return 1e3 * sorted(latencies)[int(len(latencies) * share)]


def refusals(results: Sequence[Result]) -> str | int:
    """Returns how many requests were not answered with 200, by what came instead; 0 where all were."""
    found = Counter[str]()
    for each in results:
        found.update(each.refused)
    return ", ".join(f"{count} times {status}" for status, count in found.items()) or 0
