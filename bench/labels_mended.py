"""What correcting the head of the review list is worth: test accuracy with wrong labels, mended, and clean ones.

Knows nothing of how rows are ranked. The model is the ladder's first rung, the ridge, fitted on all of the rows.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.harness import Cell, Table
from bench.intervals import Interval, mcnemar, wilson
from bench.learn.figures import mean_of_runs
from freehold.engine import encode_texts, find_base, load_encoder, run_encoder
from freehold.task import Field, Label
from freehold.train.ridge import Ridge
from freehold.train.rows import Rows

__all__ = ["Judge", "mend", "read_judge", "tell_mended"]

Labels = NDArray[np.int64]


class Judge(NamedTuple):
    """The published test rows: their texts, labels by column, and vectors."""

    texts: tuple[str, ...]
    labels: Labels
    vectors: NDArray[np.float32]


def read_judge(folder: Path, *, cache: Path) -> Judge:
    """Returns the test rows, their labels numbered in the order of the training rows' names."""
    with (folder / "train.csv").open(newline="") as file:
        known = sorted({row["category"] for row in csv.DictReader(file)})
    with (folder / "test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = tuple(row["text"] for row in rows)
    base = find_base("minilm", relative_to=folder)
    vectors = encode_texts(texts, base=base, cache=cache, run=lambda: run_encoder(load_encoder(base.folder)))
    return Judge(texts, np.array([known.index(row["category"]) for row in rows]), vectors)


def mend(given: Labels, truth: Labels, *, shown: Labels) -> Labels:
    """Returns the labels after a person put right what was shown."""
    out = given.copy()
    out[shown] = truth[shown]
    return out


def learn(texts: Sequence[str], vectors: NDArray[np.float32], given: Labels, *, judge: Judge) -> NDArray[np.bool_]:
    """Returns which test rows a ridge of these rows answers rightly."""
    places = {text: place for place, text in enumerate(texts)}
    field = Field("intent", "choice", labels=tuple(Label(str(n)) for n in range(int(given.max()) + 1)))

    def find(wanted: Sequence[str]) -> NDArray[np.float32]:
        return vectors[[places[text] for text in wanted]]

    rows = Rows(tuple(map(str, range(len(texts)))), tuple(texts), ({},) * len(texts), {"intent": given}, {})
    with tempfile.TemporaryDirectory() as home:
        trained, _ = Ridge((field,), find, "bench", Path(home), layers=2).fit(rows, rows.take([]))
    heads = trained.heads(dense=len(trained.features.phases) if trained.features else 0)
    scores = heads.scores(judge.vectors, trained.grams.transform(judge.texts))
    return np.asarray(scores.argmax(1) == judge.labels)


def tell_mended(corpus: Any, draws: Sequence[tuple[Labels, Labels]], *, judge: Judge, shown: int) -> Table:
    """Returns test accuracy of clean labels, and of each draw's wrong and mended ones.

    Args:
        corpus: Texts, labels and vectors of the training rows.
        draws: The labels of each draw, and its rows, the most suspect first.
    """
    clean = learn(corpus.texts, corpus.vectors, corpus.labels, judge=judge)
    rows: list[Mapping[str, Cell]] = [{"labels": "clean", "accuracy": _share(clean), "minus clean": None}]
    means: dict[str, list[float]] = {"wrong": [], "mended": []}
    for number, (given, ranked) in enumerate(draws):
        mended = mend(given, corpus.labels, shown=ranked[:shown])
        for name, labels in (("wrong", given), ("mended", mended)):
            right = learn(corpus.texts, corpus.vectors, labels, judge=judge)
            beside = mcnemar(right.tolist(), clean.tolist())
            means[name].append(float(right.mean() - clean.mean()))
            rows.append(
                {"labels": f"{name}, draw {number}", "accuracy": _share(right), "minus clean": beside.difference}
            )
    rows += [
        {"labels": f"{name}, mean", "accuracy": None, "minus clean": mean_of_runs(m)} for name, m in means.items()
    ]
    return Table(f"Test accuracy after {shown:,} rows were shown and put right", tuple(rows))


def _share(right: NDArray[np.bool_]) -> Interval:
    return wilson(int(right.sum()), len(right))
