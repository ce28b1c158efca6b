"""Planted wrong labels: how many of them are among the first suspects, beside cleanlab on the same probabilities.

A tenth of the labels of Banking77's training rows is changed at random, each to any other label. Test rows are
not read. cleanlab gets the very probabilities that Freehold ranks by, so what differs is what is made of them.
Errors that the data came with count as false alarms.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.environments import Environment
from bench.harness import ROOT, Cell, Machine, Report, Table, publish, typed
from bench.intervals import wilson
from bench.labels_mended import read_judge, tell_mended
from freehold.data.neighbours import find_clusters
from freehold.engine import encode_texts, find_base, load_encoder, run_encoder
from freehold.label.crossing import Features, assign_folds, cross_scores, to_chances
from freehold.label.suspects import Findings, find_suspects
from freehold.task import example_id

__all__ = ["main"]

PEERS = Environment(
    "labels-errors", ROOT / "bench" / "requirements-labels-errors-peers.txt", (), constrained=False
)
OURS = "freehold"
_SHOWN = 1_500

Labels = NDArray[np.int64]


class Corpus(NamedTuple):
    """Different texts, sorted by name, with their labels and near duplicates."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Labels
    clusters: Labels
    vectors: NDArray[np.float32]


class Draw(NamedTuple):
    """One draw of wrong labels, and what came of it.

    Attributes:
        given: The labels, wrong ones among them.
        ranked: Contender to all rows, the most suspect first.
        lists: Contender to the rows that it calls wrong.
        shares: Contender to its estimate of how many are.
        cpu: What was done to CPU seconds.
    """

    given: Labels
    flipped: NDArray[np.bool_]
    ranked: Mapping[str, Labels]
    lists: Mapping[str, Labels]
    shares: Mapping[str, float]
    cpu: Mapping[str, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench.labels_errors", description=__doc__)
    default = Path(os.environ.get("FREEHOLD_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=default, help="folder with banking77/ (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="draws (default: %(default)s)")
    parser.add_argument(
        "--share", type=float, default=0.1, help="of labels that are changed (default: %(default)s)"
    )
    parser.add_argument("--keep", type=Path, help="folder for vectors, so that they are computed once")
    options = parser.parse_args(arguments)
    peer = PEERS.python()
    with tempfile.TemporaryDirectory() as room:
        corpus = read_corpus(options.data / "banking77" / "train.csv", cache=options.keep or Path(room))
        draws = [
            draw(corpus, seed=seed, share=options.share, peer=peer, room=Path(room))
            for seed in range(options.seeds)
        ]
        banking = options.data / "banking77"
        judge = read_judge(banking, cache=options.keep or Path(room))
    pairs = [(each.given, each.ranked[OURS]) for each in draws]
    mended = tell_mended(corpus, pairs, judge=judge, shown=_SHOWN)
    publish(
        Report(
            "labels_errors",
            Machine.here("numpy"),
            0,
            (tell_ranked(draws), tell_lists(draws), mended, tell_cpu(draws)),
            notes=(
                f"{len(corpus.texts):,} different texts, {int(draws[0].flipped.sum()):,} labels changed, "
                f"{len(draws)} draws; hits of all draws together, Wilson's interval over them. Rows of several "
                "draws are the same texts, so that the intervals are a little too narrow.",
                "cleanlab: its own environment, one process, defaults; its rankings on Freehold's probabilities.",
            ),
            command=typed("labels_errors", arguments),
        )
    )
    return 0


def read_corpus(path: Path, *, cache: Path) -> Corpus:
    """Returns the first row of every text, with the default base's vectors."""
    with path.open(newline="") as file:
        rows = {example_id({"text": row["text"]}): row for row in reversed(list(csv.DictReader(file)))}
    names = tuple(sorted(rows))
    texts = tuple(rows[name]["text"] for name in names)
    known = sorted({row["category"] for row in rows.values()})
    labels = np.array([known.index(rows[name]["category"]) for name in names])
    near = find_clusters({name: {"text": text} for name, text in zip(names, texts, strict=True)})
    heads = sorted(set(near.values()))
    clusters = np.array([heads.index(near[name]) for name in names])
    base = find_base("minilm", relative_to=path.parent)
    vectors = encode_texts(texts, base=base, cache=cache, run=lambda: run_encoder(load_encoder(base.folder)))
    return Corpus(names, texts, labels, clusters, vectors)


def draw(corpus: Corpus, *, seed: int, share: float, peer: Path, room: Path) -> Draw:
    """Changes labels, and asks both what looks wrong."""
    random = np.random.default_rng(seed)
    count, columns = len(corpus.labels), int(corpus.labels.max()) + 1
    flipped = np.zeros(count, bool)
    flipped[random.choice(count, round(share * count), replace=False)] = True
    moves = random.integers(1, columns, count)
    given = np.where(flipped, (corpus.labels + moves) % columns, corpus.labels)
    began = time.process_time()
    targets = np.where(np.arange(columns) == given[:, None], 1, -1).astype(np.float32)
    folds = assign_folds(corpus.names, given.tolist(), corpus.clusters)
    scores = cross_scores(Features(corpus.texts, corpus.vectors), targets, folds=folds)
    chances = to_chances(scores, given)
    assert chances is not None
    middle = time.process_time()
    found = find_suspects(chances, given, groups=corpus.clusters)
    ended = time.process_time()
    told = ask_peer(peer, chances, given, room=room)
    assert found.share is not None
    return Draw(
        given,
        flipped,
        {OURS: rank(found, chances, given), **{f"cleanlab, {n}": np.array(r) for n, r in told["ranked"].items()}},
        {OURS: np.array([each.row for each in found.suspects]), "cleanlab": np.array(told["issues"])},
        {OURS: found.share.value, "cleanlab": told["share"]},
        {"probabilities": middle - began, OURS: ended - middle, "cleanlab": told["cpu"]},
    )


def rank(found: Findings, chances: NDArray[np.float64], given: Labels) -> Labels:
    """Returns the suspects in their order, then the other rows, the least trusted first."""
    first = [each.row for each in found.suspects]
    rest = np.setdiff1d(np.arange(len(given)), first)
    return np.concatenate([first, rest[np.argsort(chances[rest, given[rest]], kind="stable")]]).astype(np.int64)


def ask_peer(python: Path, chances: NDArray[np.float64], given: Labels, *, room: Path) -> dict[str, Any]:
    """Returns what cleanlab says."""
    path = room / "draw.npz"
    np.savez(path, labels=given, chances=chances)
    words = [str(python), str(ROOT / "bench" / "labels_errors_peer.py"), str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def tell_ranked(draws: Sequence[Draw]) -> Table:
    """Returns precision and recall at several lengths of the list."""
    total = int(draws[0].flipped.sum())
    rows: list[Mapping[str, Cell]] = []
    for name in draws[0].ranked:
        for size in (total // 2, total, _SHOWN, 2 * total):
            hits = sum(int(each.flipped[each.ranked[name][:size]].sum()) for each in draws)
            precision, recall = wilson(hits, size * len(draws)), wilson(hits, total * len(draws))
            rows.append({"ranked by": name, "k": size, "precision": precision, "recall": recall})
    return Table("The first k rows", tuple(rows))


def tell_lists(draws: Sequence[Draw]) -> Table:
    """Returns how good what each calls wrong is, and how many each says there are."""
    rows: list[Mapping[str, Cell]] = []
    for name in draws[0].lists:
        size = sum(len(each.lists[name]) for each in draws)
        hits = sum(int(each.flipped[each.lists[name]].sum()) for each in draws)
        rows.append(
            {
                "list": name,
                "rows in a draw": round(size / len(draws)),
                "precision": wilson(hits, size),
                "recall": wilson(hits, sum(int(each.flipped.sum()) for each in draws)),
                "estimated share": ", ".join(f"{each.shares[name]:.4f}" for each in draws),
            }
        )
    return Table("What is called wrong", tuple(rows))


def tell_cpu(draws: Sequence[Draw]) -> Table:
    """Returns CPU seconds of each draw."""
    rows: list[Mapping[str, Cell]] = [
        {"what": name, "CPU s": ", ".join(f"{each.cpu[name]:.2f}" for each in draws)} for name in draws[0].cpu
    ]
    return Table("CPU seconds", tuple(rows))


if __name__ == "__main__":
    raise SystemExit(main())
