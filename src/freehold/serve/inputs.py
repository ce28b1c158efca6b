"""Whether what a client sent is what a task takes.

Owns the typed check of inputs. Knows nothing of models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from freehold.serve.bodies import parse
from freehold.serve.faults import Fault
from freehold.task import Json, suggest

__all__ = ["check_inputs", "check_rows", "inputs_of_json", "inputs_of_text", "is_inputs", "named"]

_NAMES: Mapping[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}


def check_rows(body: Json, *, limit: int, at: str = "") -> list[Json]:
    """Returns the rows of a list.

    Args:
        at: Where in the body the list stands.

    Raises:
        Fault: 400 where there are none, or more than `limit`.
    """
    rows = cast(list[Json], body)
    if not rows:
        raise Fault(400, "The list is empty; it needs at least one row.", code="missing_value", param=at)
    if len(rows) > limit:
        message = f"The list has {len(rows):,} rows; the most is {limit:,}."
        raise Fault(400, message, code="too_many_rows", param=at)
    return rows


def check_inputs(value: Json, names: Sequence[str], *, at: str = "") -> dict[str, str]:
    """Returns the inputs of one request, in the task's order.

    Args:
        value: What the client sent.
        names: The task's inputs, all of them needed.
        at: Where in the body `value` stands: `[3]`.

    Raises:
        Fault: 400 that names the input.
    """
    if not isinstance(value, dict):
        wanted = ", ".join(f"`{name}`" for name in names)
        raise Fault(
            400, f"Inputs are an object with {wanted}, not {named(value)}.", code="invalid_input", param=at
        )
    for key in value:
        if key not in names:
            message = f"There is no input {key[:60]!r}{suggest(key[:60], names)}"
            raise Fault(400, message, code="unknown_input", param=_place(at, key[:60]))
    for name in names:
        if name not in value:
            raise Fault(400, f"Input `{name}` is missing.", code="missing_input", param=_place(at, name))
        if not isinstance(value[name], str):
            message = f"Input `{name}` must be a string, not {named(value[name])}."
            raise Fault(400, message, code="invalid_input", param=_place(at, name))
    return {name: cast(str, value[name]) for name in names}


def inputs_of_text(text: str, names: Sequence[str], *, at: str) -> dict[str, str]:
    """Returns the task's inputs that a text holds.

    The text is the task's only input. Where a task has several, it is a JSON object with exactly these.

    Raises:
        Fault: 400 where there are several inputs and the text is no such object.
    """
    if len(names) == 1:
        return {names[0]: text}
    try:
        value = parse(text.encode())
    except Fault:
        value = None
    return inputs_of_json(value, names, at=at)


def inputs_of_json(value: Json, names: Sequence[str], *, at: str) -> dict[str, str]:
    """Returns the task's inputs that a JSON value holds.

    An object with exactly the task's inputs is used as it is. A task with one input reads any other value as
    its JSON text.

    Raises:
        Fault: 400 where there are several inputs and the value is no such object.
    """
    if is_inputs(value, names):
        return {name: cast(dict[str, str], value)[name] for name in names}
    if len(names) == 1:
        return {names[0]: json.dumps(value, ensure_ascii=False)}
    wanted = ", ".join(f"`{name}`" for name in names)
    message = f"The task has several inputs: send a JSON object with {wanted}, all strings, and nothing else."
    raise Fault(400, message, code="invalid_input", param=at)


def is_inputs(value: Json, names: Sequence[str]) -> bool:
    """Returns whether `value` is an object with exactly the inputs `names`, all of them strings."""
    return (
        isinstance(value, dict)
        and set(value) == set(names)
        and all(isinstance(each, str) for each in value.values())
    )


def named(value: Json) -> str:
    """Returns what kind of JSON value this is, with its article."""
    if value is None:
        return "null"
    return _NAMES.get(type(value), "a list" if isinstance(value, list) else "an object")


def _place(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
