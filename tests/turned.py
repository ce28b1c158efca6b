"""A small task folder with a tiny encoder of its own: a whole real turn takes seconds."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tests.small import make_base, make_examples

__all__ = ["TASK_FILE", "make_folder", "turned", "write_rows"]

TASK_FILE = """\
[task]
name = "desk"
description = "Routes messages."
base = "./base"

[input]
text = "string"

[output.area]
kind = "choice"
labels = "data"

[output.urgent]
kind = "predicate"

[[source]]
uri = "rows.csv"
licence = "CC0-1.0"

[goal]
area.accuracy = 0.5
"""


def make_folder(folder: Path, *, rows: int = 160, task_file: str = TASK_FILE) -> Path:
    """Writes the task file, the rows and the encoder; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    make_base(folder / "base")
    (folder / "task.toml").write_text(task_file)
    write_rows(folder / "rows.csv", rows=rows)
    return folder


def write_rows(path: Path, *, rows: int) -> None:
    """Writes labelled rows: text, area, urgent."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "area", "urgent"))
        for example in make_examples(rows):
            urgent = str(example.outputs["urgent"]).lower()
            writer.writerow((example.inputs["text"], example.outputs["area"], urgent))


@pytest.fixture(scope="session")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after its first turn. Not to be changed: tests that change something copy it."""
    from freehold.app.cli.entry import run_command

    folder = make_folder(tmp_path_factory.mktemp("turned") / "desk")
    assert run_command(["run", str(folder), "--quiet", "--json"]) == 0
    return folder
