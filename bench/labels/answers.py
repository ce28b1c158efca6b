"""Paid workers' answers to the same questions, and the truth, read where they lie (`../shared/data`)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

__all__ = ["SETS", "Answer", "read_answers", "read_truth"]

SETS = ("dog", "duck", "face")


class Answer(NamedTuple):
    """One worker's answer to one question."""

    question: str
    worker: str
    answer: str


def read_answers(folder: Path, name: str) -> list[Answer]:
    """Returns the answers of a set."""
    with (folder / "crowd-labels" / f"{name}-answer.csv").open(newline="") as file:
        return [Answer(row["question"], row["worker"], row["answer"]) for row in csv.DictReader(file)]


def read_truth(folder: Path, name: str) -> dict[str, str]:
    """Returns each question's right answer. Nothing but a score may be made of it."""
    with (folder / "crowd-labels" / f"{name}-truth.csv").open(newline="") as file:
        return {row["question"]: row["truth"] for row in csv.DictReader(file)}
