"""A hundred corrections on Banking77: seconds to a judged candidate, and whether it equals a new training."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.harness import Cell, Table
from bench.learn import turns
from bench.learn.corpora import INTENT, Corpus, Row
from bench.learn.figures import mean_of_runs
from bench.learn.plan import Goal, Misses, Part, Plan
from bench.learn.turns import Turn, TurnError

__all__ = ["furthest", "measure_update"]

CORRECTIONS, ASKED = 100, 500
SECONDS, APART = 5, 1e-5


def measure_update(plan: Plan) -> Part:
    """Turns Banking77 at `quick` without some train rows, then gives them back as corrections, in batches."""
    corpus, effort = plan.banking77(), plan.chosen("quick")
    size, asked = (10, 20) if plan.quick else (CORRECTIONS, ASKED)
    rows = list(corpus.train)
    random.Random(0).shuffle(rows)
    batches = [rows[number * size : (number + 1) * size] for number in range(plan.draws)]
    texts = [row.text for row in rows[plan.draws * size :][:asked]]
    kept = corpus._replace(name=f"{corpus.name}-update", train=tuple(rows[plan.draws * size + asked :]))
    misses = Misses()
    table: list[dict[str, Cell]] = []
    times: list[float] = []
    difference = None
    with misses.noted("corrections"):
        folder = _fresh(plan, kept, effort, place="updated")
        turns.turn(folder)
        for batch in batches:
            turns.correct(folder, batch)
            turned = turns.turn(folder, fresh=False)
            table.append(_row(turned, len(batch)))
            times.append(turned.seconds or 0.0)
        if turned.document.get("release") is None:
            raise TurnError(f"The last candidate was refused, so it cannot be asked: {turned.verdict['reasons']}")
        difference = _compare(plan, kept, effort, folder, batches, texts)
    goals = (
        Goal("seconds to a judged candidate, mean of batches", SECONDS, mean_of_runs(times) if times else None,
             way="at most"),
        Goal("furthest probability from a new training", APART, difference, way="at most"),
    )  # fmt: skip
    tables = (Table("Batches of corrections", tuple(table)), *_summary(times), *misses.tables())
    return Part("update", tables, goals, (_NOTE.format(corrections=size, asked=asked),))


_NOTE = (
    "Each batch of {corrections} train rows, kept from the first turn, goes through `freehold feedback`; "
    "`seconds` is the whole of the next `freehold run`, process start included. The new training is the same "
    "rows and the same corrections in a state that holds nothing but the texts' vectors, one turn; both "
    "champions answer {asked} train rows that neither learned from, and the largest difference of any "
    "probability is told."
)


def _fresh(plan: Plan, corpus: Corpus, effort: str, *, place: str) -> Path:
    folder = plan.write(corpus, effort=effort, seed=plan.seeds[0], place=f"{corpus.name}-{place}")
    shutil.rmtree(folder / ".freehold", ignore_errors=True)
    return folder


def _row(turned: Turn, corrections: int) -> dict[str, Cell]:
    return {
        "corrections": corrections,
        "seconds": turned.seconds,
        "fit": turned.stage("train"),
        "shrink": turned.stage("compress"),
        "gate": turned.stage("gate"),
        "released": str((turned.document.get("release") or {}).get("version", "refused")),
    }


def _summary(times: Sequence[float]) -> tuple[Table, ...]:
    if not times:
        return ()
    row: dict[str, Cell] = {"median s": median(times), "least s": min(times), "most s": max(times)}
    return (Table("Seconds", ({**row, "n": len(times)},)),)


def _compare(
    plan: Plan, corpus: Corpus, effort: str, updated: Path, batches: Sequence[Sequence[Row]], texts: Sequence[str]
) -> float:
    """Returns the largest difference between the updated model's probabilities and a new one's.

    The new state is given the vectors of the old one: those that torch makes of a text and those of the exported
    graph differ in the sixth digit.
    """
    folder = _fresh(plan, corpus, effort, place="anew")
    shutil.copytree(updated / ".freehold" / "cache" / "features", folder / ".freehold" / "cache" / "features")
    for batch in batches:
        turns.correct(folder, batch)
    turns.turn(folder)
    return furthest(turns.ask(updated, texts), turns.ask(folder, texts))


def furthest(ones: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> float:
    """Returns the largest difference of any label's probability in two lists of answers to the same texts."""
    most = 0.0
    for one, other in zip(ones, others, strict=True):
        left, right = (dict(each[INTENT]["probabilities"]) for each in (one, other))
        for label in left.keys() | right.keys():
            most = max(most, abs(left.get(label, 0.0) - right.get(label, 0.0)))
    return most
