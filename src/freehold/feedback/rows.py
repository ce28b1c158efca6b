"""What one piece of feedback says, read from plain data and checked.

Owns the shape of a row: `{"request", "correct"}`, `{"request", "rating"}`, `{"request", "outcome"}`, or
`{"inputs", "correct"}` for examples that nobody asked about.
Knows nothing of batches or of how rows are kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

from freehold.feedback.values import MisfitError, fit
from freehold.task import Field, Json, suggest

if TYPE_CHECKING:
    from freehold.registry import RecordedRequest

__all__ = ["Kind", "Said", "read_row", "read_values"]

Kind: TypeAlias = Literal["correction", "rating", "outcome"]

_SAYS: Mapping[str, Kind] = {"correct": "correction", "rating": "rating", "outcome": "outcome"}
_KEYS = ("request", "inputs", *_SAYS)
_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,160}")


class Said(NamedTuple):
    """One piece of feedback. `request` is empty for inputs that nobody asked about."""

    request: str
    inputs: Mapping[str, str]
    kind: Kind
    value: Mapping[str, Json]


def read_row(
    row: object,
    *,
    find: Callable[[str], RecordedRequest | None],
    task: str,
    fields: Sequence[Field],
    inputs: Sequence[str],
) -> Said:
    """Returns what a row says.

    Args:
        row: Plain data, as JSON gives it.
        find: Returns the recorded request with an id, or None.
        task: The task that the feedback is about.
        fields: Its output fields; labels resolved where they are known.
        inputs: The names of its inputs.

    Raises:
        MisfitError: The row cannot be taken; the text says why in one sentence.
    """
    if not isinstance(row, Mapping):
        raise MisfitError("A row of feedback is an object.")
    if _has_half_pair(row):
        raise MisfitError("A text in the row has half of a surrogate pair, which is no character.")
    key = _saying(row)
    if ("request" in row) == ("inputs" in row):
        raise MisfitError("A row of feedback has either `request` or `inputs`.")
    if "inputs" in row and key != "correct":
        raise MisfitError(f"`{key}` needs the `request` that it is about.")
    if "request" in row:
        request, asked = _asked(row["request"], find, task)
    else:
        request, asked = "", _given(row["inputs"], inputs)
    value = _correct(row["correct"], fields, asked) if key == "correct" else _remark(key, row[key])
    return Said(request, asked, _SAYS[key], value)


def _has_half_pair(value: object) -> bool:
    """Tells whether a text anywhere in plain data cannot be written as UTF-8."""
    if isinstance(value, str):
        return not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, Mapping):
        return any(_has_half_pair(each) for pair in value.items() for each in pair)
    return isinstance(value, list | tuple) and any(_has_half_pair(each) for each in value)


def _saying(row: Mapping[object, object]) -> str:
    unknown = [key for key in row if key not in _KEYS]
    if unknown:
        name = str(unknown[0])
        raise MisfitError(f"A row of feedback has no {name[:60]!r}{suggest(name[:60], _KEYS)}")
    said = [key for key in _SAYS if key in row]
    if len(said) != 1:
        raise MisfitError("A row of feedback has one of `correct`, `rating` and `outcome`.")
    return said[0]


def _asked(
    request: object, find: Callable[[str], RecordedRequest | None], task: str
) -> tuple[str, Mapping[str, str]]:
    if not isinstance(request, str):
        raise MisfitError("`request` is the id that the answer came with, a text.")
    found = find(request) if _REQUEST.fullmatch(request) else None
    if found is None or found.task != task:
        raise MisfitError(f"`{task}` was never asked a request {request[:160]!r}.")
    return request, found.inputs


def _given(value: object, names: Sequence[str]) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise MisfitError("`inputs` is an object with the task's inputs.")
    for key in value:
        if key not in names:
            raise MisfitError(f"There is no input {str(key)[:60]!r}{suggest(str(key)[:60], names)}")
    for name in names:
        if not isinstance(value.get(name), str):
            raise MisfitError(f"Input `{name}` is missing or no text.")
    if not any(value[name].strip() for name in names):
        raise MisfitError("`inputs` are all blank.")
    return {name: value[name] for name in names}


def _correct(value: object, fields: Sequence[Field], inputs: Mapping[str, str]) -> Mapping[str, Json]:
    if not isinstance(value, Mapping) or not value:
        raise MisfitError("`correct` is an object with at least one field and its right value.")
    return read_values(value, fields, inputs)


def read_values(
    value: Mapping[str, object], fields: Sequence[Field], inputs: Mapping[str, str]
) -> Mapping[str, Json]:
    """Returns field to value in the form that examples hold it.

    Raises:
        MisfitError: There is no such field, or a value does not fit.
    """
    by_name = {field.name: field for field in fields}
    for name in value:
        if name not in by_name:
            raise MisfitError(f"There is no field {str(name)[:60]!r}{suggest(str(name)[:60], by_name)}")
    fitted = {name: fit(by_name[name], given, inputs=inputs) for name, given in value.items()}
    return cast(Mapping[str, Json], fitted)


def _remark(key: str, value: object) -> Mapping[str, Json]:
    if key == "outcome":
        return {"outcome": cast(Json, value)}
    if isinstance(value, str) and value in ("up", "down"):
        return {"rating": value}
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise MisfitError('`rating` is "up", "down" or a finite number.')
    return {"rating": value}
