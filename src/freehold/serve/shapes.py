"""From a body to a typed request of another API's shape, or to the fault that names what is wrong and where.

Owns how pydantic's findings become one sentence with a path. Knows none of the shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from freehold.serve.faults import Fault
from freehold.task import Json

__all__ = ["Shape", "read_shape"]

_SHOWN = 60


class Shape(BaseModel):
    """A part of a request. What a client sends beyond the shape is taken and not read."""

    # A server that starts need not wait for what the first request of a shape makes.
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


S = TypeVar("S", bound=Shape)


def read_shape(shape: type[S], body: Json) -> S:
    """Returns the request that a body holds.

    Raises:
        Fault: 400 that names what is wrong and where.
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise _fault(error, body) from None


def _fault(error: ValidationError, body: Json) -> Fault:
    """Returns the most precise of a shape's mistakes; of a union's, those of the branch that got furthest."""
    found = [(_walk(each["loc"], body, missing=each["type"] == "missing"), each) for each in error.errors()]
    depth = max(path.count(".") + path.count("[") for path, _ in found)
    path = next(path for path, _ in found if path.count(".") + path.count("[") == depth)
    messages = dict.fromkeys(each["msg"] for place, each in found if place == path)
    missing = all(each["type"] == "missing" for place, each in found if place == path)
    message = f"`{path or 'body'}`: {', or '.join(messages)}."
    return Fault(400, message, code="missing_value" if missing else "invalid_value", param=path)


def _walk(location: Sequence[str | int], body: Json, *, missing: bool) -> str:
    """Returns the path of a mistake in the body: the names of a union's branches are not part of it."""
    path, value = "", body
    for number, step in enumerate(location):
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            path, value = f"{path}[{step}]", value[step]
        elif isinstance(step, str) and isinstance(value, dict) and step in value:
            path, value = f"{path}.{step[:_SHOWN]}" if path else step[:_SHOWN], value[step]
        elif missing and number == len(location) - 1:
            path = f"{path}.{step}" if path else str(step)
    return path
