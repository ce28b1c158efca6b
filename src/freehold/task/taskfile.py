"""Reads `task.toml` into a `Task`, or says everything that is wrong with it.

Owns the keys of the file and what they may hold. Does not open sources, nor look for the base model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

from freehold.errors import NotFoundError, StorageError, TaskFileError
from freehold.task.datarules import read_rules
from freehold.task.fields import EFFORTS, FIELD_KINDS, Effort, Field, FieldKind, Goal, Task
from freehold.task.metrics import ARTIFACT_METRICS, ERROR_GIVEN_ANSWER, EXTRA_ERROR, METRICS, TIERED_KINDS
from freehold.task.origins import read_source
from freehold.task.outputs import read_field
from freehold.task.remote import read_routing, read_upstreams
from freehold.task.reviewrules import read_review_rules
from freehold.task.spelling import suggest
from freehold.task.synthesisreading import read_synthesis_rules
from freehold.task.tables import Table, read_toml, shown
from freehold.task.teaching import read_teachers, read_teaching

__all__ = ["TASK_FILE", "find_base_mistake", "find_name_mistake", "load_task"]

TASK_FILE = "task.toml"

_SECTIONS = (
    "task",
    "input",
    "output",
    "source",
    "data",
    "goal",
    "upstream",
    "router",
    "review",
    "teacher",
    "label",
    "synthesis",
)
_TASK_KEYS = ("name", "description", "base", "seed", "effort")
_NAME = re.compile(r"[a-z0-9-]+")
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]+")
_BASES = {
    "hf": (re.compile(r"hf:[\w.-]+/[\w.-]+(@[\w./-]+)?"), "hf:ORG/NAME or hf:ORG/NAME@REVISION"),
    "scratch": (re.compile(r"scratch:[A-Za-z0-9.]+"), "scratch:SIZE"),
    "gguf": (re.compile(r"gguf:.+"), "gguf:FILE"),
}
_NO_END = float("inf")
_RANGES = {"mae": (0.0, _NO_END), "r2": (-_NO_END, 1.0), "p50_ms": (0.0, _NO_END), "size_mb": (0.0, _NO_END)}


def load_task(folder: Path | str) -> Task:
    """Returns the task that a folder's `task.toml` describes.

    Args:
        folder: The task's folder (the path of its `task.toml` will do).

    Raises:
        NotFoundError: There is no such folder, or no `task.toml` in it.
        TaskFileError: The file has mistakes: all of them, each with its line.
        StorageError: The file cannot be read.
    """
    folder = Path(folder)
    if folder.name == TASK_FILE and folder.is_file():
        folder = folder.parent
    path = folder / TASK_FILE
    values, mistakes = read_toml(_read(path))
    top = Table(values, (), mistakes)
    task = _read_task(top, folder.resolve()) if not mistakes.found else None
    if mistakes.found or task is None:
        raise TaskFileError(str(path), mistakes.found)
    return task


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        what = f"`{path.parent}` has no {TASK_FILE}" if path.parent.is_dir() else f"no folder `{path.parent}`"
        hint = "Make a task folder with: freehold init NAME"
        raise NotFoundError(f"{what[0].upper()}{what[1:]}.", hint=hint) from error
    except OSError as error:
        raise StorageError(f"`{path}` cannot be read: {error.strerror}.") from error


def _read_task(top: Table, folder: Path) -> Task:
    _check_sections(top)
    head = top.table("task")
    head.only(_TASK_KEYS)
    inputs = _read_inputs(top.table("input"))
    outputs = top.table("output")
    fields = _read_fields(outputs, inputs)
    errors = _read_shares(top.table("goal"), outputs, ERROR_GIVEN_ANSWER)
    teachers = read_teachers(top, [field.name for field in fields])
    return Task(
        name=_read_name(top, head),
        folder=folder,
        inputs=inputs,
        fields=fields,
        sources=tuple(read_source(row, inputs, fields) for row in top.rows("source")),
        goals=_read_goals(top.table("goal"), outputs),
        description=head.string("description"),
        base=_read_base(head, folder),
        seed=head.whole("seed"),
        effort=cast("Effort", head.word("effort", EFFORTS, default="normal")),
        extra_errors=_read_shares(top.table("goal"), outputs, EXTRA_ERROR),
        errors_given_answer=errors,
        upstreams=read_upstreams(top, fields, errors),
        routing=read_routing(top),
        rules=read_rules(top),
        review=read_review_rules(top),
        teachers=teachers,
        teaching=read_teaching(top, teachers),
        synthesis=read_synthesis_rules(top),
    )


def _check_sections(top: Table) -> None:
    for key in top.values:
        if key in _TASK_KEYS:
            top.wrong(key, f"`{key}` stands outside of a table; it belongs under `[task]`.")
        elif key not in _SECTIONS:
            what = "table" if isinstance(top.values[key], dict | list) else "key"
            top.wrong(key, f"unknown {what} `{key}`{suggest(key, _SECTIONS)}")


def _read_name(top: Table, head: Table) -> str:
    if "task" not in top.values:
        top.mistakes.add((), "there is no `[task]` table with the task's `name`.")
        return ""
    name = head.string("name", "-") if head.require("name") else "-"
    if find_name_mistake(name):
        head.wrong("name", find_name_mistake(name))
    return name


def find_name_mistake(name: str) -> str:
    """Returns what is wrong with a task's name, or an empty string."""
    return "" if _NAME.fullmatch(name) else f"`name` is {name!r}; it may hold a-z, 0-9 and -."


def _read_base(head: Table, folder: Path) -> str:
    base = head.string("base", "minilm")
    mistake = find_base_mistake(base, folder)
    if mistake:
        head.wrong("base", mistake)
    return base


def find_base_mistake(base: str, folder: Path) -> str:
    """Returns what is wrong with the form of a base's name, or an empty string.

    Whether the base is there shows when it is opened: an answer from a finished model does not need it.
    """
    kind, colon, _ = base.partition(":")
    if colon and kind in _BASES:
        form, wanted = _BASES[kind]
        return "" if form.fullmatch(base) else f"`base` is {base!r}; it must have the form `{wanted}`."
    if base == "minilm" or base.startswith(("~", ".")) or "/" in base or (base and (folder / base).is_dir()):
        return ""
    forms = ("minilm", *(wanted.split(" or ")[0] for _, wanted in _BASES.values()), "a folder's path")
    return f"unknown base {base!r}{suggest(base, forms)}"


def _read_inputs(table: Table) -> Mapping[str, Literal["string"]]:
    inputs: dict[str, Literal["string"]] = {}
    if not table.values:
        table.mistakes.add(table.place, 'there is no input; add `[input]` with a line such as `text = "string"`.')
    for name in table.values:
        _check_field_name(table, name)
        table.word(name, ("string",), default="string", what="type")
        inputs[name] = "string"
    return inputs


def _read_fields(table: Table, inputs: Mapping[str, str]) -> tuple[Field, ...]:
    if not table.values:
        table.mistakes.add(table.place, "there is no output field; add a table such as `[output.intent]`.")
    fields = []
    for name, below in table.tables():
        _check_field_name(table, name)
        if name in inputs:
            table.wrong(name, f"output `{name}` has the name of an input; give one of them another name.")
        fields.append(read_field(name, below))
    return tuple(fields)


def _check_field_name(table: Table, name: str) -> None:
    if not _FIELD_NAME.fullmatch(name):
        table.wrong(name, f"{name!r} cannot name a field; it may hold letters, digits, _ and -.")


def _read_goals(table: Table, outputs: Table) -> tuple[Goal, ...]:
    kinds = {name: below.values.get("kind") for name, below in outputs.tables()}
    goals: list[Goal] = []
    for key, value in table.values.items():
        kind = kinds.get(key)
        if key in ARTIFACT_METRICS and not isinstance(value, dict):
            goals.append(_read_goal(table, "", key))
        elif key not in outputs.values:
            table.wrong(key, f"unknown goal `{key}`{suggest(key, (*outputs.values, *ARTIFACT_METRICS))}")
        elif kind in FIELD_KINDS:  # where it is not, that is the mistake to mend first
            goals += _read_field_goals(table, key, kind)
    return tuple(goals)


def _read_field_goals(table: Table, field: str, kind: FieldKind) -> list[Goal]:
    known = METRICS[kind]
    if not isinstance(table.values[field], dict):
        message = f"a goal names a metric too: `{field}.{known[0]} = ...`."
        table.wrong(field, f"`{field}` is {shown(table.values[field])}; {message}")
        return []
    below = table.table(field)
    for metric in below.values:
        if metric == EXTRA_ERROR and kind in TIERED_KINDS:
            continue
        if metric not in known:
            message = f"unknown metric `{metric}` for the {kind} field `{field}`{suggest(metric, known)}"
            below.wrong(metric, message)
    held = [metric for metric in below.values if metric in known and metric != ERROR_GIVEN_ANSWER]
    return [_read_goal(below, field, metric) for metric in held]


def _read_shares(table: Table, outputs: Table, key: str) -> dict[str, float]:
    """Returns field to the share that is to be certified, where the file says so."""
    kinds = {name: below.values.get("kind") for name, below in outputs.tables()}
    found = {}
    for field, value in table.values.items():
        if isinstance(value, dict) and key in value and kinds.get(field) in TIERED_KINDS:
            found[field] = table.table(field).number(key, 0.0001, 0.5)
    return found


def _read_goal(table: Table, field: str, metric: str) -> Goal:
    low, high = _RANGES.get(metric, (0.0, 1.0))
    return Goal(field, metric, table.number(metric, low, high))
