"""The servers that are asked: Freehold in several ways, and those that others would write for the same weights.

Owns how each is started and what it is asked. Knows nothing of measuring.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from bench.environments import Environment
from bench.harness import ROOT
from bench.serve.servers import Server, free_port, running
from freehold.task import load_task

__all__ = ["BATCH", "CLI", "LITSERVE", "Contender", "bodies_of", "contenders", "litserve", "ours", "started"]

BATCH = 256
CLI = ("-c", "from freehold.app.cli import main; main()")
_UNRECORDED = (
    "-c",
    "from freehold.registry import Registry; from freehold.app.cli import main; "
    "Registry.record_requests = lambda self, rows: None; "
    "Registry.record_requests_at_once = lambda self, rows: True; main()",
)
LITSERVE = Environment(
    "serve",
    ROOT / "bench" / "requirements-serve-peers.txt",
    ("fastapi", "uvicorn", "onnxruntime", "numpy", "tokenizers"),
)
_GATHERING = (("--batch", "1"), ("--batch", "16", "--wait", "2"), ("--batch", "64", "--wait", "5"))
_WORKING = (("--workers", "1", "--threads", "1"), ("--workers", "1", "--threads", "2"), ("--workers", "2"))


class Contender(NamedTuple):
    """A server: how it is started but for its port, where it is asked, and how many rows a body holds.

    Attributes:
        sure: Whether it is asked only what its static tier answers.
        settings: More words that it may be started with; it serves with those that serve it best.
        python: Of the environment that it runs in.
    """

    name: str
    words: tuple[str, ...]
    path: str
    rows: int = 1
    sure: bool = False
    settings: tuple[tuple[str, ...], ...] = ((),)
    python: str = sys.executable


def ours(name: str, folder: Path) -> Contender:
    """Returns Freehold serving a turned task folder."""
    return Contender(name, (*CLI, "serve", str(folder), "--port"), f"/v1/tasks/{load_task(folder).name}")


def contenders(tiered: Path, plain: Path, *, artifact: Path, threads: Sequence[int]) -> list[Contender]:
    """Returns Freehold in all its ways, and FastAPI around each kind of encoder.

    Args:
        tiered: The task folder whose champion has tiers.
        plain: The one whose champion has none.
        artifact: What the peers answer with.
        threads: Of the peers' forward passes.
    """
    served = [ours("Freehold, with tiers", tiered), ours("Freehold, one tier", plain)]
    sure = served[0]._replace(name="Freehold, static tier alone", sure=True)
    found = [*served, sure]
    found += [
        each._replace(name=f"{each.name}, not recorded", words=(*_UNRECORDED, *each.words[len(CLI) :]))
        for each in (served[1], sure)
    ]
    found += [each._replace(name=f"{each.name}, {BATCH} a request", rows=BATCH) for each in (*served, sure)]
    for kind in ("torch", "shipped", "int8"):
        for count in threads:
            words = ("-m", "bench.serve.peer", str(artifact), kind, "--threads", str(count), "--port")
            found.append(Contender(f"FastAPI + {kind}, threads {count}", words, "/predict"))
    return found


def litserve(artifact: Path) -> list[Contender]:
    """Returns LitServe around the encoder in ONNX Runtime, in an environment that is made where it is not there.

    Raises:
        PeersError: It cannot be made.
    """
    python = str(LITSERVE.python())
    settings = tuple((*gathered, *worked) for gathered in _GATHERING for worked in _WORKING)
    return [
        Contender(
            f"LitServe + {kind}",
            ("-m", "bench.serve.litserve_peer", str(artifact), kind, "--port"),
            "/predict",
            settings=settings,
            python=python,
        )
        for kind in ("shipped", "int8")
    ]


def started(contender: Contender, body: str, *, setting: Sequence[str] = ()) -> AbstractContextManager[Server]:
    """Returns the block in which a contender answers."""
    port = free_port()
    words = [*contender.words, str(port), *setting]
    return running(words, port=port, path=contender.path, body=body, python=contender.python)


def bodies_of(texts: Sequence[str], rows: int = 1) -> list[str]:
    """Returns the texts as bodies of so many rows each; what fills no body is left out."""
    inputs = [{"text": text} for text in texts]
    if rows == 1:
        return [json.dumps(each) for each in inputs]
    return [json.dumps(inputs[start : start + rows]) for start in range(0, len(inputs) - rows + 1, rows)]
