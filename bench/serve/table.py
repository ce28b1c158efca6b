"""How fast every server answers: rows a second, latencies, accuracy, cold start and memory.

Freehold's champion is served with its tiers and, from a copy whose static tier is not certified, without. Every
server is asked by the same process on the same cores, in turns, as it serves best.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.environments import PeersError
from bench.harness import Cell, Table
from bench.intervals import Interval, ratio, wilson
from bench.learn.corpora import INTENT
from bench.learn.plan import Part
from bench.serve.asking import STEADY, Found, busiest, load_of, quantile, rate_of
from bench.serve.contenders import CLI, Contender, bodies_of, contenders, litserve, started
from bench.serve.peer import answering
from bench.serve.plan import Plan

__all__ = ["measure"]


class Speed(NamedTuple):
    """One server's rounds: rows a second of each, latencies of the last, and what it held.

    Attributes:
        steady: Latencies when it is asked at random moments, 70 % as often as it can answer.
    """

    rates: list[float]
    best: Found
    latencies: list[float]
    steady: list[float]
    cold: float
    resident: float


_NOTES = (
    "`rows/s` is the median over rounds with the number of connections that served it best in a round before; the "
    "servers are asked in turns, by one process on the same cores. `p50` and `p99` are of a closed loop: with as "
    "many connections as that, waiting for one another included.",
    "The peers answer with Freehold's own heads after an encoder of the same weights: torch in fp32, as a "
    "`transformers` pipeline runs it, and ONNX Runtime with the shipped graph or with its own dynamic int8 of the "
    "fp32 graph; in FastAPI without batching, each with one and with two threads, and in LitServe, without "
    "batching and with its own, by one worker or two, whatever served it best in the round before.",
    "`static tier alone` is asked only what that tier answers, so that its accuracy is that of the easier share.",
    "`steady`: asked at random moments (a Poisson process), 70 % as often as in its median round (or as `--load` "
    "says), as long as two rounds, over 64 connections; from the moment that a request is due.",
    "`not recorded` is the same server with the writing of requests taken out: what recording costs.",
    "`cold s`: from the start of the process to its first answer. `MB`: resident after the load; of several "
    "processes together, what they share counted once.",
)


def measure(plan: Plan) -> Part:
    """Measures every server, in turns."""
    texts = plan.texts
    tiered, plain = plan.copy("tiered"), _without_tiers(plan.copy("plain"))
    artifact = _artifact(plain, plan.work)
    found, lost = contenders(tiered, plain, artifact=artifact, threads=plan.threads), ""
    try:
        found += litserve(artifact)
    except PeersError as error:
        lost = f"LitServe: not measured; {' '.join(str(error).split())[-300:]}"
    truth = [str(row.outputs[INTENT]) for row in plan.rows]
    tiers, single = (_answers(folder, texts) for folder in (tiered, plain))
    sure = [n for n, each in enumerate(tiers) if each.get("tier") == "static"]
    right = {
        "with tiers": _accuracy(tiers, truth),
        "one tier": _accuracy(single, truth),
        "+ int8": _accuracy(_answers_of_int8(artifact, texts), truth),
        "static tier": _accuracy([tiers[n] for n in sure], [truth[n] for n in sure]),
    }
    speeds = _measure(found, {False: texts, True: [texts[n] for n in sure]}, plan=plan)
    rows = [_row(each, speeds, right) for each in found]
    rows += [{**dict.fromkeys(rows[0]), "server": lost}] if lost else []
    return Part("table", (Table("Requests a second", tuple(rows)),), notes=_NOTES)


def _without_tiers(folder: Path) -> Path:
    """Turns a folder again with no static tier: it is asked to keep to what nobody can certify."""
    task = folder / "task.toml"
    task.write_text(task.read_text() + f"\n[goal]\n{INTENT}.extra_error = 0.0001\n")
    subprocess.run([sys.executable, *CLI, "run", str(folder), "--json"], check=True, capture_output=True)
    return folder


def _artifact(folder: Path, work: Path) -> Path:
    """Returns the folder of the champion's artifact, as an export of it; the peers' int8 graph lies beside it."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = work / "artifact"
    words = [sys.executable, *CLI, "export", str(folder), "--to", str(target), "--json"]
    subprocess.run(words, check=True, capture_output=True)
    graphs = (folder / ".freehold" / "cache" / "graphs").rglob("fp32.onnx")
    graph = max(graphs, key=lambda path: path.stat().st_mtime)
    weights = {"per_channel": True, "weight_type": QuantType.QInt8, "op_types_to_quantize": ["MatMul"]}
    quantize_dynamic(str(graph), str(work / "int8.onnx"), **weights)
    return target


def _measure(found: Sequence[Contender], asked: Mapping[bool, Sequence[str]], *, plan: Plan) -> dict[str, Speed]:
    """Asks every server in turns, one running at a time so that none waits in memory on another's cores.

    Args:
        asked: The texts: for all, and those that the static tier answers.
    """
    bodies = {each.name: bodies_of(asked[each.sure], each.rows) for each in found}
    best = {each.name: _best_setting(each, bodies[each.name], plan.seconds / 2) for each in found}
    rates: dict[str, list[float]] = {each.name: [] for each in found}
    last: dict[str, Speed] = {}
    for number in range(plan.rounds):
        for each in found:
            mine, chosen = bodies[each.name], best[each.name]
            with started(each, mine[0], setting=chosen.setting) as server:
                load_of(server, each, mine, connections=chosen.connections, seconds=1.0)
                result = load_of(server, each, mine, connections=chosen.connections, seconds=plan.seconds)
                rates[each.name].append(rate_of(result, each))
                steady: list[float] = []
                if number == plan.rounds - 1 and each.rows == 1:
                    rate, seconds = plan.share * median(rates[each.name]), 2 * plan.seconds
                    asking = load_of(server, each, mine, connections=STEADY, seconds=seconds, rate=rate)
                    steady = asking.latencies
                held = (server.cold, server.resident())
                last[each.name] = Speed(rates[each.name], chosen, result.latencies, steady, *held)
    return last


def _best_setting(contender: Contender, bodies: Sequence[str], seconds: float) -> Found:
    """Tries a server with each of its settings and several numbers of connections."""
    tried = []
    for setting in contender.settings:
        with started(contender, bodies[0], setting=setting) as server:
            tried.append(busiest(server, contender, bodies, seconds)._replace(setting=setting))
    return max(tried)


def _answers(folder: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    from bench.learn.turns import ask

    return [each[INTENT] for each in ask(folder, texts)]


def _answers_of_int8(artifact: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    answer = answering(artifact, "int8", threads=2)
    return [answer([{"text": text}])[0][INTENT] for text in texts]


def _accuracy(answers: Sequence[Mapping[str, Any]], truth: Sequence[str]) -> Interval:
    right = [str(each["value"]) == label for each, label in zip(answers, truth, strict=True)]
    return wilson(sum(right), len(right))


def _row(contender: Contender, speeds: dict[str, Speed], right: dict[str, Interval]) -> dict[str, Cell]:
    speed = speeds[contender.name]
    peers = [name for name in ("FastAPI + torch", "FastAPI + int8", "LitServe") if _named(speeds, name)]
    best = [max(_named(speeds, peer), key=lambda name: median(speeds[name].rates)) for peer in peers]
    setting = " ".join(speed.best.setting).replace("--", "")
    return {
        "server": f"{contender.name} ({setting})" if setting else contender.name,
        "accuracy": right[next((name for name in right if name in contender.name), "one tier")],
        "connections": speed.best.connections,
        "rows/s": median(speed.rates),
        "n": len(speed.rates),
        **{f"times `{name}`": ratio(speed.rates, speeds[name].rates, seed=0) for name in best},
        "p50 ms": quantile(speed.latencies, 0.5),
        "p99 ms": quantile(speed.latencies, 0.99),
        "steady p50 ms": quantile(speed.steady, 0.5) if speed.steady else None,
        "steady p99 ms": quantile(speed.steady, 0.99) if speed.steady else None,
        "cold s": speed.cold,
        "MB": speed.resident,
    }


def _named(speeds: Mapping[str, Speed], name: str) -> list[str]:
    """Returns those whose name begins so: a peer in all its ways."""
    return [each for each in speeds if each.startswith(name)]
