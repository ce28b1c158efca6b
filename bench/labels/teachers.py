"""Three releases of uneven quality as a committee: a student of what they are sure of together, beside them.

Each release is trained on its own slice of Banking77's training rows, two of them without some of the labels, and
served by `freehold serve`; the student's line asks them through `/v1/chat/completions`. The threshold is the one
with the best validation accuracy; the published test rows are looked at when it is chosen.
"""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bench.harness import Cell, Table
from bench.intervals import mcnemar, wilson
from bench.released import run_cli

__all__ = ["SLICES", "Row", "measure", "predict", "read_rows", "slice_rows"]

SEED = 0
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
VERIFIERS = ('"instructions"', '"instructions", "doubts"')
SLICES: Mapping[str, tuple[float, float]] = {"small": (0.0, 0.1), "middle": (0.1, 0.3), "large": (0.3, 0.7)}
MISSING: Mapping[str, tuple[int, int]] = {"small": (0, 0), "middle": (0, 12), "large": (12, 30)}
"""Which of the labels, in an order drawn by their names, a teacher has never seen."""
KNOWN, POOL = (0.7, 0.75), (0.75, 1.0)

Row = tuple[str, str]

_HEAD = """\
[task]
name = "{name}"
description = "What does the customer want?"
effort = "quick"
[input]
text = "string"
[output.intent]
kind = "choice"
description = "The customer's intent."
labels = {labels}
"""
_SOURCE = '[[source]]\nuri = "{uri}"\nfields = {{ text = "text", intent = "category" }}\nsplit = "{split}"\n'
_TEACHER = '[[teacher]]\nname = "{name}"\nurl = "{url}/v1"\nmodel = "{name}"\nparallel = 4\n'
_LABEL = "[label]\nagreement = {agreement}\nchecks = 100_000\nverifiers = [{verifiers}]\n"


@dataclass(frozen=True, slots=True)
class Student:
    """What a student is taught by.

    Attributes:
        teachers: Their names; none for the known rows alone.
        pool: Where the pool lies; in `voted.csv` with the label that most teachers gave, or the best one.
    """

    teachers: tuple[str, ...]
    agreement: float = 0.0
    verifiers: str = ""
    pool: str = "pool.csv"


def slice_rows(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Returns the rows of each teacher, those whose label the student's owner knows, and the pool."""
    drawn = sorted(rows, key=lambda row: _draw(row[0]))
    labels = sorted({label for _, label in rows}, key=_draw)
    size = len(drawn)

    def cut(part: tuple[float, float]) -> list[Row]:
        return drawn[round(part[0] * size) : round(part[1] * size)]

    found = {"known": cut(KNOWN), "pool": cut(POOL)}
    for name, part in SLICES.items():
        unseen = set(labels[slice(*MISSING[name])])
        found[name] = [row for row in cut(part) if row[1] not in unseen]
    return found


def measure(data: Path, *, keep: Path | None = None) -> list[Table]:
    """Returns the tables.

    Args:
        keep: A folder where teachers are left, and taken from where they are there already.
    """
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        return _measure(keep, data / "banking77")
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder:
        return _measure(Path(folder), data / "banking77")


def _measure(folder: Path, data: Path) -> list[Table]:
    train, test = read_rows(data / "train.csv"), read_rows(data / "test.csv")
    labels, parts = sorted({label for _, label in train}), slice_rows(train)
    for name in SLICES:
        _make_teacher(folder / name, name, parts[name])
    with _serving([folder / name for name in SLICES], port=_find_port(folder)) as url:
        desk = _Desk(folder / "student", url, labels, data / "test.csv", parts)
        chosen, thresholds, best = desk.choose()
        _say(f"chosen: {chosen}, best teacher on known rows: {best}")
        desk.vote(best)
        students = {
            f"student of the committee where it is {chosen.agreement:g} sure, {chosen.verifiers}": chosen,
            "student of the committee, unfiltered": Student(tuple(SLICES)),
            "student of the plain majority, unfiltered": Student((), pool="voted.csv"),
            f"student of `{best}` alone, unfiltered": Student((best,)),
            f"student of the {len(parts['known']):,} known rows alone": Student(()),
        }
        answers = {name: desk.answer(each, test) for name, each in students.items()}
        quality = desk.measure_labels(Student(tuple(SLICES)), chosen)
    answers |= {f"teacher `{name}`": predict(folder / name, test) for name in SLICES}
    return [*thresholds, quality, _score(answers, test, best=best)]


class _Desk:
    """The student's task folder, written anew for each student; all of them share what teachers answered."""

    def __init__(
        self, folder: Path, url: str, labels: Sequence[str], test: Path, parts: Mapping[str, list[Row]]
    ) -> None:
        self._folder, self._url, self._labels, self._test, self._parts = folder, url, labels, test, parts
        folder.mkdir(exist_ok=True)
        _write(folder / "known.csv", parts["known"])
        _write(folder / "pool.csv", [(text, "") for text, _ in parts["pool"]])

    def write(self, student: Student) -> None:
        """Writes the task file."""
        text = _HEAD.format(name="student", labels=_toml(self._labels))
        pools = student.teachers or student.pool != "pool.csv"
        text += _SOURCE.format(uri="known.csv", split="validation") if pools else ""
        text += _SOURCE.format(uri=student.pool if pools else "known.csv", split="train")
        text += _SOURCE.format(uri=self._test.resolve().as_posix(), split="test")
        text += "".join(_TEACHER.format(name=name, url=self._url) for name in student.teachers)
        text += _LABEL.format(agreement=student.agreement, verifiers=student.verifiers)
        (self._folder / "task.toml").write_text(text)

    def vote(self, best: str) -> None:
        """Labels the pool as most teachers do, without any weights; served and opened, a release says the same."""
        rows = self._parts["pool"]
        said = {name: predict(self._folder.parent / name, rows) for name in (best, *(set(SLICES) - {best}))}
        votes = [Counter(labels).most_common(1)[0][0] for labels in zip(*said.values(), strict=True)]
        _write(self._folder / "voted.csv", [(text, label) for (text, _), label in zip(rows, votes, strict=True)])

    def fit(self, student: Student) -> tuple[Any, Any, list[Any]]:
        """Returns the facts of labelling and of training, and the labelled rows; nothing is tested."""
        from freehold import data, label
        from freehold.line import LocalRunner, open_state
        from freehold.task import load_task, read_examples
        from freehold.train import fit

        self.write(student)
        task = load_task(self._folder)
        with open_state(self._folder) as shelf, shelf.lock():
            room, cache = shelf.state / "work" / "bench", shelf.state / "cache"
            run = LocalRunner(shelf, room=room, cache=cache, threads=2, tell=lambda _event: None)
            labelled = run(label.annotate, task, run(data.collect, task, shelf), shelf)
            trained = run(fit, task, labelled)
            rows = list(read_examples(labelled.folder / "examples.jsonl"))
            run.clear()
        return labelled.facts, trained.facts, rows

    def choose(self) -> tuple[Student, list[Table], str]:
        """Returns the student that validates best, what was seen on the way, and the best teacher."""
        rows: list[dict[str, Cell]] = []
        tried: list[tuple[float, Student]] = []
        for agreement, verifiers in product(THRESHOLDS, VERIFIERS):
            student = Student(tuple(SLICES), agreement, verifiers)
            begun = time.perf_counter()
            facts, trained, _ = self.fit(student)
            value, n = _validation(trained)
            seconds = time.perf_counter() - begun
            row: dict[str, Cell] = {
                "threshold": agreement,
                "verifiers": verifiers.replace('"', ""),
                "taught": facts["teachers"]["taught"],
                "validation": wilson(round(value * n), n),
                "seconds": seconds,
            }
            rows.append(row)
            _say(str(row))
            tried.append((value, student))
        best = max(value for value, _ in tried)
        chosen = next(student for value, student in tried if value == best)
        tables = [Table("Validation by threshold", tuple(rows)), *self._survey()]
        return chosen, tables, self.best

    def _survey(self) -> list[Table]:
        from freehold.label.teach import survey
        from freehold.line import open_state
        from freehold.task import Desk, load_task, read_examples

        task = load_task(self._folder)
        rows: list[dict[str, Cell]] = []
        with open_state(self._folder) as shelf:
            scratch = shelf.state / "scratch"
            desk = Desk(scratch, scratch, shelf.state / "cache", 2, lambda _event: None)
            collected = shelf.state / "results"
            examples = max(collected.rglob("examples.jsonl"), key=lambda path: path.stat().st_size)
            found = survey(desk, task, list(read_examples(examples)), shelf=shelf)
        for each in found.rows:
            assert each.accuracy is not None
            right = round(each.accuracy.value * each.accuracy.n)
            row: dict[str, Cell] = {"teacher": each.teacher, "on known rows": wilson(right, each.accuracy.n)}
            row |= {"calls": found.totals[each.teacher].calls if each.teacher in found.totals else None}
            rows.append(row)
        alone = {each.teacher: each.accuracy.value for each in found.rows if each.accuracy}
        self.best = max(SLICES, key=lambda name: alone[name])
        return [Table("Teachers against the known rows", tuple(rows))]

    def answer(self, student: Student, test: Sequence[Row]) -> list[str]:
        """Returns what a student answers to the test rows; its state is its own, but for what was answered."""
        self.write(student)
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as room:
            shutil.copytree(self._folder / ".freehold" / "cache", Path(room) / "cache")
            document = run_cli("run", str(self._folder), "--state", room)
            _say(str(document["verdict"]["fields"]["intent"]["accuracy"]))
            return predict(self._folder, test, state=Path(room))

    def measure_labels(self, *students: Student) -> Table:
        """Returns how many of the labels that were learned from are right."""
        truth = dict(self._parts["pool"])
        rows: list[dict[str, Cell]] = []
        for student in students:
            _, _, kept = self.fit(student)
            taught = [row for row in kept if row.passport.taught]
            right = sum(row.outputs["intent"] == truth.get(row.inputs["text"]) for row in taught)
            row: dict[str, Cell] = {
                "threshold": student.agreement,
                "verifiers": student.verifiers.replace('"', ""),
            }
            row |= {"rows": len(taught)}
            rows.append({**row, "of the pool": len(truth), "right": wilson(right, len(taught))})
        return Table("Labels that were learned from", tuple(rows))


def _validation(facts: Any) -> tuple[float, int]:
    """Returns the validation accuracy of the rung that was taken."""
    taken = [rung for rung in facts["rungs"] if rung.get("taken") and "validation" in rung][-1]
    return float(taken["validation"]["intent"]), int(taken["n"]["intent"])


def _score(answers: Mapping[str, list[str]], test: Sequence[Row], *, best: str) -> Table:
    right = {
        name: [said == label for said, (_, label) in zip(each, test, strict=True)]
        for name, each in answers.items()
    }
    first = next(iter(right))
    rows: list[dict[str, Cell]] = []
    for name, each in right.items():
        paired = mcnemar(right[first], each) if name != first else None
        row: dict[str, Cell] = {"model": name, "test accuracy": wilson(sum(each), len(each))}
        row |= {
            "the first minus this": paired.difference if paired else None,
            "p": paired.p if paired else None,
        }
        rows.append(row)
    return Table(f"The locked test; the best teacher on the known rows is `{best}`", tuple(rows))


def _make_teacher(folder: Path, name: str, rows: Sequence[Row]) -> None:
    """Trains one teacher on its slice; its own test rows are a part of it, not the published ones."""
    if folder.exists():
        return
    folder.mkdir()
    _write(folder / "rows.csv", rows)
    text = _HEAD.format(name=name, labels='"data"') + _SOURCE.format(uri="rows.csv", split="auto")
    (folder / "task.toml").write_text(text)
    begun = time.perf_counter()
    run_cli("run", str(folder))
    _say(f"teacher {name}: {len(rows):,} rows, {time.perf_counter() - begun:.0f} s")


def _find_port(folder: Path) -> int:
    """Returns a port, the same for a folder that is kept: what an address answered is known by the address."""
    kept = folder / "port.txt"
    if not kept.exists():
        with socket.create_server(("127.0.0.1", 0)) as free:
            kept.write_text(str(free.getsockname()[1]))
    return int(kept.read_text())


@contextmanager
def _serving(folders: Sequence[Path], *, port: int) -> Iterator[str]:
    words = ["serve", *map(str, folders), "--port", str(port)]
    command = [sys.executable, "-c", "from freehold.app.cli import main; main()", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            yield next(found[0] for line in server.stdout if (found := re.findall(r"http://[\d.]+:\d+", line)))
        finally:
            server.terminate()


def predict(folder: Path, rows: Sequence[Row], *, state: Path | None = None) -> list[str]:
    """Returns what a task's champion answers."""
    import freehold

    predictions = freehold.load(folder, state=state).predict([{"text": text} for text, _ in rows])
    return [str(each.answers["intent"].value) for each in predictions]


def read_rows(path: Path) -> list[Row]:
    """Returns texts with their labels."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "category"), *rows])


def _draw(text: str) -> bytes:
    return hashlib.sha256(f"{SEED} {text}".encode()).digest()


def _toml(labels: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{label}"' for label in labels) + "]"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
