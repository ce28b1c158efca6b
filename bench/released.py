"""A finished run as a benchmark sees it: the split's rows, and the released model's answers to the test rows.

Goes through the public faces only: the command line, `freehold.load`, and a turn that is a no-op.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.task import SPLITS, Example, Split, load_task, read_examples

__all__ = ["Rows", "answer", "labelled_rows", "run_cli", "stage_facts"]


@dataclass(frozen=True, slots=True)
class Rows:
    """The labelled rows of one field in one split, in the order of the file."""

    inputs: tuple[Mapping[str, str], ...]
    labels: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        """One text a row: all inputs, in the order of their names."""
        return [" ".join(row[name] for name in sorted(row)) for row in self.inputs]

    def __add__(self, other: Rows) -> Rows:
        """Returns these rows, then the others."""
        return Rows(self.inputs + other.inputs, self.labels + other.labels)


def run_cli(*words: str) -> Any:
    """Runs `freehold WORDS --json` in a fresh process and returns its document.

    Raises:
        SystemExit: The command did not end with 0; a benchmark of a model that was refused measures nothing.
    """
    command = [sys.executable, "-c", "from freehold.app.cli import main; main()", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr or done.stdout
        raise SystemExit(f"`freehold {' '.join(words)}` ended with {done.returncode}:\n{said}")
    return json.loads(done.stdout)


def labelled_rows(folder: Path, field: str, *, state: Path | None = None) -> dict[Split, Rows]:
    """Returns the rows that the last turn trained, validated and tested on.

    Args:
        folder: The task's folder, after a turn.
        field: The output field whose labels are wanted; rows without one are left out.
        state: The state folder where it is not the usual one.
    """
    from freehold.line import open_state, run_turn

    with open_state(folder, state=state) as shelf:
        record = run_turn(load_task(folder), shelf=shelf)
        examples = list(read_examples(record.labelled.folder / "examples.jsonl"))
    labelled = [example for example in examples if field in example.outputs]
    return {split: _rows([e for e in labelled if e.split == split], field) for split in SPLITS}


def stage_facts(folder: Path, stage: str, *, state: Path | None = None) -> Any:
    """Returns the facts that the champion's stage of that name recorded; empty where there are none."""
    from freehold.line import open_state

    task = load_task(folder)
    with open_state(folder, state=state) as shelf:
        champion = shelf.champion(task.name)
        stages: Any = shelf.lineage(task.name, champion.version)["stages"] if champion else []
        keys = [record["key"] for record in stages if record["stage"] == stage]
        recorded = shelf.recall(keys[0]) if keys else None
    return recorded.facts if recorded else {}


def answer(folder: Path, rows: Rows, field: str, *, state: Path | None = None) -> list[str]:
    """Returns the champion's answers to the rows, as text."""
    import freehold

    predictions = freehold.load(folder, state=state).predict(list(rows.inputs))
    return [str(prediction.answers[field].value) for prediction in predictions]


def _rows(examples: list[Example], field: str) -> Rows:
    return Rows(
        tuple(dict(example.inputs) for example in examples),
        tuple(str(example.outputs[field]) for example in examples),
    )
