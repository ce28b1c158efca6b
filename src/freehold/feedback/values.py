"""Whether a value that a person gave fits an output field.

Owns the check of one value against one field's kind and labels. Knows nothing of requests or of where the
value came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

from freehold.task import Field, FieldKind, Value, suggest

__all__ = ["MisfitError", "fit"]


class MisfitError(ValueError):
    """A value that does not fit; its text is the reason, one sentence."""


def fit(field: Field, value: object, *, inputs: Mapping[str, str]) -> Value:
    """Returns `value` in the form that examples hold it.

    Args:
        field: The output field; where it has labels, only they are allowed.
        value: Plain data, as JSON gives it.
        inputs: The inputs the value is about; spans are checked against their text.

    Raises:
        MisfitError: The value does not fit the field.

    Example:
        >>> fit(Field("tags", "choices"), ["b", "a", "b"], inputs={})
        ['a', 'b']
    """
    return _FITS[field.kind](field, value, inputs)


def _choice(field: Field, value: object, _inputs: Mapping[str, str]) -> Value:
    return _label(field, value)


def _choices(field: Field, value: object, _inputs: Mapping[str, str]) -> Value:
    if not isinstance(value, list | tuple):
        raise MisfitError(f"`{field.name}` takes a list of labels, not {_named(value)}.")
    return sorted({_label(field, each) for each in value})


def _predicate(field: Field, value: object, _inputs: Mapping[str, str]) -> Value:
    if not isinstance(value, bool):
        raise MisfitError(f"`{field.name}` takes true or false, not {_named(value)}.")
    return value


def _score(field: Field, value: object, _inputs: Mapping[str, str]) -> Value:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MisfitError(f"`{field.name}` takes a whole number, not {_named(value)}.")
    names = [label.name for label in field.labels or ()]
    if field.labels is not None and value not in {int(name) for name in names}:
        raise MisfitError(f"`{field.name}` has no score {_named(value)}; allowed: {', '.join(names)}.")
    return value


def _number(field: Field, value: object, _inputs: Mapping[str, str]) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MisfitError(f"`{field.name}` takes a number, not {_named(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise MisfitError(f"`{field.name}` takes a finite number.")
    return number + 0.0  # of the two zeros the one without a sign, so that equal values look the same


def _text(field: Field, value: object, _inputs: Mapping[str, str]) -> Value:
    if not isinstance(value, str):
        raise MisfitError(f"`{field.name}` takes a text, not {_named(value)}.")
    return value


def _spans(field: Field, value: object, inputs: Mapping[str, str]) -> Value:
    if not isinstance(value, list | tuple):
        raise MisfitError(f"`{field.name}` takes a list of spans, not {_named(value)}.")
    spans = {
        (span["start"], span["end"], span["label"]): span
        for span in (_span(field, each, inputs) for each in value)
    }
    return [spans[place] for place in sorted(spans)]


def _span(field: Field, value: object, inputs: Mapping[str, str]) -> dict[str, str | int]:
    if not isinstance(value, Mapping) or not {"label", "start", "end"} <= set(value):
        raise MisfitError(f"A span of `{field.name}` is an object with `label`, `start`, `end` and `text`.")
    unknown = sorted(str(key) for key in set(value) - {"label", "start", "end", "text"})
    if unknown:
        raise MisfitError(f"A span has no {unknown[0]!r}{suggest(unknown[0], ('label', 'start', 'end', 'text'))}")
    label, start, end = _label(field, value["label"]), value["start"], value["end"]
    if not (_whole(start) and _whole(end) and 0 <= start < end):
        raise MisfitError(
            f"A span of `{field.name}` starts at 0 or later and ends after it starts, in characters."
        )
    text = _spanned(field, value.get("text"), start, end, inputs)
    return {"label": label, "start": start, "end": end, "text": text}


def _spanned(field: Field, text: object, start: int, end: int, inputs: Mapping[str, str]) -> str:
    """Returns the text that a span covers, which must be what the person said it is."""
    covered = [each[start:end] for each in inputs.values() if end <= len(each)]
    if not covered:
        raise MisfitError(f"A span of `{field.name}` ends at {end}, behind the end of the text.")
    if text is None and len(inputs) == 1:
        return covered[0]
    if not isinstance(text, str) or text not in covered:
        raise MisfitError(
            f"A span of `{field.name}` from {start} to {end} covers {covered[0]!r}, not {_named(text)}."
        )
    return text


def _label(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise MisfitError(f"`{field.name}` takes a label as text, not {_named(value)}.")
    if field.labels is None:
        if not value.strip():
            raise MisfitError(f"`{field.name}` takes a label that is not blank.")
        return value
    names = [label.name for label in field.labels]
    if value not in names:
        raise MisfitError(f"`{field.name}` has no label {_named(value)}{suggest(value, names)}")
    return value


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _named(value: object) -> str:
    """Returns a value as a message shows it, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping | list | tuple):
        return "an object" if isinstance(value, Mapping) else "a list"
    try:
        shown = repr(value)
    except ValueError:  # Python prints no whole number of more than 4,300 digits
        return "a number that is too long"
    return shown if len(shown) <= 60 else shown[:57] + "..."


_FITS = cast(
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
