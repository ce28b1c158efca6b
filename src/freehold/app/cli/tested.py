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

_READABLE = range(30, 161)  # characters; shorter says little, longer does not fit under a table


class Tested(NamedTuple):
    """One test row: what was asked, what was answered, what is true."""

    inputs: dict[str, str]
    answers: dict[str, object]
    truth: dict[str, object]

    @property
    def size(self) -> int:
        """How many characters were asked."""
        return sum(map(len, self.inputs.values()))


def print_tested(record: TurnRecord) -> None:
    """Prints the first test row that reads well; where none does, the first; nothing where there is none."""
    every = list(find_tested(record))
    tested = next((row for row in every if row.size in _READABLE), every[0] if every else None)
    if tested is None:
        return
    rows = [(name, " ".join(text.split()), "") for name, text in tested.inputs.items()]
    for field in (each.name for each in record.task.fields if each.name in tested.answers):
        value = tested.answers[field]
        truth = tested.truth.get(field)
        right = "" if truth is None else "right" if truth == value else f"wrong: it is {_plain(truth)}"
        rows.append((f"-> {field}", _plain(value), right))
    print_table(("", "a test row and its answer", ""), rows)


def find_tested(record: TurnRecord) -> Iterator[Tested]:
    """Yields the judged test rows in the order of the examples."""
    from freehold.task import read_examples

    answers = {}
    with (record.judgement.folder / "answers.jsonl").open("rb") as file:
        for line in file:
            row = json.loads(line)
            answers[row["id"]] = row
    for example in read_examples(record.labelled.folder / "examples.jsonl"):
        row = answers.get(example.id)
        if row:
            yield Tested(dict(example.inputs), row["candidate"], row["truth"])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
