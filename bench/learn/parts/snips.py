"""SNIPS from its full train files: intent and slots, both fields of one model."""

from __future__ import annotations

from bench.harness import Cell, Table
from bench.intervals import Interval, wilson
from bench.learn import corpora
from bench.learn.corpora import INTENT, SLOTS, Corpus
from bench.learn.figures import count, f1, mean_of_figures, span_set
from bench.learn.parts.full import rights
from bench.learn.plan import Goal, Misses, Part, Plan

__all__ = ["measure_snips"]

INTENT_ACCURACY, SLOT_F1 = 0.985, 0.93


def measure_snips(plan: Plan) -> Part:
    """Turns SNIPS at `normal` with every seed; tested on the published validation files."""
    corpus, effort = plan.small(corpora.snips(plan.data), field=INTENT), plan.chosen("normal")
    misses = Misses()
    runs: list[dict[str, Cell]] = []
    for seed in plan.seeds:
        with misses.noted(f"seed {seed}"):
            runs.append(_run(plan, corpus, effort=effort, seed=seed))
    goals = (
        Goal("intent accuracy, mean over seeds", INTENT_ACCURACY, _mean(runs, "intent accuracy")),
        Goal("slot F1, mean over seeds", SLOT_F1, _mean(runs, "slot F1")),
    )
    notes = (
        "A slot is right where its label and both of its ends are; F1 is micro-averaged, its interval "
        "resampled over rows. `exact`: rows with the right intent and all slots right.",
    )
    return Part("snips", (Table("Runs", tuple(runs)), *misses.tables()), goals, notes)


def _run(plan: Plan, corpus: Corpus, *, effort: str, seed: int) -> dict[str, Cell]:
    turned = plan.turn(corpus, effort=effort, seed=seed)
    answers = plan.answers(corpus, effort=effort, seed=seed)
    right = rights(answers, corpus)
    counts = [
        count(span_set(row.outputs[SLOTS]), span_set(answer[SLOTS]["value"]))
        for answer, row in zip(answers, corpus.test, strict=True)
    ]
    both = [a and not each.wrong + each.missed for a, each in zip(right, counts, strict=True)]
    said = turned.metric(SLOTS, "f1")
    return {
        "effort": effort,
        "seed": seed,
        "n": len(right),
        "intent accuracy": wilson(sum(right), len(right)),
        "slot F1": f1(counts),
        "verdict's slot F1": said["value"] if said else None,
        "exact": wilson(sum(both), len(both)),
        "seconds": turned.seconds,
    }


def _mean(runs: list[dict[str, Cell]], column: str) -> Interval | None:
    figures = [cell for run in runs if isinstance(cell := run[column], Interval)]
    return mean_of_figures(figures) if figures else None
