"""Whether the server's memory stays as it is under steady load: samples over minutes, slope, and a picture."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from bench.harness import Cell, Table
from bench.intervals import Interval, slope
from bench.learn.plan import Goal, Part
from bench.picture import trace
from bench.serve.asking import STEADY, busiest, quantile, refusals
from bench.serve.contenders import bodies_of, ours, started
from bench.serve.load import Load, Result, ask_apart
from bench.serve.plan import Plan
from bench.serve.servers import Server

__all__ = ["Sample", "growth", "measure", "settled"]

_EVERY = 2.0  # seconds between two samples
_FIRST = 60.0  # seconds that do not count: caches fill, connections open
_GROWTH = 0.02  # of what was held after the first minute
_NOTES = (
    "At random moments (a Poisson process) over 64 connections, so often as `--load` says of what the server "
    "answered in a closed loop before; memory is what the process holds (resident, 10^6 bytes), every two "
    "seconds.",
    "The first minute does not count, of less than three minutes the first third. `slope`: least squares over "
    "the rest, with a bootstrap interval over blocks of a tenth. `growth`: what the slope makes of that time, "
    "in parts of what was held at its beginning. Memory is flat where the slope's interval contains zero or it "
    "grows by less than 2 %; the database of recorded requests grows by design, on disk.",
)


class Sample(NamedTuple):
    """What the server held, 10^6 bytes, at a moment."""

    seconds: float
    resident: float


def measure(plan: Plan) -> Part:
    """Asks one server for minutes and watches its memory."""
    contender = ours("Freehold, with tiers", plan.copy("tiered"))
    bodies, seconds = bodies_of(plan.texts), 60 * plan.minutes
    with started(contender, bodies[0]) as server:
        rate = plan.share * busiest(server, contender, bodies, plan.seconds / 2).rate
        load = Load(server.port, contender.path, bodies, STEADY, seconds, rate)
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask_apart, load)
            samples = _watch(server, asking)
        result = asking.result()
    kept = settled(samples)
    rise = slope([each.seconds / 60 for each in kept], [each.resident for each in kept], seed=0)
    grown = growth(kept, rise)
    row = _row(samples, rise, grown, result=result, rate=rate)
    flat = 0.0 if rise.low <= 0 <= rise.high else grown
    picture = trace(
        [(each.seconds / 60, each.resident) for each in samples],
        title=f"Memory at {rate:.0f} requests a second",
        across="minutes",
        up="MB resident",
    )
    goal = Goal("growth of memory, 0 where the slope may be none", _GROWTH, flat, "at most")
    return Part("soak", (Table("Memory under steady load", (row,)),), (goal,), _NOTES, {"memory": picture})


def _watch(server: Server, asking: Future[Result]) -> list[Sample]:
    samples, begin = [], time.perf_counter()
    while not asking.done():
        samples.append(Sample(time.perf_counter() - begin, server.resident()))
        time.sleep(_EVERY)
    return samples


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """Returns the samples that count: those after the first minute, or the first third of less than three."""
    begin = min(_FIRST, samples[-1].seconds / 3)
    return [each for each in samples if each.seconds >= begin]


def growth(kept: Sequence[Sample], rise: Interval) -> float:
    """Returns by what part the fitted line rises over the samples.

    Args:
        rise: 10^6 bytes a minute.
    """
    return rise.value * (kept[-1].seconds - kept[0].seconds) / 60 / kept[0].resident


def _row(
    samples: Sequence[Sample], rise: Interval, grown: float, *, result: Result, rate: float
) -> dict[str, Cell]:
    return {
        "minutes": samples[-1].seconds / 60,
        "asked a second": rate,
        "answers": len(result.latencies),
        "not answered": refusals([result]),
        "p50 ms": quantile(result.latencies, 0.5),
        "p99 ms": quantile(result.latencies, 0.99),
        "MB at first": samples[0].resident,
        "MB after the first minute": settled(samples)[0].resident,
        "MB at the end": samples[-1].resident,
        "slope MB/min": rise,
        "growth": grown,
    }
