"""Banking77 without 17 of its intents: can the model tell what it was never taught?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness import Cell, Table
from bench.intervals import Interval
from bench.learn import turns
from bench.learn.corpora import INTENT
from bench.learn.draws import withhold
from bench.learn.figures import auroc, mean_of_figures
from bench.learn.plan import Goal, Misses, Part, Plan

__all__ = ["SCORES", "known_score", "measure_scope"]

AUROC = 0.93
WITHHELD = 17
SCORES = ("scope",)
"""Where an answer says how likely its text is of a kind that it knows; without one, its confidence stands."""


def measure_scope(plan: Plan) -> Part:
    """Turns Banking77 without some labels at `normal`, another choice of labels for each seed."""
    corpus, effort = plan.banking77(), plan.chosen("normal")
    misses = Misses()
    rows: list[dict[str, Cell]] = []
    areas: list[Interval] = []
    for draw in plan.seeds:
        part = withhold(corpus, labels=2 if plan.quick else WITHHELD, draw=draw, field=INTENT)
        with misses.noted(f"draw {draw}"):
            folder = plan.turn(part.corpus, effort=effort, seed=draw).folder
            known = [each[INTENT] for each in plan.answers(part.corpus, effort=effort, seed=draw)]
            unknown = [each[INTENT] for each in turns.ask(folder, [row.text for row in part.unknown])]
            area = auroc([known_score(each) for each in known], [known_score(each) for each in unknown])
            areas.append(area)
            told: dict[str, Cell] = {"draw": draw, "known": len(known), "unknown": len(unknown), "AUROC": area}
            rows.append({**told, **_others(known, unknown)})
    goal = Goal("AUROC, mean over choices of intents", AUROC, mean_of_figures(areas) if areas else None)
    notes = (
        f"{WITHHELD} of the labels are drawn by a seed and left out of the train rows; `known` are the test "
        "rows of the others, `unknown` those of the drawn ones. Intervals: DeLong's; over draws Student's.",
        f"`AUROC` is of the first of {', '.join(f'`{name}`' for name in SCORES)} that an answer has, else of "
        "its confidence; the columns after it are of every number that an answer carries.",
    )
    return Part("scope", (Table("Known against unknown", tuple(rows)), *misses.tables()), (goal,), notes)


def known_score(answer: Mapping[str, Any]) -> float:
    """Returns how likely a text is known, by an answer: its own score for that, else its confidence."""
    scores = (answer.get(name) for name in SCORES)
    return next((float(score) for score in scores if score is not None), float(answer["confidence"]))


def _others(known: Sequence[Mapping[str, Any]], unknown: Sequence[Mapping[str, Any]]) -> dict[str, Interval]:
    every = [*known, *unknown]
    names = [name for name in known[0] if all(isinstance(each.get(name), float) for each in every)]
    return {
        f"`{name}`": auroc([float(each[name]) for each in known], [float(each[name]) for each in unknown])
        for name in names
    }
