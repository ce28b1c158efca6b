"""One contender on one set, in a process and environment of its own; it never sees the truth.

`python -m bench.labels.contenders NAME FOLDER SET --rounds N` prints, as JSON, what the contender answers to each
question (null for no answer), what agreement it finds, and the CPU-seconds of each round of each. Time runs from
rows in memory to answers, without imports; libraries have their rows in the form that they ask for by then.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from bench.labels.answers import Answer, read_answers

__all__ = ["CONTENDERS", "main", "pairs_of_workers"]

Rows = Sequence[Answer]
Found = Mapping[str, Any]
LEVELS = ("nominal", "ordinal", "interval")


def freehold(rows: Rows) -> dict[str, Callable[[], Found]]:
    from freehold.label.crowd import Vote, dawid_skene, majority, tabulate

    votes = [Vote(*row) for row in rows]

    def by_majority(ties: Any = "none") -> Found:
        return {each.item: each.value for each in majority(tabulate(votes)).settle(ties)}

    def by_skill(smoothing: Any) -> Found:
        return {
            each.item: each.value for each in dawid_skene(tabulate(votes), smoothing=smoothing).consensus.settle()
        }

    return {
        "majority, ties open": by_majority,
        "majority, ties by lot": lambda: by_majority("random"),
        "Dawid-Skene (perks, the default)": lambda: by_skill("perks"),
        "Dawid-Skene (none)": lambda: by_skill("none"),
        "Dawid-Skene (jeffreys)": lambda: by_skill("jeffreys"),
        "Dawid-Skene (laplace)": lambda: by_skill("laplace"),
    }


def crowd_kit(rows: Rows) -> dict[str, Callable[[], Found]]:
    pandas, library = importlib.import_module("pandas"), importlib.import_module("crowdkit.aggregation")
    frame = pandas.DataFrame(rows, columns=["task", "worker", "label"])
    return {
        "crowd-kit MajorityVote": lambda: library.MajorityVote().fit_predict(frame).to_dict(),
        "crowd-kit DawidSkene": lambda: library.DawidSkene().fit_predict(frame).to_dict(),
    }


def freehold_agreement(rows: Rows) -> dict[str, Callable[[], Found]]:
    from freehold.label.crowd import Vote, alpha, cohen, fleiss, tabulate

    votes = tabulate(Vote(*row) for row in rows)

    def alphas() -> Found:
        return {level: _value(alpha(votes, level=level).overall) for level in ("nominal", "ordinal", "interval")}

    def fleiss_of() -> Found:
        return {"fleiss": _value(fleiss(tabulate(Vote(*row) for row in _evenly(rows))).overall)}

    def cohens() -> Found:
        return {
            f"{weights} {one} {other}": _value(cohen(votes, experts=(one, other), weights=weights).overall)
            for one, other in pairs_of_workers(rows)
            for weights in ("none", "linear", "quadratic")
        }

    return {"alpha": alphas, "fleiss": fleiss_of, "cohen": cohens}


def references(rows: Rows) -> dict[str, Callable[[], Found]]:
    numpy, library = importlib.import_module("numpy"), importlib.import_module("krippendorff")
    raters = importlib.import_module("statsmodels.stats.inter_rater")
    metrics = importlib.import_module("sklearn.metrics")
    workers = {name: place for place, name in enumerate(dict.fromkeys(row.worker for row in rows))}
    questions = {name: place for place, name in enumerate(dict.fromkeys(row.question for row in rows))}
    table = numpy.full((len(workers), len(questions)), numpy.nan)
    for row in rows:
        table[workers[row.worker], questions[row.question]] = float(row.answer)

    def alphas() -> Found:
        return {level: float(library.alpha(table, level_of_measurement=level)) for level in LEVELS}

    def fleiss_of() -> Found:
        by_question: dict[str, list[str]] = {}
        for row in _evenly(rows):
            by_question.setdefault(row.question, []).append(row.answer)
        counts, _ = raters.aggregate_raters(numpy.array(list(by_question.values())))
        return {"fleiss": float(raters.fleiss_kappa(counts))}

    def cohens() -> Found:
        labels, found = sorted({row.answer for row in rows}), {}
        for one, other in pairs_of_workers(rows):
            ours, theirs = table[workers[one]], table[workers[other]]
            both = ~numpy.isnan(ours) & ~numpy.isnan(theirs)
            pair = [[str(int(each)) for each in column[both]] for column in (ours, theirs)]
            for weights in ("none", "linear", "quadratic"):
                weighted = None if weights == "none" else weights
                kappa = metrics.cohen_kappa_score(*pair, labels=labels, weights=weighted)
                found[f"{weights} {one} {other}"] = None if numpy.isnan(kappa) else float(kappa)
        return found

    return {"alpha": alphas, "fleiss": fleiss_of, "cohen": cohens}


CONTENDERS = {
    "freehold": freehold,
    "crowd-kit": crowd_kit,
    "freehold-agreement": freehold_agreement,
    "references": references,
}


def pairs_of_workers(rows: Rows, *, most: int = 40, shared: int = 20) -> list[tuple[str, str]]:
    """Returns the first pairs of workers, by name, who answered so many questions in common."""
    asked: dict[str, set[str]] = {}
    for row in rows:
        asked.setdefault(row.worker, set()).add(row.question)
    pairs = (pair for pair in combinations(sorted(asked), 2) if len(asked[pair[0]] & asked[pair[1]]) >= shared)
    return [pair for pair, _ in zip(pairs, range(most), strict=False)]


def _evenly(rows: Rows) -> list[Answer]:
    """Returns the rows of those questions that have the usual number of answers: Fleiss' kappa takes no others."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.question] = counts.get(row.question, 0) + 1
    usual = max(set(counts.values()), key=list(counts.values()).count)
    return [row for row in rows if counts[row.question] == usual]


def _value(found: Any) -> float | None:
    return None if found.measured is None else float(found.measured.value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one contender and prints what it found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("set")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    found = {}
    for name, run in CONTENDERS[options.name](read_answers(options.folder, options.set)).items():
        result, seconds = run(), []
        for _ in range(options.rounds):
            start = time.process_time()
            result = run()
            seconds.append(time.process_time() - start)
        found[name] = {"result": result, "cpu": seconds}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
