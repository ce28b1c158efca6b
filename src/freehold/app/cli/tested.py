"""The answer to one test row, so that a turn ends with something to look at.

Takes what the gate wrote down; asks no model, so that a turn without news stays quick.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from freehold.app.cli.paper import print_table

if TYPE_CHECKING:
    from freehold.line import TurnRecord

__all__ = ["Tested", "find_tested", "print_tested"]

_LONGEST = 160  # characters; a longer text does not fit under a table


class Tested(NamedTuple):
    """One test row: what was asked, what was answered, what is true."""

    inputs: dict[str, str]
    answers: dict[str, object]
    truth: dict[str, object]


def print_tested(record: TurnRecord) -> None:
    """Prints the first test row that is short enough to read, or nothing where there is none."""
    tested = next(find_tested(record), None)
    if tested is None:
        return
    rows = [(name, " ".join(text.split()), "") for name, text in tested.inputs.items()]
    for field, value in tested.answers.items():
        truth = tested.truth.get(field)
        right = "" if truth is None else "right" if truth == value else f"wrong: it is {_plain(truth)}"
        rows.append((f"-> {field}", _plain(value), right))
    print_table(("", "a test row and its answer", ""), rows)


def find_tested(record: TurnRecord) -> Iterator[Tested]:
    """Yields the test rows that are short enough, in the order of the examples."""
    from freehold.task import read_examples

    answers = {}
    with (record.judgement.folder / "answers.jsonl").open("rb") as file:
        for line in file:
            row = json.loads(line)
            answers[row["id"]] = row
    for example in read_examples(record.labelled.folder / "examples.jsonl"):
        row = answers.get(example.id)
        if row and sum(map(len, example.inputs.values())) <= _LONGEST:
            yield Tested(dict(example.inputs), row["candidate"], row["truth"])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
