"""Near duplicates: `rensa` against Daft's `minhash`, both against comparing every pair; and which bar to set.

Three questions, on Banking77's sentences (train and test) and on the standard library's docstrings:

1. Which library signs faster, and which pairs with a Jaccard similarity of 0.8 or more does each find?
2. What would other shingles and bars have done to the clusters?
3. How many of Banking77's training rows are near duplicates of its test rows?

Daft is not among Freehold's dependencies: install it into an environment of its own, beside them, to have it
in the table.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from bench.harness import Cell, Machine, Report, Table, alternate, compare, publish
from freehold.data import SOURCES, Place, Row, jaccard, shingles
from freehold.data.neighbours import HASHES, NEAR, find_candidates, sign

if TYPE_CHECKING:
    from freehold.data.neighbours import Signatures

    Signer = Callable[[Sequence[frozenset[str]]], Signatures]

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
BARS = (0.6, 0.7, 0.8, 0.9)
_CHUNK = 500
_SEED = 7


class Corpus(NamedTuple):
    """Texts with a label each; the first `train` of them are for training, the others a test set."""

    name: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    train: int


class Pairs(NamedTuple):
    """Pairs of positions, the smaller first, with their exact Jaccard similarities."""

    ones: np.ndarray[Any, np.dtype[np.int64]]
    others: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]

    def above(self, bar: float) -> set[tuple[int, int]]:
        kept = self.values >= bar
        return set(zip(self.ones[kept].tolist(), self.others[kept].tolist(), strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench.near_duplicates", description=__doc__)
    default = Path(os.environ.get("FREEHOLD_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=default, help="folder with banking77/ (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds (default: %(default)s)")
    options = parser.parse_args(arguments)
    tables: list[Table] = [weigh(options.repeats)]
    for corpus in (banking77(options.data / "banking77"), stdlib()):
        tables += [measure(corpus), time(corpus, options.repeats), consider(corpus)]
    publish(
        Report(
            "near_duplicates",
            Machine.here("rensa", "daft", "numpy", "scipy"),
            _SEED,
            tuple(tables),
            notes=(
                f"Recall and precision: against the exact Jaccard similarity of character 4-grams, bar {NEAR}.",
                "`candidates`: pairs that share a band and agree in enough hashes, before the exact comparison.",
                "Daft splits at spaces, so it is given the shingles as one string; that is part of its time.",
                "`kept apart`: training rows in a cluster with a row of the published test set.",
            ),
            command="python -m bench.near_duplicates",
        )
    )
    return 0


def banking77(folder: Path) -> Corpus:
    """Returns the distinct sentences of the published training and test sets."""
    rows: dict[str, str] = {}
    train = 0
    for name in ("train", "test"):
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows.setdefault(row["text"].strip(), row["category"])
        train = train or len(rows)
    return Corpus("banking77", tuple(rows), tuple(rows.values()), train)


def stdlib() -> Corpus:
    """Returns the distinct docstrings of this Python's standard library."""
    place = Place.of("python:stdlib", folder=ROOT)
    rows: dict[str, str] = {}
    with SOURCES.get("stdlib.v1").open(place, ()) as table:
        for row in table.rows:
            if isinstance(row, Row):
                rows.setdefault(str(row.cells["text"]), str(row.cells["module"]))
    return Corpus("stdlib", tuple(rows), tuple(rows.values()), len(rows))


def compare_all(sets: Sequence[frozenset[str]], *, bar: float) -> Pairs:
    """Returns every pair whose exact Jaccard similarity reaches `bar`."""
    names: dict[str, int] = {}
    columns = [names.setdefault(gram, len(names)) for grams in sets for gram in grams]
    sizes = np.array([len(grams) for grams in sets])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    matrix = csr_matrix((np.ones(len(columns), np.int32), columns, starts), shape=(len(sets), len(names)))
    ones, others, values = [], [], []
    for start in range(0, len(sets), _CHUNK):
        shared = (matrix[start : start + _CHUNK] @ matrix.T).tocoo()
        one, other = shared.row + start, shared.col
        value = shared.data / (sizes[one] + sizes[other] - shared.data)
        kept = (one < other) & (value >= bar)
        ones.append(one[kept])
        others.append(other[kept])
        values.append(value[kept])
    return Pairs(np.concatenate(ones), np.concatenate(others), np.concatenate(values))


def sign_with_daft(sets: Sequence[frozenset[str]]) -> Signatures:
    """Returns signatures as Daft's `minhash` makes them from the same shingles."""
    daft = importlib.import_module("daft")
    functions = importlib.import_module("daft.functions")
    texts = [" ".join(gram.replace(" ", "_") for gram in grams) for grams in sets]
    hashed = functions.minhash(daft.col("text"), num_hashes=HASHES, ngram_size=1, seed=_SEED)
    column = daft.from_pydict({"text": texts}).select(hashed.alias("hashes")).to_arrow()["hashes"]
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.uint32).reshape(len(sets), HASHES)


def signers() -> dict[str, Signer]:
    """Returns the contenders that are installed here."""
    found: dict[str, Signer] = {"rensa": sign}
    if importlib.util.find_spec("daft"):
        found["daft"] = sign_with_daft
    return found


def measure(corpus: Corpus) -> Table:
    """Returns how many of the truly near pairs each library's signatures lead to, and by way of how many."""
    sets = [shingles({"text": text}) for text in corpus.texts]
    truth = compare_all(sets, bar=NEAR).above(NEAR)
    rows: list[Mapping[str, Cell]] = []
    for name, signer in signers().items():
        candidates = {(min(pair), max(pair)) for pair in find_candidates(signer(sets))}
        found = {(one, other) for one, other in candidates if jaccard(sets[one], sets[other]) >= NEAR}
        rows.append(
            {
                "library": name,
                "n": len(sets),
                "near pairs": len(truth),
                "found": len(found & truth),
                "recall": len(found & truth) / len(truth),
                "precision": len(found & truth) / len(found),
                "candidates": len(candidates),
                "precision before comparing": len(found) / len(candidates),
            }
        )
    return Table(f"{corpus.name}: pairs found", tuple(rows))


def time(corpus: Corpus, repeats: int) -> Table:
    """Returns how long signing takes each library, shingles given."""
    sets = [shingles({"text": text}) for text in corpus.texts]
    contenders = {name: partial(signer, sets) for name, signer in signers().items()}
    table = compare(alternate(contenders, repeats=repeats), ours="rensa", seed=_SEED)
    return Table(f"{corpus.name}: seconds to sign {len(sets):,} texts", table.rows)


def weigh(repeats: int) -> Table:
    """Returns what each library takes on the disk, without what it depends on, and to be imported."""
    importing: dict[str, Callable[[], object]] = {
        name: partial(subprocess.run, [sys.executable, "-c", f"import {name}"], check=True) for name in signers()
    }
    seconds = alternate(importing, repeats=repeats)
    rows: list[Mapping[str, Cell]] = []
    for name, times in seconds.items():
        files = [Path(str(file.locate())) for file in distribution(name).files or ()]
        size = sum(file.stat().st_size for file in files if file.is_file())
        rows.append({"library": name, "MB": size / 1e6, "median s of a Python that imports it": median(times)})
    return Table("What the libraries weigh", tuple(rows))


def consider(corpus: Corpus) -> Table:
    """Returns what each size of shingle and each bar makes of a corpus, by comparing every pair."""
    rows: list[Mapping[str, Cell]] = []
    for size in (3, 4, 5):
        sets = [shingles({"text": text}, size=size) for text in corpus.texts]
        pairs = compare_all(sets, bar=min(BARS))
        for bar in BARS:
            near = pairs.above(bar)
            other = sum(corpus.labels[i] != corpus.labels[j] for i, j in near)
            rows.append(
                {
                    "shingle": size,
                    "bar": bar,
                    "pairs": len(near),
                    "of them with different labels": other / len(near),
                    **_describe(corpus, near),
                }
            )
    return Table(f"{corpus.name}: other shingles and bars, every pair compared", tuple(rows))


def _describe(corpus: Corpus, near: Collection[tuple[int, int]]) -> dict[str, Cell]:
    """Returns the clusters that pairs make, and how many training rows share one with a test row."""
    pairs = np.array(sorted(near)).reshape(-1, 2)
    size = len(corpus.texts)
    graph = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    _, clusters = connected_components(graph, directed=False)
    sizes = np.bincount(clusters)
    apart = np.isin(clusters[: corpus.train], clusters[corpus.train :]).sum()
    return {
        "clusters": int((sizes > 1).sum()),
        "texts in them": int(sizes[sizes > 1].sum()),
        "largest": int(sizes.max()),
        "kept apart": int(apart) if corpus.train < size else None,
    }


if __name__ == "__main__":
    raise SystemExit(main())
