"""A task's own types in TypeScript: what stands between the marks of `pattern.ts`.

Texts of the task are written as string literals and in no other way, in comments too: none of them can be code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from freehold.app.clients.subject import Subject, escaped, type_names
from freehold.task import Field

__all__ = ["example", "own_types"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def own_types(subject: Subject) -> Iterator[str]:
    """Yields the lines."""
    names = type_names(subject)
    labels = {field.name: names.get(field.name, _bare(field)) for field in subject.fields}
    yield from _comment(subject.description)
    yield f"export const TASK = {_quoted(subject.task)};"
    yield f"export const MODEL = {_quoted(subject.model)};"
    yield f"export const DIGEST = {_quoted(subject.digest)};"
    yield ""
    for field in subject.fields:
        if field.name in names:
            yield from _union(field, names[field.name])
    yield ""
    yield from _record("Inputs", (f"readonly {_key(name)}: string;" for name in subject.inputs))
    yield ""
    yield from _record("Answers", _answers(subject.fields, labels))
    yield ""
    corrections = (f"readonly {_key(f.name)}?: {_value(f, labels[f.name])};" for f in subject.fields)
    yield from _record("Correct", corrections)


def example(subject: Subject, *, module: str) -> Iterator[str]:
    """Yields a few lines that ask the server with a client in the file `module`."""
    inputs = ", ".join(f'{_key(name)}: "..."' for name in subject.inputs)
    field = subject.fields[0].name
    place = f".{field}" if _PLAIN.fullmatch(field) else f"[{_quoted(field)}]"
    yield f'import {{ Client }} from "./{module}.js";'
    yield ""
    yield f"const prediction = await new Client().predict({{ {inputs} }});"
    yield f"console.log(prediction.answers{place}.value);"


def _quoted(text: str) -> str:
    return escaped(text, far="\\u{{{:x}}}")


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _bare(field: Field) -> str:
    return "number" if field.kind == "score" else "string"


def _comment(text: str) -> list[str]:
    inside = _quoted(text).replace("*/", "*\\/")
    return [f"/** {inside} */"] if text else []


def _union(field: Field, name: str) -> Iterator[str]:
    yield f"export type {name} ="
    labels = field.labels or ()
    for label in labels:
        value = str(int(label.name)) if field.kind == "score" else _quoted(label.name)
        end = ";" if label is labels[-1] else ""
        about = f" // {_quoted(label.description)}" if label.description else ""
        yield f"  | {value}{end}{about}"


def _record(name: str, entries: Iterable[str]) -> Iterator[str]:
    yield f"export interface {name} {{"
    yield from (f"  {entry}" for entry in entries)
    yield "}"


def _answers(fields: Iterable[Field], labels: dict[str, str]) -> Iterator[str]:
    for field in fields:
        yield from _comment(field.description)
        label = labels[field.name]
        yield f"readonly {_key(field.name)}: Answer<{_value(field, label)}, {_probabilities(field, label)}>;"


def _value(field: Field, label: str) -> str:
    match field.kind:
        case "predicate":
            return "boolean"
        case "number":
            return "number"
        case "choices":
            return f"readonly {label}[]"
        case "spans":
            return f"readonly Span<{label}>[]"
        case _:
            return label


def _probabilities(field: Field, label: str) -> str:
    match field.kind:
        case "predicate":
            return 'Record<"false" | "true", number>'
        case "score":
            return f"Record<`${{{label}}}`, number>"
        case "choice" | "choices":
            return f"Record<{label}, number>"
        case _:
            return f"Partial<Record<{label}, number>>"
