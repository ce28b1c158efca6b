"""Reads the `[[teacher]]` tables and the `[label]` table of a task file.

Owns what their keys may hold. A key's value is never shown: it may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast, get_args

from freehold.task.remote import read_key, read_model, read_price, read_url
from freehold.task.spelling import suggest
from freehold.task.tables import Table, shown
from freehold.task.teachers import Teacher, TeacherKind, Teaching
from freehold.task.upstreams import OutputLimit

__all__ = ["read_teachers", "read_teaching"]

_KINDS: tuple[TeacherKind, ...] = get_args(TeacherKind)
_REMOTE_KEYS = (
    *("model", "key", "price", "output_tokens", "output_limit"),
    *("samples", "temperature", "parallel", "per_minute"),
)
_KEYS = ("name", "fields", *_KINDS, *_REMOTE_KEYS)
_LABEL_KEYS = ("budget", "tokens", "minutes", "agreement", "samples", "checks", "verifiers")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_FUNCTION = re.compile(r"[\w./-]+\.py:[A-Za-z_]\w*")
_HUB = re.compile(r"hf:[\w.-]+/[\w.-]+(@[\w./-]+)?")
_MOST_MONEY, _MOST_SAMPLES = 1e8, 25
_VERIFIERS = ("instructions", "doubts", "rule:FILE.py:FUNCTION", "judge:TEACHER", "round-trip:TEACHER")


def read_teachers(top: Table, fields: Sequence[str]) -> tuple[Teacher, ...]:
    """Returns the teachers in their order; what is wrong with them is noted in the table's mistakes.

    Args:
        fields: The names of the task's outputs.
    """
    found: list[Teacher] = []
    for row in top.rows("teacher"):
        teacher = _read_teacher(row, fields)
        if teacher.name in [each.name for each in found]:
            row.wrong("name", f"two teachers are called {teacher.name!r}.")
        found.append(teacher)
    return tuple(found)


def read_teaching(top: Table, teachers: Sequence[Teacher]) -> Teaching:
    """Returns what `[label]` says."""
    table, usual = top.table("label"), Teaching()
    table.only(_LABEL_KEYS)
    return Teaching(
        budget=table.number("budget", 0.0, _MOST_MONEY) if "budget" in table.values else None,
        tokens=table.whole("tokens") if "tokens" in table.values else None,
        minutes=table.number("minutes", 0.0, 1e6) if "minutes" in table.values else None,
        agreement=table.number("agreement", 0.0, 1.0, default=usual.agreement),
        samples=int(table.number("samples", 1, _MOST_SAMPLES, default=usual.samples)),
        checks=table.whole("checks", usual.checks),
        verifiers=_read_verifiers(table, teachers) if "verifiers" in table.values else usual.verifiers,
    )


def _read_teacher(row: Table, fields: Sequence[str]) -> Teacher:
    row.only(_KEYS)
    name = row.string("name", "-") if row.require("name") else "-"
    if not _NAME.fullmatch(name):
        row.wrong("name", f"`name` is {shown(name)}; it may hold a-z, 0-9 and -, at most 40 of them.")
    kinds = [kind for kind in _KINDS if kind in row.values]
    if len(kinds) != 1:
        said = " and ".join(f"`{kind}`" for kind in kinds) or "none of them"
        words = ", ".join(f"`{kind}`" for kind in _KINDS)
        row.mistakes.add(row.place, f"a teacher has exactly one of {words}; this one has {said}.")
        return Teacher(name, "similarity", "")
    kind, chosen = kinds[0], _read_fields(row, fields)
    if kind == "url":
        return _read_endpoint(row, name, chosen)
    for key in _REMOTE_KEYS:
        if key in row.values:
            row.wrong(key, f"`{key}` is for a teacher with a `url`; one with `{kind}` has none.")
    return Teacher(name, kind, _read_place(row, kind), chosen)


def _read_endpoint(row: Table, name: str, fields: tuple[str, ...]) -> Teacher:
    limits = get_args(OutputLimit)
    return Teacher(
        name=name,
        kind="url",
        place=read_url(row),
        fields=fields,
        model=read_model(row),
        key=read_key(row),
        price=read_price(row),
        output_tokens=int(row.number("output_tokens", 16, 1_000_000, default=256)),
        output_limit=cast("OutputLimit", row.word("output_limit", limits, default=limits[0])),
        samples=int(row.number("samples", 1, _MOST_SAMPLES)) if "samples" in row.values else 0,
        temperature=row.number("temperature", 0.0, 2.0) if "temperature" in row.values else None,
        parallel=int(row.number("parallel", 1, 64, default=4)),
        per_minute=int(row.number("per_minute", 1, 1_000_000)) if "per_minute" in row.values else 0,
    )


def _read_place(row: Table, kind: TeacherKind) -> str:
    if kind == "similarity":
        if not row.flag("similarity"):
            row.wrong("similarity", "`similarity` is false; leave the teacher out, or make it true.")
        return ""
    place = row.string(kind, "-")
    if not place.strip():
        row.wrong(kind, f"`{kind}` is empty.")
    elif kind == "rule" and (mistake := _find_function_mistake(place)):
        row.wrong("rule", f"`rule` is {place!r}; {mistake}")
    elif kind == "base" and place.startswith("hf:") and not _HUB.fullmatch(place):
        row.wrong("base", f"`base` is {place!r}; it must have the form `hf:ORG/NAME`, or be a folder.")
    elif kind == "patterns" and not place.endswith((".csv", ".tsv")):
        row.wrong("patterns", f"`patterns` is {place!r}; it must be a .csv or .tsv file.")
    return place


def _find_function_mistake(place: str) -> str:
    """Returns what is wrong with the form of `FILE.py:FUNCTION`, or an empty string."""
    file = place.partition(":")[0]
    if not _FUNCTION.fullmatch(place) or file.startswith("/") or ".." in file.split("/"):
        return "it must be `FILE.py:FUNCTION`, a file inside the task's folder."
    return ""


def _read_fields(row: Table, fields: Sequence[str]) -> tuple[str, ...]:
    chosen = row.strings("fields")
    for place, name in enumerate(chosen):
        if name not in fields:
            row.mistakes.add((*row.place, "fields", place), f"unknown field {shown(name)}{suggest(name, fields)}")
    return tuple(dict.fromkeys(chosen))


def _read_verifiers(table: Table, teachers: Sequence[Teacher]) -> tuple[str, ...]:
    chosen = table.strings("verifiers")
    endpoints = [each.name for each in teachers if each.kind == "url"]
    for place, word in enumerate(chosen):
        kind, _, rest = word.partition(":")
        mistake = ""
        if kind == "rule":
            mistake = _find_function_mistake(rest)
        elif kind in ("judge", "round-trip"):
            if rest not in endpoints:
                mistake = f"{rest!r} is no teacher with a `url`{suggest(rest, endpoints)}"
        elif word not in ("instructions", "doubts"):
            mistake = f"a verifier is one of {', '.join(f'`{each}`' for each in _VERIFIERS)}."
        if mistake:
            table.mistakes.add((*table.place, "verifiers", place), f"verifier {shown(word)}: {mistake}")
    return tuple(dict.fromkeys(chosen))
