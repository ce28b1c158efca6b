"""Banking77 as a plain task folder: `freehold run` in a fresh state, beside two peers on the same rows.

The data is read where it lies: `$FREEHOLD_DATA/banking77`, or `../shared/data/banking77` seen from the
repository's root. The published test set is the test set; Freehold carves validation rows from the published
train set, and the peers choose their settings on those same rows.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness import ROOT, Cell, Machine, Report, Table, publish, typed
from bench.intervals import wilson
from bench.peers import INTERVALS, beside, measure, minilm_logistic, standing, words_chars_svm
from bench.released import answer, labelled_rows, run_cli, stage_facts

__all__ = ["main", "write_task"]

FIELD = "intent"
TASK = """\
[task]
name = "banking77"
description = "What does the customer want?"
seed = {seed}

[input]
text = "string"

[output.{field}]
kind = "choice"
description = "The customer's intent."
labels = "data"
"""
SOURCE = """
[[source]]
uri = "{uri}"
fields = {{ text = "text", {field} = "category" }}
licence = "CC-BY-4.0"
split = "{split}"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench.banking77", description=__doc__)
    parser.add_argument("--rows", type=int, default=0, help="train on that many rows only; 0: all of them")
    parser.add_argument("--seed", type=int, default=0, help="of the task and the peers (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=_data(), help="folder with train.csv and test.csv")
    parser.add_argument("--keep", type=Path, help="task folder to make and keep (default: a temporary one)")
    options = parser.parse_args(arguments)
    with _folder(options.keep) as folder:
        write_task(folder, options.data, rows=options.rows, seed=options.seed)
        start = time.perf_counter()
        document = run_cli("run", str(folder))
        seconds = time.perf_counter() - start
        tables = (*_line(document, seconds), *_rungs(folder), _accuracy(folder, seconds, options.seed))
    libraries = ("scikit-learn", "sentence-transformers", "torch", "transformers", "onnxruntime")
    publish(
        Report(
            f"banking77{f'-{options.rows}' if options.rows else ''}",
            Machine.here(*libraries),
            options.seed,
            tables,
            notes=(
                "Freehold's seconds: the whole command in a fresh state and process, from reading the files "
                "to the release. A peer's seconds: features, all settings, fit and answers, without imports.",
                INTERVALS,
            ),
            command=typed("banking77", arguments),
        )
    )
    return 0


def write_task(folder: Path, data: Path, *, rows: int, seed: int) -> None:
    """Writes the task folder: a task file that points at the data, or at a subset written beside it.

    Args:
        rows: How many train rows to draw, evenly spread over the file; 0 for all of them, in place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train = data / "train.csv"
    if rows:
        train = _subset(train, folder / "train.csv", rows=rows)
    sources = {"train": train, "test": data / "test.csv"}
    text = TASK.format(seed=seed, field=FIELD)
    for split, path in sources.items():
        text += SOURCE.format(uri=path.resolve().as_posix(), split=split, field=FIELD)
    (folder / "task.toml").write_text(text)


def _subset(source: Path, target: Path, *, rows: int) -> Path:
    with source.open(newline="", encoding="utf-8") as file:
        head, *body = csv.reader(file)
    step = max(1, len(body) // rows)
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *body[::step][:rows]])
    return target


def _line(document: Mapping[str, Any], seconds: float) -> list[Table]:
    """Returns the verdict, and where the time went."""
    stages: list[dict[str, Cell]] = [
        {"stage": stage["name"], "seconds": float(stage["seconds"])} for stage in document["stages"]
    ]
    stages.append({"stage": "the whole command, process start included", "seconds": seconds})
    verdict = document["verdict"]
    said: dict[str, Cell] = {
        "release": (document.get("release") or {}).get("version"),
        "passed": str(verdict["passed"]),
        "reasons": " ".join(verdict["reasons"]),
    }
    return [Table("Verdict", (said,)), Table("Where the time went", tuple(stages))]


def _rungs(folder: Path) -> list[Table]:
    """Returns the ladder as the train stage recorded it."""
    rungs = stage_facts(folder, "train.fit").get("rungs", [])
    rows = [
        {
            "rung": rung["name"],
            "seconds": float(rung["seconds"]),
            "validation": wilson(round(rung["validation"][FIELD] * rung["n"][FIELD]), rung["n"][FIELD])
            if "validation" in rung
            else None,
            "taken": str(rung["taken"]),
            "note": rung.get("note", ""),
        }
        for rung in rungs
    ]
    return [Table("Rungs of the ladder", tuple(rows))] if rows else []


def _accuracy(folder: Path, seconds: float, seed: int) -> Table:
    """Returns the table of test accuracies: ours and the peers'."""
    split = labelled_rows(folder, FIELD)
    test = split["test"]
    ours = [a == b for a, b in zip(answer(folder, test, FIELD), test.labels, strict=True)]
    trained = len(split["train"].labels) + len(split["validation"].labels)
    rows = [standing("Freehold's released model", ours, trained=trained, seconds=seconds)]
    for peer in (words_chars_svm, minilm_logistic):
        rows += [beside(outcome, test, ours) for outcome in measure(peer(), split, seed=seed)]
    return Table("Test accuracy", tuple(rows))


def _data() -> Path:
    data = os.environ.get("FREEHOLD_DATA")
    return (Path(data) if data else ROOT.parent / "shared" / "data") / "banking77"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    raise SystemExit(main())
