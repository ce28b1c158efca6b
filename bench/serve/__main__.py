"""How fast Freehold answers over HTTP beside other servers of the same weights: `python -m bench.serve FOLDER`.

FOLDER is a task folder of Banking77 turned at `normal`: `python -m bench.learn full --keep PLACE` leaves one. Its
champion is served with its tiers and, from a copy whose static tier is not certified, without. The bodies are the
texts of the published test rows; every server is asked by the same process on the same cores, in turns, with as
many connections as serve it best.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.harness import Cell, Machine, Report, Table, publish, typed
from bench.intervals import Interval, ratio, wilson
from bench.learn.corpora import INTENT, banking77, data_folder
from bench.serve.load import Load, Result
from bench.serve.peer import answering
from bench.serve.servers import Server, free_port, running

LIBRARIES = ("fastapi", "uvicorn", "torch", "onnxruntime", "numpy")
CONNECTIONS, FEW_CONNECTIONS = (1, 4, 16, 64), (1, 2)
"""For single rows, and for lists: 64 lists at once are a minute's work, which has to be waited for."""
BATCH = 256
_LOAD = 0.7
_CLI = ("-c", "from freehold.app.cli import main; main()")
_UNRECORDED = (
    "-c",
    "from freehold.registry import Registry; from freehold.app.cli import main; "
    "Registry.record_requests = lambda self, rows: None; main()",
)


class Contender(NamedTuple):
    """A server: how it is started but for its port, where it is asked, and how many rows a body holds.

    Attributes:
        sure: Whether it is asked only what its static tier answers.
    """

    name: str
    words: tuple[str, ...]
    path: str
    rows: int = 1
    sure: bool = False


class Speed(NamedTuple):
    """One server's rounds: rows a second of each, latencies of the last, and what it held.

    Attributes:
        steady: Latencies when it is asked at random moments, 70 % as often as it can answer.
    """

    rates: list[float]
    connections: int
    latencies: list[float]
    steady: list[float]
    cold: float
    resident: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures every server and publishes the table."""
    options = _options(arguments)
    rows = banking77(options.data).test[: options.rows]
    texts = [row.text for row in rows]
    with tempfile.TemporaryDirectory(prefix="freehold-serve-") as place:
        plain = _without_tiers(options.folder, Path(place) / "plain")
        artifact = _artifact(plain)
        contenders = _contenders(options.folder, plain, artifact=artifact, threads=options.threads)
        truth = [str(row.outputs[INTENT]) for row in rows]
        tiers, single = (_answers(folder, texts) for folder in (options.folder, plain))
        sure = [n for n, each in enumerate(tiers) if each.get("tier") == "static"]
        right = {
            "with tiers": _accuracy(tiers, truth),
            "one tier": _accuracy(single, truth),
            "+ int8": _accuracy(_answers_of_int8(Path(artifact), texts), truth),
            "static tier": _accuracy([tiers[n] for n in sure], [truth[n] for n in sure]),
        }
        asked = {False: texts, True: [texts[n] for n in sure]}
        speeds = _measure(contenders, asked, seconds=options.seconds, rounds=options.rounds)
    table = Table("Requests a second", tuple(_row(each, speeds, right) for each in contenders))
    publish(Report("serve", Machine.here(*LIBRARIES), 0, (table,), _NOTES, typed("serve", arguments)))
    return 0


_NOTES = (
    "`rows/s` is the median over rounds with the number of connections that served it best in a round before; the "
    "servers are asked in turns, by one process on the same cores. `p50` and `p99` are of a closed loop: with as "
    "many connections as that, waiting for one another included.",
    "The peers answer with Freehold's own heads after an encoder of the same weights: torch in fp32, as a "
    "`transformers` pipeline runs it, and ONNX Runtime with the shipped graph, in FastAPI without batching, each "
    "with one and with two threads.",
    "`static tier alone` is asked only what that tier answers, so that its accuracy is that of the easier share.",
    "`steady`: asked at random moments (a Poisson process), 70 % as often as in its median round, as long as two "
    "rounds, over 64 connections; from the moment that a request is due.",
    "`not recorded` is the same server with the writing of requests taken out: what recording costs.",
    "`cold s`: from the start of the process to its first answer. `MB`: resident after the load.",
)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("folder", type=Path, help="a turned task folder of Banking77")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="that count (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=3_000, help="texts that are asked in turn")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of the peers' forward passes")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    return parser.parse_args(arguments)


def _without_tiers(folder: Path, target: Path) -> Path:
    """Returns a copy whose champion has no static tier: it is asked to keep to what nobody can certify."""
    shutil.copytree(folder, target)
    task = target / "task.toml"
    task.write_text(task.read_text() + f"\n[goal]\n{INTENT}.extra_error = 0.0001\n")
    subprocess.run([sys.executable, *_CLI, "run", str(target), "--json"], check=True, capture_output=True)
    return target


def _contenders(folder: Path, plain: Path, *, artifact: str, threads: Sequence[int]) -> list[Contender]:
    ours = [("Freehold, with tiers", folder), ("Freehold, one tier", plain)]
    found = [Contender(n, (*_CLI, "serve", str(f), "--port"), "/v1/tasks/banking77") for n, f in ours]
    found.append(found[0]._replace(name="Freehold, static tier alone", sure=True))
    found += [
        each._replace(name=f"{each.name}, not recorded", words=(*_UNRECORDED, *each.words[len(_CLI) :]))
        for each in found[1:]
    ]
    found += [
        Contender(f"{n}, {BATCH} a request", (*_CLI, "serve", str(f), "--port"), "/v1/tasks/banking77", BATCH)
        for n, f in ours
    ]
    found.append(found[-2]._replace(name=f"Freehold, static tier alone, {BATCH} a request", sure=True))
    for kind in ("torch", "shipped", "int8"):
        for count in threads:
            words = ("-m", "bench.serve.peer", artifact, kind, "--threads", str(count), "--port")
            found.append(Contender(f"FastAPI + {kind}, threads {count}", words, "/predict"))
    return found


def _artifact(folder: Path) -> str:
    """Returns the folder of the champion's artifact, as an export of it."""
    target = folder.parent / "artifact"
    words = [sys.executable, *_CLI, "export", str(folder), "--to", str(target), "--json"]
    subprocess.run(words, check=True, capture_output=True)
    graphs = (folder / ".freehold" / "cache" / "graphs").rglob("int8.onnx")
    graph = max(graphs, key=lambda path: path.stat().st_mtime)
    shutil.copyfile(graph, folder.parent / "int8.onnx")
    return str(target)


def _measure(
    contenders: Sequence[Contender], asked: Mapping[bool, Sequence[str]], *, seconds: float, rounds: int
) -> dict[str, Speed]:
    """Asks every server in turns, one running at a time so that none waits in memory on another's cores.

    Args:
        asked: The texts: for all, and those that the static tier answers.
    """
    rates: dict[str, list[float]] = {each.name: [] for each in contenders}
    last: dict[str, tuple[int, Result, list[float], float, float]] = {}
    best: dict[str, int] = {}
    for number in range(-1, rounds):
        for each in contenders:
            bodies = _bodies(asked[each.sure], each.rows)
            with _started(each, bodies[0]) as server:
                if number < 0:
                    several = CONNECTIONS if each.rows == 1 else FEW_CONNECTIONS
                    tried = {n: _rate(_load(server, each, bodies, n, seconds / 2), each) for n in several}
                    best[each.name] = max(tried, key=lambda n: tried[n])
                    continue
                _load(server, each, bodies, best[each.name], 1.0)
                result = _load(server, each, bodies, best[each.name], seconds)
                rates[each.name].append(_rate(result, each))
                steady: list[float] = []
                if number == rounds - 1 and each.rows == 1:
                    rate = _LOAD * median(rates[each.name]) / each.rows
                    steady = _load(server, each, bodies, 64, 2 * seconds, rate=rate).latencies
                last[each.name] = (best[each.name], result, steady, server.cold, server.resident())
    return {
        name: Speed(rates[name], connections, result.latencies, steady, cold, resident)
        for name, (connections, result, steady, cold, resident) in last.items()
    }


def _started(contender: Contender, body: str) -> AbstractContextManager[Server]:
    port = free_port()
    return running([*contender.words, str(port)], port=port, path=contender.path, body=body)


def _bodies(texts: Sequence[str], rows: int) -> list[str]:
    inputs = [{"text": text} for text in texts]
    if rows == 1:
        return [json.dumps(each) for each in inputs]
    return [json.dumps(inputs[start : start + rows]) for start in range(0, len(inputs) - rows + 1, rows)]


def _load(
    server: Server,
    contender: Contender,
    bodies: list[str],
    connections: int,
    seconds: float,
    *,
    rate: float = 0.0,
) -> Result:
    load = Load(server.port, contender.path, bodies, connections, seconds, rate)
    words = [sys.executable, "-m", "bench.serve.load"]
    ran = subprocess.run(words, input=json.dumps(asdict(load)), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{contender.name}, {connections} connections: {ran.stderr[-500:]}")
    result = Result(**json.loads(ran.stdout))
    if result.refused:
        raise RuntimeError(f"{contender.name}: {result.refused} of {len(result.latencies)} were not answered.")
    return result


def _rate(result: Result, contender: Contender) -> float:
    return len(result.latencies) * contender.rows / result.seconds


def _answers(folder: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    from bench.learn.turns import ask

    return [each[INTENT] for each in ask(folder, texts)]


def _answers_of_int8(artifact: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    answer = answering(artifact, "int8", threads=2)
    return [answer({"text": text})[INTENT] for text in texts]


def _accuracy(answers: Sequence[Mapping[str, Any]], truth: Sequence[str]) -> Interval:
    right = [str(each["value"]) == label for each, label in zip(answers, truth, strict=True)]
    return wilson(sum(right), len(right))


def _row(contender: Contender, speeds: dict[str, Speed], right: dict[str, Interval]) -> dict[str, Cell]:
    speed = speeds[contender.name]
    best = {kind: _best(speeds, f"FastAPI + {kind}") for kind in ("torch", "int8")}
    return {
        "server": contender.name,
        "accuracy": right[next((name for name in right if name in contender.name), "one tier")],
        "connections": speed.connections,
        "rows/s": median(speed.rates),
        "n": len(speed.rates),
        **{f"times `{name}`": ratio(speed.rates, speeds[name].rates, seed=0) for name in best.values()},
        "p50 ms": _quantile(speed.latencies, 0.5),
        "p99 ms": _quantile(speed.latencies, 0.99),
        "steady p50 ms": _quantile(speed.steady, 0.5) if speed.steady else None,
        "steady p99 ms": _quantile(speed.steady, 0.99) if speed.steady else None,
        "cold s": speed.cold,
        "MB": speed.resident,
    }


def _best(speeds: Mapping[str, Speed], name: str) -> str:
    """Returns the fastest of those whose name begins so: a peer at its best number of threads."""
    return max((n for n in speeds if n.startswith(name)), key=lambda n: median(speeds[n].rates))


def _quantile(latencies: Sequence[float], share: float) -> float:
    """Returns a quantile in milliseconds."""
    return 1e3 * sorted(latencies)[int(len(latencies) * share)]


if __name__ == "__main__":
    sys.exit(main())
