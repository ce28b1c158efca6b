"""What many workers answered, put together: accuracy beside crowd-kit's, agreement beside the references'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.harness import Cell, Table
from bench.intervals import mcnemar, ratio, wilson
from bench.labels.answers import SETS, read_truth
from bench.labels.peers import run

__all__ = ["measure", "score", "widest"]

SEED = 0
_PEERS = {"majority": "crowd-kit MajorityVote", "Dawid-Skene": "crowd-kit DawidSkene"}


def measure(folder: Path, *, rounds: int) -> list[Table]:
    """Returns the tables: accuracy and time of aggregation by set, and agreement."""
    tables, agreement = [], []
    for name in SETS:
        found = {
            **run("freehold", folder, data=name, rounds=rounds),
            **run("crowd-kit", folder, data=name, rounds=rounds),
        }
        tables.append(Table(f"{name}: one answer to each question", score(found, read_truth(folder, name))))
        ours, theirs = (run(who, folder, data=name, rounds=rounds) for who in ("freehold-agreement", "references"))
        agreement += [_beside(name, measure, ours[measure], theirs[measure]) for measure in ours]
    return [*tables, Table("Agreement, beside krippendorff, statsmodels and scikit-learn", tuple(agreement))]


def score(found: Mapping[str, Any], truth: Mapping[str, str]) -> tuple[Mapping[str, Cell], ...]:
    """Returns a row for each contender; ours beside the peer of the same method, question by question."""
    rows: list[Mapping[str, Cell]] = []
    right = {
        name: [each["result"].get(question) == answer for question, answer in truth.items()]
        for name, each in found.items()
    }
    for name, each in found.items():
        peer = next((theirs for ours, theirs in _PEERS.items() if name.startswith(ours)), None)
        paired = mcnemar(right[name], right[peer]) if peer else None
        rows.append(
            {
                "method": name,
                "accuracy": wilson(sum(right[name]), len(right[name])),
                "n": len(right[name]),
                "no answer": sum(answer is None for answer in each["result"].values()),
                "minus crowd-kit's": paired.difference if paired else None,
                "p": paired.p if paired else None,
                "CPU ms": 1000 * median(each["cpu"]),
                "crowd-kit's CPU-s / this": ratio(found[peer]["cpu"], each["cpu"], seed=SEED) if peer else None,
            }
        )
    return tuple(rows)


def _beside(name: str, measure: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Mapping[str, Cell]:
    values = [value for value in ours["result"].values() if value is not None]
    return {
        "set": name,
        "measure": measure,
        "values": len(values),
        "the first": values[0],
        "widest difference": widest(ours["result"], theirs["result"]),
        "CPU ms, with intervals": 1000 * median(ours["cpu"]),
        "reference's CPU ms, without": 1000 * median(theirs["cpu"]),
    }


def widest(ours: Mapping[str, float | None], theirs: Mapping[str, float | None]) -> float:
    """Returns how far two sets of figures are apart at most; infinity where only one defines one."""
    if set(ours) != set(theirs):
        return float("inf")
    apart = [0.0]
    for name, one in ours.items():
        other = theirs[name]
        if one is not None and other is not None:
            apart.append(abs(one - other))
        elif one is not other:
            apart.append(float("inf"))
    return max(apart)
