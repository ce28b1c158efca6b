"""Stage 5: may this artifact be released?

Owns asking both models the locked test rows and writing down what came of it. The numbers and the decision
are made by pure functions (`decision`); models are run by `engine`, and what they answered before is `recalled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.gate.asking import Answering, Asking, Opening
from freehold.gate.contrast import note_contrast
from freehold.gate.leaks import note_leaks
from freehold.gate.testing import read_test_rows
from freehold.task import (
    Artifact,
    Contrast,
    Desk,
    Example,
    Json,
    Judgement,
    LabelledExamples,
    Measured,
    Prediction,
    Release,
    Task,
    Value,
    canonical,
    name_unit,
    stage,
)

if TYPE_CHECKING:
    from freehold.gate.decision import Champion
    from freehold.gate.recalled import Answered

__all__ = ["judge", "judge_with"]

_NAME = "gate.judge"


@stage(_NAME, version=5, result=Judgement, reads=("name", "inputs", "fields", "goals", "seed", "rules"))
def judge(
    desk: Desk,
    task: Task,
    artifact: Artifact,
    labelled: LabelledExamples,
    against: Release | None,
    contrast: Contrast | None = None,
) -> Judgement:
    """Judges an artifact on the locked test rows, against its goals and against the champion.

    Writes `verdict.json`; `calibration.json` with how right the candidate's answers are at each confidence;
    and `answers.jsonl` with the truth, the candidate's values and confidence, and the champion's values of
    each test row.

    Args:
        against: The champion to beat; None for a first release.
        contrast: What made rows were worth, where some were made; the verdict repeats it.

    Raises:
        IntegrityError: A file of a model that has to be asked is damaged.
    """
    from freehold.gate.rereading import open_model

    def opening(folder: Path) -> Answering:
        return open_model(folder, desk)

    return judge_with(
        opening, desk, task=task, artifact=artifact, labelled=labelled, against=against, contrast=contrast
    )


def judge_with(
    opening: Opening,
    desk: Desk,
    *,
    task: Task,
    artifact: Artifact,
    labelled: LabelledExamples,
    against: Release | None,
    contrast: Contrast | None = None,
) -> Judgement:
    """Does what `judge` does, with readers from wherever `opening` gets them."""
    from freehold.gate.curves import describe_confidence
    from freehold.gate.decision import decide
    from freehold.gate.tiers import measure_tiers

    rows = read_test_rows(labelled.folder / "examples.jsonl", task)
    asking = Asking(opening, desk, task, rows, total=len(rows) * (2 if against else 1))
    ours = asking.ask(artifact, begin=0)
    theirs = asking.ask(against.artifact, begin=len(rows)) if against else None
    asking.forget(but=[artifact, *([against.artifact] if against else [])])
    truths, predictions = [row.outputs for row in rows], ours.of(rows)
    units = [name_unit(row.passport, by_author=task.rules.by_author) for row in rows]
    verdict = decide(
        task,
        truths,
        predictions,
        fields=ours.fields,
        units=units,
        champion=_as_champion(against, theirs, rows=rows, task=task) if against and theirs else None,
        facts=artifact.facts,
        artifact=artifact.digest,
    )
    verdict = note_contrast(note_leaks(verdict, labelled.folder), contrast)
    _write(desk.folder / "verdict.json", verdict.to_json())
    confidence = describe_confidence(ours.fields, truths, predictions, units=units)
    _write(desk.folder / "calibration.json", {"fields": confidence})
    _write_answers(desk.folder / "answers.jsonl", rows, predictions, theirs.of(rows) if theirs else ())
    facts: dict[str, Json] = {"rows": len(rows), "passed": verdict.passed, "asked": len(asking.asked)}
    facts |= _tell_tiers(measure_tiers(ours.fields, truths, predictions, units=units))
    return Judgement(desk.folder, facts=facts)


def _tell_tiers(tiers: Mapping[str, Mapping[str, Measured]]) -> dict[str, Json]:
    told: Json = {n: {tier: {**m._asdict()} for tier, m in each.items()} for n, each in tiers.items()}
    return {"tiers": told} if tiers else {}


def _write(path: Path, content: Json) -> None:
    path.write_bytes(canonical(content) + b"\n")


def _as_champion(against: Release, answered: Answered, *, rows: Sequence[Example], task: Task) -> Champion:
    from freehold.gate.decision import Champion

    missing = [name for name in answered.inputs if name not in task.inputs]
    return Champion(against.name, answered.fields, answered.of(rows), missing)


def _write_answers(
    path: Path, rows: Sequence[Example], candidate: Sequence[Prediction], champion: Sequence[Prediction]
) -> None:
    with path.open("wb") as file:
        for place, row in enumerate(rows):
            answers = {
                "id": row.id,
                "truth": dict(row.outputs),
                "candidate": _values(candidate[place]),
                "confidence": {name: round(each.confidence, 6) for name, each in candidate[place].answers.items()},
                "champion": _values(champion[place]) if champion else None,
            }
            file.write(canonical(answers) + b"\n")


def _values(prediction: Prediction) -> dict[str, Value]:
    return {name: answer.value for name, answer in prediction.answers.items()}
