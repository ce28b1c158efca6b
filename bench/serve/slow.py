"""How fast good clients are answered beside thousands of connections that are slow or idle.

Good clients ask at random moments, the same ones in every round; in turns they have the server to themselves and
share it. Each round has a server of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from bench.harness import Cell, Table
from bench.intervals import Interval, ratio
from bench.learn.plan import Goal, Part
from bench.serve.asking import STEADY, busiest, load_of, quantile, refusals
from bench.serve.contenders import Contender, bodies_of, ours, started
from bench.serve.load import Load, Result, ask_apart
from bench.serve.plan import Plan
from bench.serve.servers import Server
from bench.serve.slow_clients import Held, Slow, slow_clients

__all__ = ["measure"]

_FEW = 3  # rounds: fewer say nothing about an interval
_NOTES = (
    "Good clients: at random moments (a Poisson process) over 64 connections, so often as `--load` says of what "
    "the server answered in a closed loop before; from the moment that a request is due; medians over rounds.",
    "Slow clients, a third each: `idle` asks once and then nothing, `head` sends a head and `body` a body at a "
    "byte a second. They are opened within 20 seconds before the good clients begin, and again as soon as the "
    "server ends one, so that as many are open all the time. `server's sockets`, the least of the rounds, are "
    "counted in the server's process when the good clients are done: a connection that waits to be accepted is "
    "not one.",
    "Server and both kinds of clients are processes on the same cores.",
)


class Round(NamedTuple):
    """One round: what good clients met, what became of the slow, and what the server held."""

    result: Result
    held: dict[str, Held]
    sockets: int
    resident: float


def measure(plan: Plan) -> Part:
    """Measures rounds with and without slow clients in turns."""
    contender = ours("Freehold, with tiers", plan.copy("tiered"))
    bodies = bodies_of(plan.texts)
    with started(contender, bodies[0]) as server:
        rate = plan.share * busiest(server, contender, bodies, plan.seconds / 2).rate
    alone: list[Round] = []
    beside: list[Round] = []
    for number in range(plan.rounds):
        turns = [(0, alone), (plan.slow, beside)]
        for count, rounds in turns if number % 2 == 0 else reversed(turns):
            rounds.append(_round(contender, bodies, plan.seconds, rate=rate, count=count))
    raised = _raised(beside, alone, 0.99)
    rows = (_row("alone", alone, rate), _row(f"beside {plan.slow} slow", beside, rate))
    compared: list[dict[str, Cell]] = [
        {"quantile": name, "beside / alone": _raised(beside, alone, share)}
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
    tables = (
        Table("Good clients", rows),
        Table("How much slow clients slow them", tuple(compared)),
        Table("Slow clients, the last round", tuple(_held_row(kind, beside[-1]) for kind in beside[-1].held)),
    )
    return Part("slow", tables, (Goal("p99 beside slow clients, times alone", 2.0, raised, "at most"),), _NOTES)


def _round(contender: Contender, bodies: Sequence[str], seconds: float, *, rate: float, count: int) -> Round:
    with started(contender, bodies[0]) as server:
        if not count:
            return _asked(server, contender, bodies, seconds, rate=rate)
        with slow_clients(Slow(server.port, contender.path, count)) as end:
            found = _asked(server, contender, bodies, seconds, rate=rate)
            return found._replace(held=end())


def _asked(server: Server, contender: Contender, bodies: Sequence[str], seconds: float, *, rate: float) -> Round:
    load_of(server, contender, bodies, connections=STEADY, seconds=1.0)  # a warm-up
    result = ask_apart(Load(server.port, contender.path, bodies, STEADY, seconds, rate))
    return Round(result, {}, server.sockets(), server.resident())


def _raised(beside: Sequence[Round], alone: Sequence[Round], share: float) -> Interval | float:
    """Returns a quantile beside slow clients in quantiles of good clients alone."""
    ours, theirs = ([quantile(each.result.latencies, share) for each in rounds] for rounds in (beside, alone))
    return ratio(ours, theirs, seed=0) if len(ours) >= _FEW else median(ours) / median(theirs)


def _row(name: str, rounds: Sequence[Round], rate: float) -> dict[str, Cell]:
    latencies = [each.result.latencies for each in rounds]
    return {
        "good clients": name,
        "rounds": len(rounds),
        "asked a second": rate,
        "answers": sum(map(len, latencies)),
        "p50 ms": median(quantile(each, 0.5) for each in latencies),
        "p99 ms": median(quantile(each, 0.99) for each in latencies),
        "not answered": refusals([each.result for each in rounds]),
        "server's sockets": min(each.sockets for each in rounds),
        "MB": median(each.resident for each in rounds),
    }


def _held_row(kind: str, last: Round) -> dict[str, Cell]:
    held = last.held[kind]
    return {
        "slow clients": kind,
        "open at the end": held.open,
        "opened": held.opened,
        "ended by the server": held.ended,
        "not opened": held.failed,
        "answered": ", ".join(f"{count} times {status}" for status, count in held.statuses.items()),
    }
