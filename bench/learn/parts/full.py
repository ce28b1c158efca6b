"""Banking77 and HWU64 from all of their train rows: accuracy, and seconds from the file to the release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness import Cell, Table
from bench.intervals import Interval, wilson
from bench.learn.corpora import INTENT, Corpus
from bench.learn.figures import mean_of_figures, mean_of_runs
from bench.learn.plan import Goal, Misses, Part, Plan
from bench.learn.published import FULL
from bench.released import stage_facts

__all__ = ["GOALS", "measure_full", "rights"]

GOALS = {("banking77", "normal"): 0.945, ("hwu64", "normal"): 0.925, ("banking77", "quick"): 0.940}
QUICK_SECONDS = 120


def measure_full(plan: Plan) -> Part:
    """Turns both corpora, quick and normal, with every seed."""
    runs: list[dict[str, Cell]] = []
    means: list[dict[str, Cell]] = []
    goals: list[Goal] = []
    rungs: list[dict[str, Cell]] = []
    misses = Misses()
    for name, corpus in {"banking77": plan.banking77(), "hwu64": plan.hwu64()}.items():
        for effort in dict.fromkeys(plan.chosen(each) for each in ("quick", "normal")):
            made: list[dict[str, Cell]] = []
            for seed in plan.seeds:
                with misses.noted(f"{name}, {effort}, seed {seed}"):
                    made.append(_run(plan, corpus, effort=effort, seed=seed))
            runs += made
            means += [_mean(made)] if made else []
            goals += _goals(name, effort, made)
        rungs += _rungs(plan, corpus)
    tables = [Table("Means over seeds", tuple(means)), FULL, Table("Runs", tuple(runs))]
    tables += [Table("What was tried with the first seed", tuple(rungs))] if rungs else []
    notes = (
        "`accuracy`: Wilson's interval over the published test rows, answered by the released model through "
        "`freehold predict`; `verdict` is the gate's own figure, without test rows that repeat others.",
        "`seconds`: the whole of `freehold run` in a fresh state and process. Means over seeds have Student's "
        "interval: how far another seed may fall, not another test set; one seed has Wilson's.",
    )
    return Part("full", (*tables, *misses.tables()), tuple(goals), notes)


def rights(answers: Sequence[Mapping[str, Any]], corpus: Corpus, *, field: str = INTENT) -> list[bool]:
    """Returns for each test row whether the answer's value is the right one."""
    return [answer[field]["value"] == row.outputs[field] for answer, row in zip(answers, corpus.test, strict=True)]


def _run(plan: Plan, corpus: Corpus, *, effort: str, seed: int) -> dict[str, Cell]:
    turned = plan.turn(corpus, effort=effort, seed=seed)
    right = rights(plan.answers(corpus, effort=effort, seed=seed), corpus)
    said = turned.metric(INTENT, "accuracy")
    return {
        "corpus": corpus.name,
        "effort": effort,
        "seed": seed,
        "given": len(corpus.train),
        "n": len(right),
        "accuracy": wilson(sum(right), len(right)),
        "verdict": said["value"] if said else None,
        "seconds": turned.seconds,
        "GiB": turned.mebibytes / 1024 if turned.mebibytes else None,
    }


def _mean(runs: Sequence[Mapping[str, Cell]]) -> dict[str, Cell]:
    times = [float(run["seconds"]) for run in runs if isinstance(run["seconds"], float)]
    return {
        "corpus": runs[0]["corpus"],
        "effort": runs[0]["effort"],
        "seeds": len(runs),
        "accuracy": _accuracy(runs),
        "seconds": mean_of_runs(times) if times else None,
    }


def _accuracy(runs: Sequence[Mapping[str, Cell]]) -> Interval:
    return mean_of_figures([run["accuracy"] for run in runs if isinstance(run["accuracy"], Interval)])


def _goals(name: str, effort: str, runs: Sequence[Mapping[str, Cell]]) -> list[Goal]:
    wanted = GOALS.get((name, effort))
    if wanted is None:
        return []
    goals = [Goal(f"{name}, {effort}: accuracy", wanted, _accuracy(runs) if runs else None)]
    if effort == "quick":
        times = [float(run["seconds"]) for run in runs if isinstance(run["seconds"], float)]
        longest = max(times) if times else None
        goals.append(Goal(f"{name}, quick: seconds, slowest seed", QUICK_SECONDS, longest, way="at most"))
    return goals


def _rungs(plan: Plan, corpus: Corpus) -> list[dict[str, Cell]]:
    """Returns the ladder of the first seed as the train stage recorded it."""
    rows: list[dict[str, Cell]] = []
    for (name, effort, seed), turned in plan.turned.items():
        if name != corpus.name or seed != plan.seeds[0]:
            continue
        for rung in stage_facts(turned.folder, "train.fit").get("rungs", []):
            rows.append(
                {
                    "corpus": name,
                    "effort": effort,
                    "rung": rung["name"],
                    "seconds": float(rung["seconds"]),
                    "validation": rung.get("validation", {}).get(INTENT),
                    "taken": str(rung["taken"]),
                    "note": str(rung.get("note", "")),
                }
            )
    return rows
