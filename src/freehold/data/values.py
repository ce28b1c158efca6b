"""Raw cells into typed values of a task's fields.

Owns what each kind of field accepts, from text (a CSV cell) and from JSON or Parquet, where values have
types. Knows nothing of files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple, cast

from freehold.task import Field, FieldKind, Value, normalise, shift, suggest

__all__ = ["BadValueError", "is_missing", "parse_input", "parse_output"]

_TRUTHS: Mapping[str, bool] = {
    "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False,
}  # fmt: skip
_SHOWN = 60


class BadValueError(ValueError):
    """A value that its field does not take; its text is the reason."""


def is_missing(raw: object) -> bool:
    """Tells whether a cell holds no value: nothing, null, or nothing but white space."""
    return raw is None or (isinstance(raw, str) and not raw.strip())


def parse_input(name: str, raw: object) -> str:
    """Returns an input as text, not normalised yet.

    Raises:
        BadValueError: It is not text.
    """
    if raw is None:
        raise BadValueError(f"input `{name}` is missing")
    return _string(raw, what=f"input `{name}`")


def parse_output(field: Field, raw: object, *, inputs: Mapping[str, str]) -> Value:
    """Returns the value of a field.

    Args:
        field: The field; where it lists labels, only these are taken.
        raw: What the source holds.
        inputs: The inputs of the same row as the source holds them; spans are checked against them and
            moved to where they lie after normalisation.

    Raises:
        BadValueError: The field does not take this value.

    Example:
        >>> parse_output(Field("tags", "choices"), "b;a; b", inputs={})
        ['a', 'b']
    """
    return _PARSERS[field.kind](field, raw, inputs)


def _choice(field: Field, raw: object, _inputs: Mapping[str, str]) -> Value:
    return _label(field, raw)


def _choices(field: Field, raw: object, _inputs: Mapping[str, str]) -> Value:
    if isinstance(raw, str):
        raw = [part for part in raw.split(";") if part.strip()]
    if not isinstance(raw, list | tuple):
        raise _wrong(field, raw, "a list of labels")
    return sorted({_label(field, each) for each in raw})


def _predicate(field: Field, raw: object, _inputs: Mapping[str, str]) -> Value:
    truth = _TRUTHS.get(str(raw).strip().casefold())
    if truth is None or not isinstance(raw, str | bool | int):
        raise _wrong(field, raw, "true or false")
    return truth


def _score(field: Field, raw: object, _inputs: Mapping[str, str]) -> Value:
    number = _finite(raw)
    if number is None or number != int(number):
        raise _wrong(field, raw, "a whole number")
    if field.labels is not None:
        _known(field, str(int(number)))
    return int(number)


def _number(field: Field, raw: object, _inputs: Mapping[str, str]) -> Value:
    number = _finite(raw)
    if number is None:
        raise _wrong(field, raw, "a finite number")
    return number


def _text(field: Field, raw: object, _inputs: Mapping[str, str]) -> Value:
    return normalise(_string(raw, what=f"`{field.name}`"))


def _spans(field: Field, raw: object, inputs: Mapping[str, str]) -> Value:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raise _wrong(field, raw, "a list of spans in JSON") from None
    if not isinstance(raw, list | tuple):
        raise _wrong(field, raw, "a list of spans")
    places = {_span(field, each, inputs) for each in raw}
    _refuse_nested(field, places)
    spans = {tuple(_moved(field, inputs[place.input], place).items()) for place in places}
    return [dict(span) for span in sorted(spans, key=lambda span: (span[1], span[2], span[0]))]


class _Place(NamedTuple):
    """Where a span lies in an input as its source holds it."""

    input: str
    start: int
    end: int
    label: str


def _refuse_nested(field: Field, places: Iterable[_Place]) -> None:
    """Raises BadValueError where two spans share a character: a model marks each character once."""
    for one, other in pairwise(sorted(places, key=lambda each: (each.input, each.start, -each.end, each.label))):
        if one.input == other.input and other.start < one.end:
            raise BadValueError(
                f"in `{field.name}`, the span of {_shown(other.label)} from {other.start} to {other.end} overlaps "
                f"that of {_shown(one.label)} from {one.start} to {one.end}; spans must not share characters"
            )


def _span(field: Field, raw: object, inputs: Mapping[str, str]) -> _Place:
    if not isinstance(raw, Mapping) or not {"label", "start", "end"} <= set(raw):
        raise BadValueError(f"a span of `{field.name}` is an object with `label`, `start`, `end` and `text`")
    start, end = raw["start"], raw["end"]
    if not (_is_whole(start) and _is_whole(end) and 0 <= start < end):
        raise BadValueError(
            f"a span of `{field.name}` goes from {_shown(start)} to {_shown(end)}; "
            "it must start at 0 or later and end after its start, in characters"
        )
    label, text = _label(field, raw["label"]), raw.get("text")
    covered = [(name, whole[start:end]) for name, whole in inputs.items() if end <= len(whole)]
    if not covered:
        raise BadValueError(f"a span of `{field.name}` ends at {end}, behind the end of the text")
    name, found = next((pair for pair in covered if pair[1] == text), covered[0])
    if text is not None and found != text:
        raise BadValueError(
            f"a span of `{field.name}` from {start} to {end} covers {_shown(found)}, not {_shown(text)}"
        )
    return _Place(name, start, end, label)


def _moved(field: Field, whole: str, place: _Place) -> dict[str, str | int]:
    """Returns a span as it lies in the normalised text."""
    start, end, text = place.start, place.end, normalise(whole)
    first, last = shift(whole, start), shift(whole, end)
    covered = normalise(whole[start:end])
    if not covered:
        raise BadValueError(f"a span of `{field.name}` covers nothing but white space or control characters")
    if covered != text[first:last].strip():
        raise BadValueError(f"a span of `{field.name}` begins or ends inside a composed character")
    return {"label": place.label, "start": first, "end": last, "text": text[first:last]}


def _label(field: Field, raw: object) -> str:
    if isinstance(raw, int) and not isinstance(raw, bool) and field.labels is not None:
        raw = str(raw)  # files often number their classes; a list of labels makes it safe to take them so
    name = normalise(_string(raw, what=f"a label of `{field.name}`"))
    if not name:
        raise BadValueError(f"a label of `{field.name}` is blank")
    return _known(field, name)


def _known(field: Field, name: str) -> str:
    """Returns the label called `name`, as the task writes it."""
    if field.labels is None:
        return name
    names = {normalise(label.name): label.name for label in field.labels}
    if name not in names:
        known = suggest(name, names.values()).rstrip(".")
        raise BadValueError(f"`{field.name}` has no label {_shown(name)}{known}")
    return names[name]


def _string(raw: object, *, what: str) -> str:
    if not isinstance(raw, str):
        raise BadValueError(f"{what} must be text, not {_shown(raw)}")
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise BadValueError(f"{what} holds half of a surrogate pair, which is no character") from None
    return raw


def _finite(raw: object) -> float | None:
    """Returns a number, or None where `raw` is none (truth values are none) or is not finite."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    if isinstance(raw, str) and "_" in raw:  # Python's own way to write large numbers
        return None
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(field: Field, raw: object, wanted: str) -> BadValueError:
    return BadValueError(f"`{field.name}` must be {wanted}, not {_shown(raw)}")


def _shown(value: object) -> str:
    """Returns a value as a message shows it, cut where it is long."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping | list | tuple):
        return "an object" if isinstance(value, Mapping) else "a list"
    try:
        shown = repr(value)
    except ValueError:  # Python prints no whole number of more than 4,300 digits
        return "a number that is too long"
    shown = shown.encode(errors="replace").decode()
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."


_PARSERS = cast(
    dict[FieldKind, Callable[[Field, object, Mapping[str, str]], Value]],
    {
        "choice": _choice,
        "choices": _choices,
        "predicate": _predicate,
        "score": _score,
        "number": _number,
        "spans": _spans,
        "text": _text,
    },
)
