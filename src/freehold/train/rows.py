"""Labelled examples as arrays: texts and, for each field, what is wanted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.engine import MisplacedSpanError, Span, field_labels, join_inputs, place_spans
from freehold.errors import DataError, UserError
from freehold.task import Example, Field, Label, Task

__all__ = ["MISSING", "Rows", "Target", "is_labelled", "resolve_fields", "to_rows"]

MISSING = -1
"""The target of a row that has no label for a field."""

Target = NDArray[Any]
"""One field's wanted answers.

For choice, score and predicate: label numbers, shape (rows,), `MISSING` where a row has none. For choices: 1, 0,
or `MISSING`, shape (rows, labels). For number: values, shape (rows,), NaN where missing.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some examples of one split.

    Attributes:
        ids: Example ids.
        texts: Joined inputs.
        inputs: The inputs by name.
        targets: Field to wanted answers, for every field but those of kind `spans`.
        spans: Field to each row's spans in the joined text, None where a row has no label.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    inputs: tuple[Mapping[str, str], ...]
    targets: Mapping[str, Target]
    spans: Mapping[str, tuple[list[Span] | None, ...]]

    def __len__(self) -> int:
        return len(self.texts)

    def __add__(self, other: Rows) -> Rows:
        return Rows(
            self.ids + other.ids,
            self.texts + other.texts,
            self.inputs + other.inputs,
            {name: np.concatenate([self.targets[name], other.targets[name]]) for name in self.targets},
            {name: self.spans[name] + other.spans[name] for name in self.spans},
        )

    def take(self, places: Sequence[int]) -> Rows:
        """Returns some of the rows, in the order given."""
        index = np.asarray(places, np.int64)
        return Rows(
            tuple(self.ids[i] for i in places),
            tuple(self.texts[i] for i in places),
            tuple(self.inputs[i] for i in places),
            {name: target[index] for name, target in self.targets.items()},
            {name: tuple(spans[i] for i in places) for name, spans in self.spans.items()},
        )


def is_labelled(target: Target) -> NDArray[np.bool_]:
    """Returns which rows have a target, shape (rows,)."""
    if target.ndim == 2:
        return np.asarray((target != MISSING).any(1))
    return ~np.isnan(target) if target.dtype.kind == "f" else np.asarray(target != MISSING)


def resolve_fields(task: Task, examples: Sequence[Example]) -> tuple[Field, ...]:
    """Returns the task's fields with every label named, those from the data in sorted order.

    Raises:
        UserError: A field that only a writer can learn, or an `other` that is no label.
        DataError: A field without a single label.
    """
    written = [field for field in task.fields if field.kind == "text"]
    if written:
        names = ", ".join(f"`{field.name}`" for field in written)
        raise UserError(
            f"Training cannot learn to write {names} yet: a field of kind `text` needs a writer.",
            hint="Remove these outputs from `task.toml` for now.",
        )
    return tuple(_resolve(field, examples) for field in task.fields)


def _resolve(field: Field, examples: Sequence[Example]) -> Field:
    seen = [example.outputs[field.name] for example in examples if field.name in example.outputs]
    if not seen and not field.labels:
        raise DataError(
            f"No training or validation row has a label for `{field.name}`; test rows teach nothing.",
            hint=(
                "Label some with: freehold review --open. "
                f'Or add rows with `{field.name}` to a source whose `split` is "auto".'
            ),
        )
    if field.labels is None and field.kind in ("choice", "choices", "score", "spans"):
        names = sorted(_names(field, seen), key=int if field.kind == "score" else str)
        field = replace(field, labels=tuple(Label(name) for name in names))
    if field.other and field.other not in field_labels(field):
        raise UserError(
            f"`other = {field.other!r}` of `{field.name}` is none of its labels: no row has it.",
            hint=f"Label some rows {field.other!r}, or list it among `labels`.",
        )
    return field


def _names(field: Field, seen: Sequence[Any]) -> set[str]:
    if field.kind == "choices":
        return {label for value in seen for label in value}
    if field.kind == "spans":
        return {str(span["label"]) for value in seen for span in value}
    return {str(value) for value in seen}


def to_rows(examples: Sequence[Example], fields: Sequence[Field], *, inputs: Sequence[str]) -> Rows:
    """Returns examples as arrays, in the order given."""
    return Rows(
        tuple(example.id for example in examples),
        tuple(join_inputs(example.inputs, inputs) for example in examples),
        tuple(example.inputs for example in examples),
        {field.name: _target(examples, field) for field in fields if field.kind != "spans"},
        {field.name: _spans(examples, field, inputs) for field in fields if field.kind == "spans"},
    )


def _target(examples: Sequence[Example], field: Field) -> Target:
    values = [example.outputs.get(field.name) for example in examples]
    if field.kind == "number":
        return np.array([np.nan if value is None else value for value in values], np.float64)
    numbers = {label: number for number, label in enumerate(field_labels(field))}
    if field.kind == "choices":
        return _several(values, numbers)
    keys = (str(value).lower() if field.kind == "predicate" else str(value) for value in values)
    found = [MISSING if value is None else numbers[key] for value, key in zip(values, keys, strict=True)]
    return np.array(found, np.int64)


def _several(values: Sequence[Any], numbers: Mapping[str, int]) -> Target:
    out = np.zeros((len(values), len(numbers)), np.int8)
    for row, value in enumerate(values):
        if value is None:
            out[row] = MISSING
        else:
            out[row, [numbers[label] for label in value]] = 1
    return out


def _spans(examples: Sequence[Example], field: Field, inputs: Sequence[str]) -> tuple[list[Span] | None, ...]:
    """Returns each row's spans; None for those that cannot be placed, too."""
    found: list[list[Span] | None] = []
    for example in examples:
        value: Any = example.outputs.get(field.name)
        try:
            found.append(None if value is None else place_spans(value, inputs=example.inputs, names=inputs))
        except MisplacedSpanError:
            found.append(None)
    return tuple(found)
