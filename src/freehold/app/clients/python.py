"""A task's own types in Python: what stands between the marks of `pattern.py`.

Texts of the task are written as string literals and in no other way, in comments too: none of them can be code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from freehold.app.clients.subject import Subject, escaped, type_names
from freehold.task import Field, Label

__all__ = ["example", "own_types"]


def own_types(subject: Subject) -> Iterator[str]:
    """Yields the lines."""
    names = type_names(subject)
    yield from _comment(subject.description)
    yield f"TASK = {_quoted(subject.task)}"
    yield f"MODEL = {_quoted(subject.model)}"
    yield f"DIGEST = {_quoted(subject.digest)}"
    yield ""
    for field in subject.fields:
        if field.name in names:
            yield from [f"{names[field.name]} = Literal[", *_labels(field), "]"]
    yield ""
    yield from _record("Inputs", [f"{_quoted(name)}: str," for name in subject.inputs])
    yield from _record("Answers", _entries(subject.fields, names, answer=True))
    yield from _record("Correct", _entries(subject.fields, names, answer=False), more=["total=False,"])
    yield ""
    spans = ", ".join(_quoted(field.name) for field in subject.fields if field.kind == "spans")
    yield f"_SPANS: frozenset[str] = frozenset([{spans}])"


def example(subject: Subject, *, module: str) -> Iterator[str]:
    """Yields a few lines that ask the server with a client in the file `module`."""
    inputs = ", ".join(f'{_quoted(name)}: "..."' for name in subject.inputs)
    yield f"from {module} import Client"
    yield ""
    yield "with Client() as client:"
    yield f"    prediction = client.predict({{{inputs}}})"
    yield f"    print(prediction.answers[{_quoted(subject.fields[0].name)}].value)"


def _quoted(text: str) -> str:
    return escaped(text, far="\\U{:08x}")


def _comment(text: str, indent: str = "") -> list[str]:
    return [f"{indent}# {_quoted(text)}"] if text else []


def _labels(field: Field) -> Iterator[str]:
    for label in field.labels or ():
        about = f"  # {_quoted(label.description)}" if label.description else ""
        yield f"    {_label(field, label)},{about}"


def _label(field: Field, label: Label) -> str:
    return str(int(label.name)) if field.kind == "score" else _quoted(label.name)


def _record(name: str, entries: Iterable[str], *, more: Iterable[str] = ()) -> Iterator[str]:
    """Yields a TypedDict by its call: a class could not have keys such as `class` or `a-b`."""
    yield from (f"{name} = TypedDict(", f'    "{name}",', "    {")
    yield from (f"        {entry}" for entry in entries)
    yield from ("    },", *(f"    {each}" for each in more), ")")


def _entries(fields: Iterable[Field], names: Mapping[str, str], *, answer: bool) -> Iterator[str]:
    for field in fields:
        label = names.get(field.name, "str")
        if answer:
            yield from _comment(field.description)
        value = _answer(field, label) if answer else _value(field, label, "Sequence")
        yield f"{_quoted(field.name)}: {value},"


def _answer(field: Field, label: str) -> str:
    keys = label
    if field.kind == "predicate":
        keys = 'Literal["false", "true"]'
    elif field.kind == "score" and field.labels:
        keys = f"Literal[{', '.join(_quoted(each.name) for each in field.labels)}]"
    return f"Answer[{_value(field, label, 'list')}, {keys}]"


def _value(field: Field, label: str, many: str) -> str:
    match field.kind:
        case "choice" | "score" if field.labels:
            return label
        case "choices":
            return f"{many}[{label}]"
        case "spans":
            return f"{many}[Span[{label}]]"
        case "predicate":
            return "bool"
        case "number":
            return "float"
        case "score":
            return "int"
        case _:
            return "str"
