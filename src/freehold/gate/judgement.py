"""Stage 5: may this artifact be released?

Owns asking both models the locked test rows and writing down what came of it. The numbers and the decision
are made by pure functions (`decision`); models are run by `engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from freehold.task import (
    Artifact,
    Desk,
    Event,
    Example,
    Field,
    Judgement,
    LabelledExamples,
    Prediction,
    Release,
    Task,
    Value,
    canonical,
    read_examples,
    stage,
)

if TYPE_CHECKING:
    from freehold.gate.decision import Champion

__all__ = ["Answering", "judge", "judge_with"]

_NAME = "gate.judge"
_BATCH = 256


class Answering(Protocol):
    """What the gate needs of a reader."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Output fields with their labels."""

    def predict(self, inputs: Sequence[Mapping[str, str]], /, *, requests: Sequence[str]) -> list[Prediction]:
        """Returns one prediction an input, in order."""


Opening: TypeAlias = Callable[[Path], Answering]


@stage(_NAME, version=2, result=Judgement, reads=("name", "inputs", "fields", "goals", "seed"))
def judge(
    desk: Desk, task: Task, artifact: Artifact, labelled: LabelledExamples, against: Release | None
) -> Judgement:
    """Judges an artifact on the locked test rows, against its goals and against the champion.

    Writes `verdict.json`, and `answers.jsonl` with the truth, the candidate's and the champion's values of
    each test row.

    Args:
        against: The champion to beat; None for a first release.

    Raises:
        IntegrityError: A file of one of the two models is damaged.
    """
    from freehold.engine import open_reader

    def opening(folder: Path) -> Answering:
        return open_reader(folder, threads=desk.threads)

    return judge_with(opening, desk, task=task, artifact=artifact, labelled=labelled, against=against)


def judge_with(
    opening: Opening,
    desk: Desk,
    *,
    task: Task,
    artifact: Artifact,
    labelled: LabelledExamples,
    against: Release | None,
) -> Judgement:
    """Does what `judge` does, with readers from wherever `opening` gets them."""
    from freehold.gate.decision import decide

    rows = _read_test_rows(labelled.folder / "examples.jsonl", task)
    asking = _Asking(desk, rows, total=len(rows) * (2 if against else 1))
    reader = opening(artifact.folder)
    predictions = asking.ask(reader, begin=0)
    champion = _ask_champion(opening, against, asking, task=task) if against else None
    verdict = decide(
        task,
        [row.outputs for row in rows],
        predictions,
        fields=reader.fields,
        champion=champion,
        facts=artifact.facts,
        artifact=artifact.digest,
    )
    (desk.folder / "verdict.json").write_bytes(canonical(verdict.to_json()) + b"\n")
    others = champion.predictions if champion else ()
    _write_answers(desk.folder / "answers.jsonl", rows, predictions, others)
    return Judgement(desk.folder, facts={"rows": len(rows), "passed": verdict.passed})


def _read_test_rows(path: Path, task: Task) -> list[Example]:
    names = {field.name for field in task.fields}
    return [row for row in read_examples(path) if row.split == "test" and names & row.outputs.keys()]


def _ask_champion(opening: Opening, against: Release, asking: _Asking, *, task: Task) -> Champion:
    from freehold.gate.decision import Champion

    reader = opening(against.artifact.folder)
    missing = [name for name in reader.inputs if name not in task.inputs]
    predictions = [] if missing else asking.ask(reader, begin=len(asking.rows))
    return Champion(against.name, reader.fields, predictions, missing)


class _Asking(NamedTuple):
    """Asks a reader every test row, a batch at a time, and tells how far it is."""

    desk: Desk
    rows: Sequence[Example]
    total: int

    def ask(self, reader: Answering, *, begin: int) -> list[Prediction]:
        predictions: list[Prediction] = []
        for start in range(0, len(self.rows), _BATCH):
            batch = self.rows[start : start + _BATCH]
            predictions += reader.predict([row.inputs for row in batch], requests=[row.id for row in batch])
            self.desk.tell(Event(_NAME, "progress", begin + len(predictions), self.total, "test rows answered"))
        return predictions


def _write_answers(
    path: Path, rows: Sequence[Example], candidate: Sequence[Prediction], champion: Sequence[Prediction]
) -> None:
    with path.open("wb") as file:
        for place, row in enumerate(rows):
            answers = {
                "id": row.id,
                "truth": dict(row.outputs),
                "candidate": _values(candidate[place]),
                "champion": _values(champion[place]) if champion else None,
            }
            file.write(canonical(answers) + b"\n")


def _values(prediction: Prediction) -> dict[str, Value]:
    return {name: answer.value for name, answer in prediction.answers.items()}
