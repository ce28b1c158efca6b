"""NLU++ banking in its published k-fold protocol: several intents a sentence, and slots, in one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.harness import Cell, Table
from bench.learn import corpora
from bench.learn.corpora import INTENTS, REGIMES, SLOTS, Corpus, Row
from bench.learn.figures import Counts, count, mean_of_runs, micro_f1, span_set
from bench.learn.plan import Misses, Part, Plan
from bench.learn.published import NLUPP

__all__ = ["measure_nlupp"]


def measure_nlupp(plan: Plan) -> Part:
    """Turns every experiment of every regime at `normal`, and quotes what is published."""
    folds, outputs = corpora.nlupp_folds(plan.data), corpora.nlupp_outputs(plan.data)
    effort, misses = plan.chosen("normal"), Misses()
    runs: list[dict[str, Cell]] = []
    means: list[dict[str, Cell]] = []
    for regime, protocol in REGIMES.items():
        experiments = corpora.nlupp(folds, regime, outputs=outputs)
        made: list[dict[str, Cell]] = []
        for corpus in experiments[: plan.folds or None]:
            with misses.noted(corpus.name):
                made.append({"regime": regime, **_run(plan, plan.small(corpus), effort=effort)})
        runs += made
        means += [_mean(regime, protocol, made)] if made else []
    notes = (
        "Micro-F1 of each experiment, then the mean over experiments, as the authors report it. A slot is "
        "right where its label and both ends are. Student's interval over experiments is a guide alone: in "
        "`low` and `mid` they share test rows, in `large` train rows.",
        "Freehold leaves out train rows that are near duplicates of a test row; the published baselines were "
        "trained with them.",
    )
    tables = [Table("Means over experiments", tuple(means))] if means else []
    tables += [NLUPP, Table("Experiments", tuple(runs)), *misses.tables()]
    return Part("nlupp", tuple(tables), notes=notes)


def _run(plan: Plan, corpus: Corpus, *, effort: str) -> dict[str, Cell]:
    seed = plan.seeds[0]
    turned = plan.turn(corpus, effort=effort, seed=seed)
    answers = plan.answers(corpus, effort=effort, seed=seed)
    pairs = list(zip(answers, corpus.test, strict=True))
    return {
        "experiment": corpus.name,
        "given": len(corpus.train),
        "n": len(corpus.test),
        "intents F1": micro_f1([_intents(answer, row) for answer, row in pairs]),
        "slots F1": micro_f1([_slots(answer, row) for answer, row in pairs]),
        "seconds": turned.seconds,
    }


def _intents(answer: Mapping[str, Any], row: Row) -> Counts:
    return count(row.outputs[INTENTS], answer[INTENTS]["value"])


def _slots(answer: Mapping[str, Any], row: Row) -> Counts:
    return count(span_set(row.outputs[SLOTS]), span_set(answer[SLOTS]["value"]))


def _mean(regime: str, protocol: str, runs: list[dict[str, Cell]]) -> dict[str, Cell]:
    row: dict[str, Cell] = {"regime": regime, "protocol": protocol, "experiments": len(runs)}
    for column in ("intents F1", "slots F1", "seconds"):
        values = [value for run in runs if isinstance(value := run[column], float)]
        row[column] = mean_of_runs(values) if values else None
    return row
