"""Banking77 from 1, 5, 10 and 20 rows a label, and from the labels' names alone."""

from __future__ import annotations

from bench.harness import Cell, Table
from bench.intervals import Interval, wilson
from bench.learn.contenders import nearest_name
from bench.learn.corpora import INTENT, Corpus
from bench.learn.draws import few, names_only
from bench.learn.figures import mean_of_figures
from bench.learn.parts.full import rights
from bench.learn.plan import Goal, Misses, Part, Plan
from bench.learn.published import FEW_SHOT

__all__ = ["GOALS", "measure_few"]

GOALS = {1: 0.70, 5: 0.835, 10: 0.87, 20: 0.90}
NAMES = 0.64


def measure_few(plan: Plan) -> Part:
    """Turns every draw at `normal`; the test rows are the published ones."""
    corpus, effort = plan.banking77(), plan.chosen("normal")
    misses = Misses()
    runs: list[dict[str, Cell]] = []
    means: list[dict[str, Cell]] = []
    goals: list[Goal] = []
    for shots, wanted in GOALS.items():
        made: list[Interval] = []
        for draw in range(plan.draws):
            with misses.noted(f"{shots} a label, draw {draw}"):
                row = _run(plan, few(corpus, shots=shots, draw=draw, field=INTENT), effort=effort, seed=draw)
                runs.append({"rows a label": shots, "draw": draw, **row})
                made += [cell for cell in row.values() if isinstance(cell, Interval)]
        mean = mean_of_figures(made) if made else None
        means.append({"rows a label": shots, "draws": len(made), "accuracy": mean})
        goals.append(Goal(f"{shots} a label: accuracy, mean of draws", wanted, mean))
    table, goal = _names(plan, corpus, effort, misses)
    notes = (
        "A draw takes k train rows of each label with a seed; those rows are all that is given: validation "
        "rows are carved from them. Means have Student's interval over the draws; a run's is Wilson's.",
        "`nearest name`: the label whose name's vector is nearest to the text's, same base, no learning.",
    )
    tables = (Table("Means over draws", tuple(means)), table, FEW_SHOT, Table("Draws", tuple(runs)))
    return Part("fewshot", (*tables, *misses.tables()), (*goals, goal), notes)


def _run(plan: Plan, corpus: Corpus, *, effort: str, seed: int) -> dict[str, Cell]:
    turned = plan.turn(corpus, effort=effort, seed=seed)
    right = rights(plan.answers(corpus, effort=effort, seed=seed), corpus)
    return {
        "given": len(corpus.train),
        "n": len(right),
        "accuracy": wilson(sum(right), len(right)),
        "seconds": turned.seconds,
    }


def _names(plan: Plan, corpus: Corpus, effort: str, misses: Misses) -> tuple[Table, Goal]:
    """Returns how far the labels' names alone lead: ours, and the nearest name."""
    bare = names_only(corpus, field=INTENT)
    labels = list(bare.outputs[0].labels or ())
    near = nearest_name(labels, [row.text for row in bare.test])
    right = [a == row.outputs[INTENT] for a, row in zip(near, bare.test, strict=True)]
    rows: list[dict[str, Cell]] = [{"model": "nearest name", "n": len(right), "accuracy": _share(right)}]
    measured = None
    with misses.noted("names alone"):
        made = rights(plan.answers(bare, effort=effort, seed=plan.seeds[0]), bare)
        measured = _share(made)
        rows.append({"model": "Freehold", "n": len(made), "accuracy": measured})
    return Table("Names alone", tuple(rows)), Goal("names alone: accuracy", NAMES, measured)


def _share(right: list[bool]) -> Interval:
    return wilson(sum(right), len(right))
