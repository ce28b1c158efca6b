"""Near duplicates of real texts: speed, recall and precision of ours and others; and from Parquet to Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.corpus import EDITS, Corpus, build
from bench.data.peers import NAMES, run
from bench.data.truth import Judge, Truth, count_met, sample_met
from bench.harness import Cell, Table
from bench.intervals import Interval, ratio, wilson

__all__ = ["Settings", "measure"]

BAR = 0.8
SEED = 3


class Settings(NamedTuple):
    """What is measured: how many texts, in blocks of how many, how many pairs are judged, and where files lie."""

    rows: int
    block: int
    pairs: int
    work: Path


def measure(settings: Settings) -> list[Table]:
    """Returns the tables."""
    corpus = build(settings.rows)
    source = settings.work / "texts.parquet"
    pq.write_table(pa.table({"text": list(corpus.texts)}), source)
    judge = Judge(corpus.texts)
    truth = judge.find_all(BAR)
    times: dict[str, Any] = {}
    quality: list[Mapping[str, Cell]] = []
    for name in NAMES:
        keys = settings.work / f"{name}.npy"
        program = ["bench.data.contenders", name, str(source), str(keys), "--block", str(settings.block)]
        times[name] = run(name, program)
        quality.append(_judge(name, np.load(keys), judge=judge, truth=truth, size=settings.pairs))
    whole = [run(*_whole(place, on, source)) for place, on in (("freehold", "local"), ("daft", "daft"))]
    return [
        _speeds(times, settings),
        Table(
            f"Pairs that meet in a band, {settings.rows:,} texts, {len(truth.values):,} pairs are near",
            tuple(quality),
        ),
        _ends(whole, settings.work / "local.parquet", judge=judge, truth=truth),
        _planted(corpus, settings.work / "local.parquet", judge=judge),
    ]


def _speeds(times: Mapping[str, Any], settings: Settings) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for name, time in times.items():
        speeds = [settings.block / cpu for cpu in time["cpu"]]
        relative = None if name == "freehold" else ratio(time["cpu"], times["freehold"]["cpu"], seed=SEED)
        rows.append(
            {
                "contender": name,
                "texts per CPU-second": median(speeds),
                "least": min(speeds),
                "most": max(speeds),
                "CPU-s": sum(time["cpu"]),
                "wall s": sum(time["wall"]),
                "n": len(speeds),
                "CPU-s / Freehold's": relative,
            }
        )
    title = f"Signatures and bands in memory, {settings.rows:,} texts in blocks of {settings.block:,}"
    return Table(title, tuple(rows))


def _judge(name: str, keys: Any, *, judge: Judge, truth: Truth, size: int) -> Mapping[str, Cell]:
    met = sample_met(keys, size=size, seed=SEED)
    near = sum(judge.similarity(*pair) >= BAR for pair in met)
    edge = Truth(*(column[truth.values < BAR + 0.05] for column in truth))
    return {
        "contender": name,
        "recall": wilson(count_met(keys, truth), len(truth.values)),
        "recall from 0.8 to 0.85": wilson(count_met(keys, edge), len(edge.values)),
        "precision, not compared": wilson(near, len(met)),
    }


def _whole(place: str, on: str, source: Path) -> tuple[str, Sequence[str]]:
    target = source.with_name(f"{on}.parquet")
    return place, ["bench.data.ends", str(source), str(target), "--on", on, "--rounds", "3"]


def _ends(runs: Sequence[Any], target: Path, *, judge: Judge, truth: Truth) -> Table:
    """Returns the table of whole runs; their pairs are those of one cluster."""
    clusters = np.array(pq.read_table(target)["cluster"])
    together = int((clusters[truth.ones] == clusters[truth.others]).sum())
    rows: list[Mapping[str, Cell]] = [
        {
            "on": each["on"],
            "texts per CPU-second": median(each["rows"] / cpu for cpu in each["cpu"]),
            "CPU-s": median(each["cpu"]),
            "wall s": median(each["wall"]),
            "n": len(each["cpu"]),
            "peak MB": each["peak_mb"],
            "clusters": each["clusters"],
            "rows dropped": each["clustered"] - each["clusters"],
            "near pairs in one cluster": wilson(together, len(truth.values)),
            "compared exactly": each["compared"],
            "joined pairs that are near": _joined(clusters, judge),
        }
        for each in runs
    ]
    return Table("From Parquet to Parquet, pairs compared exactly", tuple(rows))


def _joined(clusters: Any, judge: Judge) -> Interval:
    """Returns how many rows of clusters have a row in it to which they are near: whoever was joined has."""
    order = np.argsort(clusters, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1)
    rows = [(int(row), group) for group in groups if len(group) > 1 for row in group[:200]]
    near = sum(any(judge.similarity(row, int(one)) >= BAR for one in group if one != row) for row, group in rows)
    return wilson(near, len(rows))


def _planted(corpus: Corpus, target: Path, *, judge: Judge) -> Table:
    clusters = np.array(pq.read_table(target)["cluster"])
    rows: list[Mapping[str, Cell]] = []
    for edits in EDITS:
        pairs = [(copy, source) for copy, source, count in corpus.planted if count == edits]
        near = [pair for pair in pairs if judge.similarity(*pair) >= BAR]
        rows.append(
            {
                "words changed": edits,
                "copies": len(pairs),
                "median Jaccard": median(judge.similarity(*pair) for pair in pairs),
                "of 0.8 or more": len(near),
                "of these with their original": wilson(sum(clusters[i] == clusters[j] for i, j in near), len(near))
                if near
                else None,
                "of all with their original": wilson(
                    sum(clusters[i] == clusters[j] for i, j in pairs), len(pairs)
                ),
            }
        )
    return Table("Planted copies, by the words that were changed", tuple(rows))
