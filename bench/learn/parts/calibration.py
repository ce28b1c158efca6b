"""How far confidence can be believed: calibration error, Brier score, accuracy of the surest answers.

Asks the same turns as `full`, so that nothing is trained twice.
"""

from __future__ import annotations

from bench.harness import Cell, Table
from bench.learn.corpora import INTENT, Corpus
from bench.learn.figures import brier, calibration_error, coverage, mean_of_runs
from bench.learn.parts.full import rights
from bench.learn.plan import Goal, Misses, Part, Plan

__all__ = ["measure_calibration"]

ECE = 0.02
SHARES = (0.5, 0.8, 0.9, 1.0)


def measure_calibration(plan: Plan) -> Part:
    """Measures the released models of Banking77 and HWU64 at `normal`, every seed."""
    effort = plan.chosen("normal")
    rows: list[dict[str, Cell]] = []
    goals: list[Goal] = []
    misses = Misses()
    for name, corpus in {"banking77": plan.banking77(), "hwu64": plan.hwu64()}.items():
        errors: list[float] = []
        for seed in plan.seeds:
            with misses.noted(f"{name}, seed {seed}"):
                rows.append(_row(plan, corpus, effort=effort, seed=seed))
                errors.append(float(rows[-1]["ECE"]))  # type: ignore[arg-type]
        goals.append(Goal(f"{name}: ECE", ECE, mean_of_runs(errors) if errors else None, way="at most"))
    notes = (
        "`ECE`: 15 bins of equal mass over the confidence of the given answer, on the published test rows; "
        "`verdict`: the gate's own figure. The goal is held by the mean over seeds.",
        "`surest`: accuracy on that share of rows with the highest confidence.",
    )
    return Part("calibration", (Table("Calibration", tuple(rows)), *misses.tables()), tuple(goals), notes)


def _row(plan: Plan, corpus: Corpus, *, effort: str, seed: int) -> dict[str, Cell]:
    answers = [each[INTENT] for each in plan.answers(corpus, effort=effort, seed=seed)]
    right = rights([{INTENT: answer} for answer in answers], corpus)
    confidence = [float(answer["confidence"]) for answer in answers]
    said = plan.turn(corpus, effort=effort, seed=seed).metric(INTENT, "ece")
    truths = [str(row.outputs[INTENT]) for row in corpus.test]
    row: dict[str, Cell] = {
        "corpus": corpus.name,
        "effort": effort,
        "seed": seed,
        "n": len(right),
        "ECE": calibration_error(confidence, right),
        "verdict": said["value"] if said else None,
        "Brier": brier([answer["probabilities"] for answer in answers], truths),
    }
    surest: dict[str, Cell] = {f"surest {share:.0%}": coverage(confidence, right, share=share) for share in SHARES}
    return {**row, **surest}
