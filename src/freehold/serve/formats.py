"""Whether what a task answers fits the JSON schema that a caller will check it against.

Owns the comparison of the task's own output schema with a caller's: whatever the task may answer must be valid
under the caller's schema, so that no answer has to be refused after it was given. Knows nothing of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from freehold.serve.chat import ResponseFormat, SchemaFormat
from freehold.serve.faults import Fault
from freehold.task import Field, output_schema, suggest

__all__ = ["check_format", "may_be_null"]

Schema: TypeAlias = Any

_AT = "response_format.json_schema.schema"
_DEEPEST = 64
_MOST_STEPS = 2_000
_SHOWN = 60
_SILENT = {"$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description"}
_SILENT |= {"examples", "readOnly", "strict", "title", "writeOnly"}
"""Keywords that say nothing about what is valid."""
_SHAPES: Mapping[str, type | tuple[type, ...]] = {
    "$ref": str,
    "additionalProperties": (bool, dict),
    "allOf": list,
    "anyOf": list,
    "enum": list,
    "items": (bool, dict),
    "oneOf": list,
    "properties": dict,
    "required": list,
    "type": (str, list),
}


def check_format(wanted: ResponseFormat | None, fields: Sequence[Field]) -> None:
    """Refuses a schema under which something that the task may answer is not valid.

    Args:
        wanted: The format that a caller asks for; any JSON will do where it names no schema.
        fields: The task's, labels resolved.

    Raises:
        Fault: 400 at the first difference.
    """
    schema = _schema_of(wanted)
    if schema is not None:
        _Comparison(schema).fit(output_schema(fields), schema, at=_AT)


def may_be_null(wanted: ResponseFormat | None, fields: Sequence[Field], name: str) -> bool:
    """Returns whether null is valid for one field, which is its value where the model abstains."""
    schema = _schema_of(wanted)
    if schema is None:
        return True
    own: dict[str, Any] = output_schema(fields)
    properties = {**own["properties"], name: {"type": "null"}}
    try:
        _Comparison(schema).fit({**own, "properties": properties}, schema, at=_AT)
    except Fault:
        return False
    return True


def _schema_of(wanted: ResponseFormat | None) -> Schema:
    return wanted.json_schema.wanted if isinstance(wanted, SchemaFormat) else None


class _Comparison:
    """One caller's schema; counts its steps, since references can make a small schema endless."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._steps = 0

    def fit(self, own: Schema, wanted: Schema, *, at: str, depth: int = 0) -> None:
        """Refuses where a value that is valid under `own` may not be under `wanted`."""
        self._steps += 1
        if depth > _DEEPEST or self._steps > _MOST_STEPS:
            _refuse("The schema is too deep, or refers to itself without end.", _AT)
        if wanted is False:
            _refuse("Nothing is valid here, and the task answers something.", at)
        if not isinstance(wanted, bool | dict):
            _refuse(f"{wanted!r:.60} is no JSON schema.", at)
        keywords = wanted if isinstance(wanted, dict) else {}
        for key, value in keywords.items():
            if not isinstance(value, _SHAPES.get(key, object)):
                _refuse(f"{value!r:.60} is no value of `{key}` in a JSON schema.", f"{at}.{key}")
        for key, value in keywords.items():
            if key in _CHECKS:
                _CHECKS[key](self, own, wanted, f"{at}.{key}", depth + 1)
            elif key not in _SILENT and own.get(key) != value:
                _refuse("The task's answers are not held to this; leave it out.", f"{at}.{key[:_SHOWN]}")

    def follow(self, own: Schema, wanted: Schema, at: str, depth: int) -> None:
        """`$ref`: the words beside it are compared by themselves."""
        reference, place = wanted["$ref"], self._root
        steps = reference.split("/")
        for step in steps[1:]:
            place = place.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
        if steps[0] != "#" or place is None:
            _refuse(f"The schema has no {reference[:_SHOWN]!r}; a reference reads `#/$defs/NAME`.", at)
        self.fit(own, place, at=at, depth=depth)

    def every(self, own: Schema, wanted: Schema, at: str, depth: int) -> None:
        """`allOf`."""
        for number, each in enumerate(wanted["allOf"]):
            self.fit(own, each, at=f"{at}[{number}]", depth=depth)

    def some(self, own: Schema, wanted: Schema, at: str, depth: int) -> None:
        """`anyOf`, `oneOf`: the fault of the branch that got furthest tells most."""
        faults = []
        for number, each in enumerate(wanted[at.rsplit(".", 1)[1]]):
            try:
                self.fit(own, each, at=f"{at}[{number}]", depth=depth)
            except Fault as fault:
                faults.append(fault)
            else:
                return
        if not faults:
            _refuse("Nothing is valid here, and the task answers something.", at)
        raise max(faults, key=lambda fault: fault.param.count("."))

    def properties(self, own: Schema, wanted: Schema, at: str, depth: int) -> None:
        """`properties`: each is answered, and fits."""
        known = own.get("properties", {})
        for name, schema in wanted["properties"].items() if own["type"] == "object" else ():
            place = f"{at}.{name[:_SHOWN]}"
            if name not in known:
                _refuse(f"The task does not answer {name[:_SHOWN]!r}{suggest(name[:_SHOWN], known)}", place)
            self.fit(known[name], schema, at=place, depth=depth)

    def others(self, own: Schema, wanted: Schema, at: str, depth: int) -> None:
        """`additionalProperties`: what the task answers and the schema does not name."""
        named = wanted.get("properties", {})
        for name, schema in own.get("properties", {}).items():
            if name in named:
                continue
            if wanted["additionalProperties"] is False:
                _refuse(f"The task answers `{name}` too; add it.", f"{at.rsplit('.', 1)[0]}.properties")
            self.fit(schema, wanted["additionalProperties"], at=at, depth=depth)

    def items(self, own: Schema, wanted: Schema, at: str, depth: int) -> None:
        """`items`: of a list."""
        if own["type"] == "array":
            self.fit(own["items"], wanted["items"], at=at, depth=depth)


def _type(_: _Comparison, own: Schema, wanted: Schema, at: str, depth: int) -> None:
    allowed = wanted["type"] if isinstance(wanted["type"], list) else [wanted["type"]]
    kind = own["type"]
    if kind not in allowed and not (kind == "integer" and "number" in allowed):
        _refuse(f"The task answers `{kind}` here, not {wanted['type']!r:.60}.", at)


def _required(_: _Comparison, own: Schema, wanted: Schema, at: str, depth: int) -> None:
    for name in wanted["required"] if own["type"] == "object" else ():
        if not isinstance(name, str) or name not in own["properties"]:
            _refuse(f"The task does not answer {name!r:.60}.", at)


def _enum(_: _Comparison, own: Schema, wanted: Schema, at: str, depth: int) -> None:
    possible: Any = {"boolean": [False, True], "null": [None]}.get(own["type"], own.get("enum"))
    if possible is None:
        _refuse(f"The task may answer any `{own['type']}` here.", at)
    allowed = wanted["enum"] if at.endswith(".enum") else [wanted["const"]]
    known = {(type(each), each) for each in allowed if isinstance(each, str | int | None)}
    for value in possible:
        if (type(value), value) not in known:
            _refuse(f"The task may answer {value!r}, which is not among these.", at)


_Check: TypeAlias = Callable[[_Comparison, Schema, Schema, str, int], None]
_CHECKS: Mapping[str, _Check] = {
    "$ref": _Comparison.follow,
    "additionalProperties": _Comparison.others,
    "allOf": _Comparison.every,
    "anyOf": _Comparison.some,
    "const": _enum,
    "enum": _enum,
    "items": _Comparison.items,
    "oneOf": _Comparison.some,
    "properties": _Comparison.properties,
    "required": _required,
    "type": _type,
}


def _refuse(message: str, param: str) -> NoReturn:
    raise Fault(400, message, code="invalid_value", param=param)
