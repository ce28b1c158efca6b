"""Teachers in this process: releases of ours, encoders by similarity, rules and tables of patterns.

Owns how each kind is opened and asked. They cost nothing and are asked anew each time. Nothing is downloaded, and
nothing is opened but safetensors and ONNX graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.engine import DESCRIPTION, find_base, join_inputs, open_reader
from freehold.errors import FreeholdError, NotFoundError
from freehold.label.teach.patterns import read_patterns
from freehold.label.teach.rules import Troubles, call_rule, load_function, rule_digest
from freehold.task import TASK_FILE, Desk, Example, Field, Json, Task, Teacher, file_digest, load_task

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["Asking", "answer_here", "teacher_digest"]

_STATE = ".freehold"


class Asking:
    """What asking a teacher in this process takes.

    Attributes:
        fields: Labels resolved; `known` rows whose label is known, which name labels to similarity.
    """

    def __init__(
        self, desk: Desk, task: Task, shelf: Registry, *, fields: Sequence[Field], known: Sequence[Example]
    ) -> None:
        self.desk, self.task, self.shelf = desk, task, shelf
        self.fields, self.known = tuple(fields), tuple(known)

    def wanted(self, teacher: Teacher) -> tuple[Field, ...]:
        """Returns the fields that a teacher is asked for."""
        return tuple(field for field in self.fields if not teacher.fields or field.name in teacher.fields)


def teacher_digest(teacher: Teacher, task: Task, shelf: Registry) -> Json:
    """Returns what a teacher's answers depend on besides its description; empty where it is not there."""
    try:
        match teacher.kind:
            case "rule":
                return rule_digest(teacher.place, folder=task.folder)
            case "patterns":
                return file_digest(task.folder / teacher.place)
            case "release":
                return file_digest(_find_artifact(teacher, task, shelf) / DESCRIPTION)
            case "base":
                return find_base(teacher.place, relative_to=task.folder, offline=True).digest
    except (OSError, FreeholdError):
        return ""  # asking it says why
    return ""


def answer_here(teacher: Teacher, rows: Sequence[Example], asking: Asking, *, troubles: Troubles) -> list[Any]:
    """Returns what a teacher says of each row, as plain data that is still to be checked; None for nothing.

    Raises:
        UserError: It cannot be opened.
    """
    if not rows:
        return []
    return _ANSWERS[teacher.kind](teacher, rows, asking, troubles)


def _answer_rule(teacher: Teacher, rows: Sequence[Example], asking: Asking, troubles: Troubles) -> list[Any]:
    function = load_function(teacher.place, folder=asking.task.folder)
    names = [field.name for field in asking.wanted(teacher)]
    return call_rule(function, [row.inputs for row in rows], names=names, troubles=troubles)


def _answer_patterns(teacher: Teacher, rows: Sequence[Example], asking: Asking, troubles: Troubles) -> list[Any]:
    path = asking.task.folder / teacher.place
    table = read_patterns(path, fields=asking.wanted(teacher), inputs=tuple(asking.task.inputs))
    return [table.answer(row.inputs, troubles=troubles) for row in rows]


def _answer_release(teacher: Teacher, rows: Sequence[Example], asking: Asking, troubles: Troubles) -> list[Any]:
    folder = _find_artifact(teacher, asking.task, asking.shelf)
    reader = open_reader(folder, threads=asking.desk.threads)
    missing = [name for name in reader.inputs if name not in asking.task.inputs]
    if missing:
        raise NotFoundError(
            f"The release of teacher `{teacher.name}` reads `{missing[0]}`, which the task has no input for."
        )
    inputs = [{name: row.inputs[name] for name in reader.inputs} for row in rows]
    kinds = {field.name: field.kind for field in reader.fields}
    names = [field.name for field in asking.wanted(teacher) if kinds.get(field.name) == field.kind]
    found = []
    for said in reader.predict(inputs):
        given = {name: said.answers[name] for name in names}
        found.append({name: each.value for name, each in given.items() if not each.abstained})
    return found


def _answer_similarity(teacher: Teacher, rows: Sequence[Example], asking: Asking, troubles: Troubles) -> list[Any]:
    """The label whose name and description lie nearest to the text, in the vectors of an encoder."""
    from freehold.label.suggest import describe_labels, to_value
    from freehold.label.vectors import encode_last_layer

    base = "minilm"
    if teacher.kind == "base":
        base = str(find_base(teacher.place, relative_to=asking.task.folder, offline=True).folder)
    task = replace(asking.task, base=base)
    texts = encode_last_layer(asking.desk, task, [join_inputs(row.inputs, tuple(task.inputs)) for row in rows])
    found: list[dict[str, Any]] = [{} for _ in rows]
    for field in asking.wanted(teacher):
        labels = describe_labels(field, [row for row in asking.known if field.name in row.outputs])
        if field.kind in ("choice", "predicate", "score") and labels:
            nearest = (texts @ encode_last_layer(asking.desk, task, [words for _, words in labels]).T).argmax(1)
            for said, place in zip(found, nearest.tolist(), strict=True):
                said[field.name] = to_value(field, labels[place][0])
    return [said or None for said in found]


_ANSWERS = {
    "rule": _answer_rule,
    "patterns": _answer_patterns,
    "release": _answer_release,
    "base": _answer_similarity,
    "similarity": _answer_similarity,
}


def _find_artifact(teacher: Teacher, task: Task, shelf: Registry) -> Path:
    """Returns the folder of a release: an exported one, or that of a task folder's champion."""
    folder = (task.folder / teacher.place).resolve()
    if (folder / DESCRIPTION).is_file():
        return folder
    if (folder / TASK_FILE).is_file():
        name = load_task(folder).name
        found = _champion(folder / _STATE, name) or shelf.champion(name)
        if found is not None:
            return Path(found.artifact.folder)
        raise NotFoundError(
            f"The task of teacher `{teacher.name}` has no model in service.",
            hint=f"Make one: freehold run {folder}",
        )
    raise NotFoundError(
        f"Teacher `{teacher.name}`: `{folder}` is neither a task's folder nor an exported release.",
        hint="Export one: freehold export TASK",
    )


def _champion(state: Path, name: str) -> Any:
    from freehold.registry import Registry

    if not state.is_dir():
        return None
    with Registry.open(state) as other:
        return other.champion(name)
