"""The locked test rows, as everything in this stage reads them."""

from __future__ import annotations

from pathlib import Path

from freehold.task import Example, Task, read_examples

__all__ = ["read_test_rows"]


def read_test_rows(path: Path, task: Task) -> list[Example]:
    """Returns the test rows that have a label for one of the task's fields at least."""
    names = {field.name for field in task.fields}
    return [row for row in read_examples(path) if row.split == "test" and names & row.outputs.keys()]
