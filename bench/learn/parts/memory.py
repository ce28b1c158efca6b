"""The most memory that a turn holds for 50,000 and for 200,000 short rows, made up on the spot."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from bench.harness import Cell, Table
from bench.learn.corpora import INTENT, Corpus, Output, Row
from bench.learn.plan import Goal, Misses, Part, Plan

__all__ = ["invent", "measure_memory"]

SIZES, TEST, LABELS = (50_000, 200_000), 2_000, 50
GIB = 4.0
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeiou"]


def measure_memory(plan: Plan) -> Part:
    """Turns invented rows at `quick`, and reads the process's memory while it runs."""
    effort = plan.chosen("quick")
    sizes = (400, 800) if plan.quick else SIZES
    misses = Misses()
    rows: list[dict[str, Cell]] = []
    measured = None
    for size in sizes:
        with misses.noted(f"{size} rows"):
            corpus = invent(size, test=100 if plan.quick else TEST, labels=LABELS, seed=0)
            turned = plan.turn(corpus, effort=effort, seed=plan.seeds[0])
            held = turned.mebibytes / 1024 if turned.mebibytes else None
            said = turned.metric(INTENT, "accuracy")
            accuracy = said["value"] if said else None
            rows.append({"rows": size, "GiB": held, "seconds": turned.seconds, "accuracy": accuracy})
            measured = held if size == sizes[-1] else measured
    goal = Goal(f"GiB at {sizes[-1]:,} rows", GIB, measured, way="at most")
    notes = (
        f"Rows of 6 to 14 invented words, {LABELS} labels, {effort}. Memory: the most that `freehold run` and "
        "its children held at once, read from `/proc` every 50 ms; shared pages count for each process.",
    )
    return Part("memory", (Table("Memory", tuple(rows)), *misses.tables()), (goal,), notes)


def invent(size: int, *, test: int, labels: int, seed: int) -> Corpus:
    """Returns rows of invented words: some of a label's own, the others of everybody's.

    Words are drawn from thousands, so that hardly any two rows are near duplicates.
    """
    dice = random.Random(seed)
    words = sorted({"".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4))) for _ in range(6000)})
    dice.shuffle(words)
    own = {f"label {number:02}": words[number * 30 : (number + 1) * 30] for number in range(labels)}
    shared = words[labels * 30 :]
    outputs = (Output(INTENT, "choice", "Which group of words the text leans to."),)
    made = tuple(_sentences(size + test, own, shared, dice))
    return Corpus(f"invented-{size}", "CC0-1.0", outputs, made[:size], made[size:])


def _sentences(
    count: int, own: Mapping[str, Sequence[str]], shared: Sequence[str], dice: random.Random
) -> Iterator[Row]:
    names = list(own)
    for _ in range(count):
        label = dice.choice(names)
        words = dice.choices(own[label], k=dice.randint(2, 4)) + dice.choices(shared, k=dice.randint(4, 10))
        dice.shuffle(words)
        yield Row(" ".join(words), {INTENT: label})
