"""Reads one `[output.NAME]` table of a task file into a `Field`.

Owns what an output's keys may hold, its labels above all. `taskfile` reads the rest of the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from freehold.task.fields import FIELD_KINDS, LABEL_KINDS, Field, FieldKind, Label
from freehold.task.spelling import suggest
from freehold.task.tables import Table, shown

__all__ = ["read_field"]

_KEYS = ("kind", "description", "labels", "abstain_below", "other", "false_alarms")
_ALLOWED = '"data", a list, or a table of label = "description"'


def read_field(name: str, table: Table) -> Field:
    """Returns the field that a table describes; what is wrong with it is noted in the table's mistakes."""
    table.only(_KEYS)
    kind = cast(FieldKind, table.word("kind", FIELD_KINDS, default="text") if table.require("kind") else "text")
    known_kind = table.values.get("kind") == kind
    labels = _read_labels(table, kind) if known_kind else None
    return Field(
        name=name,
        kind=kind,
        description=table.string("description"),
        labels=labels,
        abstain_below=table.number("abstain_below", 0.0, 1.0),
        other=_read_other(table, kind, labels),
        false_alarms=_read_false_alarms(table, kind),
    )


def _read_other(table: Table, kind: FieldKind, labels: tuple[Label, ...] | None) -> str:
    other = table.string("other")
    if other and kind != "choice":
        table.wrong("other", f"a {kind} field has no `other`; it belongs to a choice.")
    elif other and labels is not None and other not in [label.name for label in labels]:
        table.wrong("other", f"`other` is {other!r}{suggest(other, [label.name for label in labels])}")
    return other


def _read_false_alarms(table: Table, kind: FieldKind) -> float:
    if "false_alarms" in table.values and kind != "choice":
        table.wrong("false_alarms", f"a {kind} field has no `false_alarms`; it belongs to a choice.")
        return 0.05
    return table.number("false_alarms", 0.001, 0.5, default=0.05)


def _read_labels(table: Table, kind: FieldKind) -> tuple[Label, ...] | None:
    value = table.values.get("labels", "data")
    if kind not in LABEL_KINDS:
        if "labels" in table.values:
            table.wrong("labels", f"a {kind} field has no labels; remove `labels`, or choose another `kind`.")
        return None
    if value == "data":
        return None
    if isinstance(value, list):
        written = [(str(name), "", name) for name in value]
    elif isinstance(value, dict):
        below = table.table("labels")
        written = [(name, below.string(name), _number_key(name)) for name in value]
    else:
        table.wrong("labels", f"`labels` is {shown(value)}; it must be {_ALLOWED}.")
        return None
    return _check_labels(table, kind, written)


def _number_key(name: str) -> object:
    """TOML keys are strings: returns the whole number that a key spells, else the key."""
    return int(name) if name.removeprefix("-").isdecimal() and name.isascii() else name


def _check_labels(
    table: Table, kind: FieldKind, written: list[tuple[str, str, object]]
) -> tuple[Label, ...] | None:
    before = len(table.mistakes.found)
    for index, (name, _, value) in enumerate(written):
        message = _find_score_mistake(value) if kind == "score" else _find_label_mistake(name, value, table)
        if message:
            in_table = isinstance(table.values["labels"], dict)
            table.mistakes.add((*table.place, "labels", name if in_table else index), message)
    if len(table.mistakes.found) > before:
        return None
    labels = [Label(str(value) if kind == "score" else name, about) for name, about, value in written]
    _refuse_repeated(table, (label.name for label in labels))
    _refuse_few(table, kind, len(labels))
    return tuple(sorted(labels, key=lambda label: int(label.name)) if kind == "score" else labels)


def _find_score_mistake(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return ""
    return f"label {shown(value)} of a score field must be a whole number."


def _find_label_mistake(name: str, value: object, table: Table) -> str:
    if isinstance(table.values["labels"], list) and not isinstance(value, str):
        return f"label {shown(value)} must be a string; put it in quotes."
    if not name.strip():
        return f"label {name!r} is empty."
    if name != name.strip():
        return f"label {name!r} has spaces around it."
    return ""


def _refuse_repeated(table: Table, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            table.mistakes.add((*table.place, "labels", index), f"label {name!r} is listed twice.")
        seen.add(name)


def _refuse_few(table: Table, kind: FieldKind, count: int) -> None:
    least = 2 if kind in ("choice", "score") else 1
    if count < least:
        plural = "s" if least > 1 else ""
        table.wrong("labels", f"a {kind} field needs at least {least} label{plural}; `labels` lists {count}.")
