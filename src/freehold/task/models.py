"""A task from two pydantic models: what goes in and what comes out.

Owns the way from Python types to field kinds. pydantic is imported only when this is used.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from freehold.errors import UserError
from freehold.task.fields import Field, Goal, Label, Source, Task
from freehold.task.taskfile import find_base_mistake, find_name_mistake

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

__all__ = ["task_from_models"]

_ALLOWED = (
    "Allowed: Literal or Enum (choice), bool (predicate), list of Literal or Enum (choices), int with ge and "
    "le (score), float (number), str (text), list of a model with label, start, end, text (spans)."
)
_SPAN = {"label", "start", "end", "text"}
_MOST_SCORES = 1000


def task_from_models(
    name: str,
    input_model: type[BaseModel],
    output_model: type[BaseModel],
    *,
    folder: Path | str = ".",
    description: str = "",
    base: str = "minilm",
    seed: int = 0,
    sources: Sequence[Source] = (),
    goals: Sequence[Goal] = (),
) -> Task:
    """Returns the task that turns one pydantic model into another.

    Args:
        name: The task's name: a-z, 0-9 and -.
        input_model: All its fields are `str`.
        output_model: `Literal` or `Enum` makes a choice, `bool` a predicate, a list of `Literal` or `Enum`
            choices, `int` with `ge` and `le` (or a `Literal` of whole numbers) a score, `float` a number,
            `str` a text, a list of a model with `label`, `start`, `end` and `text` makes spans.
        folder: Where the task's sources and its state lie.

    Raises:
        UserError: The name, or types that a task cannot have: all of them at once.

    Example:
        >>> from typing import Literal
        >>> from pydantic import BaseModel
        >>> class Mail(BaseModel):
        ...     text: str
        >>> class Triage(BaseModel):
        ...     team: Literal["sales", "support"]
        ...     urgent: bool
        >>> [field.kind for field in task_from_models("triage", Mail, Triage).fields]
        ['choice', 'predicate']
    """
    folder = Path(folder).resolve()
    mistakes = [each for each in (find_name_mistake(name), find_base_mistake(base, folder)) if each]
    inputs: dict[str, Literal["string"]] = {}
    for key, info in input_model.model_fields.items():
        inputs[key] = "string"
        if info.annotation is not str:
            mistakes.append(f"input `{key}` is {_shown(info.annotation)}; an input must be `str`.")
    fields = _read_fields(output_model, inputs, mistakes)
    if not inputs or not output_model.model_fields:
        mistakes.append("a task needs at least one input and one output field.")
    if mistakes:
        raise UserError("\n".join([f"task {name!r} cannot be made from its models:", *mistakes]), hint=_ALLOWED)
    return Task(
        name=name,
        folder=folder,
        inputs=inputs,
        fields=fields,
        sources=tuple(sources),
        goals=tuple(goals),
        description=description,
        base=base,
        seed=seed,
    )


def _read_fields(model: type[BaseModel], inputs: Iterable[str], mistakes: list[str]) -> tuple[Field, ...]:
    fields = []
    for key, info in model.model_fields.items():
        field = _read_field(key, info)
        if key in inputs:
            mistakes.append(f"output `{key}` has the name of an input; give one of them another name.")
        elif field:
            fields.append(field)
        else:
            mistakes.append(f"output `{key}` is {_shown(info.annotation)}, which is no kind of field.")
    return tuple(fields)


def _read_field(name: str, info: FieldInfo) -> Field | None:
    """Returns the field for one attribute, or None where its type is no kind of field."""
    description = info.description or ""
    for read in _READERS:
        field = read(name, info)
        if field:
            return Field(name, field.kind, description=description, labels=field.labels)
    return None


def _read_plain(name: str, info: FieldInfo) -> Field | None:
    if info.annotation is bool:
        return Field(name, "predicate")
    if info.annotation is float:
        return Field(name, "number")
    return Field(name, "text") if info.annotation is str else None


def _read_choice(name: str, info: FieldInfo) -> Field | None:
    values = _values(info.annotation)
    if len(values) < 2:
        return None
    if all(isinstance(value, str) for value in values):
        return Field(name, "choice", labels=_labels(values))
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return Field(name, "score", labels=_labels(sorted(values)))
    return None


def _read_score(name: str, info: FieldInfo) -> Field | None:
    if info.annotation is not int:
        return None
    low = high = None
    for bound in info.metadata:
        low = _bound(bound, "ge", "gt", 1) if low is None else low
        high = _bound(bound, "le", "lt", -1) if high is None else high
    if low is None or high is None or not 0 < high - low < _MOST_SCORES:
        return None
    return Field(name, "score", labels=_labels(range(low, high + 1)))


def _bound(bound: object, closed: str, opened: str, step: int) -> int | None:
    """Reads one of the bounds that pydantic keeps as `annotated_types.Ge(ge=1)` and the like."""
    if hasattr(bound, closed):
        return int(getattr(bound, closed))
    return int(getattr(bound, opened)) + step if hasattr(bound, opened) else None


def _read_list(name: str, info: FieldInfo) -> Field | None:
    """Reads a list of labels (choices), or a list of a model of spans (spans)."""
    if get_origin(info.annotation) not in (list, set, tuple, frozenset):
        return None
    items = [item for item in get_args(info.annotation) if item is not Ellipsis]
    labels = _values(items[0]) if len(items) == 1 else []
    if labels and all(isinstance(value, str) for value in labels):
        return Field(name, "choices", labels=_labels(labels))
    span = getattr(items[0], "model_fields", {}) if len(items) == 1 else {}
    if set(span) != _SPAN:
        return None
    names = _values(span["label"].annotation)
    return Field(name, "spans", labels=_labels(names) if names else None)


_READERS: tuple[Callable[[str, FieldInfo], Field | None], ...] = (
    _read_plain,
    _read_choice,
    _read_score,
    _read_list,
)


def _values(annotation: Any) -> list[Any]:
    """Returns the values that a `Literal`, an `Enum` or a union of these allows; none for other types."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [member.value for member in annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [_values(part) for part in get_args(annotation)]
        return [value for part in parts for value in part] if all(parts) else []
    return []


def _labels(values: Iterable[object]) -> tuple[Label, ...]:
    return tuple(Label(name) for name in dict.fromkeys(str(value) for value in values))


def _shown(annotation: object) -> str:
    return f"`{annotation.__name__ if isinstance(annotation, type) else annotation}`"
