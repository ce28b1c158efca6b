"""Labelled examples as arrays: texts and, for each field, label numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from freehold.engine import field_labels, join_inputs
from freehold.errors import DataError, UserError
from freehold.task import Example, Field, Label, Task
from freehold.train.heads import MISSING

__all__ = ["TRAINABLE", "Rows", "resolve_fields", "to_rows"]

TRAINABLE = ("choice", "predicate", "score")


@dataclass(frozen=True, slots=True)
class Rows:
    """Some examples of one split.

    Attributes:
        ids: Example ids.
        texts: Joined inputs.
        targets: Field to label numbers, `MISSING` where a row has no label.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    targets: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.texts)

    def __add__(self, other: Rows) -> Rows:
        targets = {name: np.concatenate([self.targets[name], other.targets[name]]) for name in self.targets}
        return Rows(self.ids + other.ids, self.texts + other.texts, targets)


def resolve_fields(task: Task, examples: Sequence[Example]) -> tuple[Field, ...]:
    """Returns the task's fields with every label named, those from the data in sorted order.

    Raises:
        UserError: A field of a kind that a reader cannot learn yet.
        DataError: A field without a single label.
    """
    untrainable = [field for field in task.fields if field.kind not in TRAINABLE]
    if untrainable:
        names = ", ".join(f"`{field.name}` ({field.kind})" for field in untrainable)
        raise UserError(
            f"Training cannot learn {names} yet; it learns {', '.join(TRAINABLE)}.",
            hint="Remove these outputs from `task.toml` for now.",
        )
    return tuple(_resolve(field, examples) for field in task.fields)


def _resolve(field: Field, examples: Sequence[Example]) -> Field:
    seen = {example.outputs[field.name] for example in examples if field.name in example.outputs}
    if not seen:
        raise DataError(
            f"No training or validation row has a label for `{field.name}`; test rows teach nothing.",
            hint=f'Add rows with `{field.name}` to a source whose `split` is "auto", or label some.',
        )
    if field.kind == "predicate" or field.labels is not None:
        return field
    ordered = sorted(seen) if field.kind == "score" else sorted(str(value) for value in seen)
    return replace(field, labels=tuple(Label(str(value)) for value in ordered))


def to_rows(examples: Sequence[Example], fields: Sequence[Field], *, inputs: Sequence[str]) -> Rows:
    """Returns examples as arrays, in the order given."""
    targets = {field.name: _targets(examples, field) for field in fields}
    texts = tuple(join_inputs(example.inputs, inputs) for example in examples)
    return Rows(tuple(example.id for example in examples), texts, targets)


def _targets(examples: Sequence[Example], field: Field) -> NDArray[np.int64]:
    numbers = {label: number for number, label in enumerate(field_labels(field))}
    found = []
    for example in examples:
        value = example.outputs.get(field.name)
        key = str(value).lower() if field.kind == "predicate" else str(value)
        found.append(MISSING if value is None else numbers[key])
    return np.array(found, np.int64)
