"""The parts that OpenAPI documents are made of.

Owns their shapes. What this server's document says stands in `schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "ANY",
    "FLAG",
    "MAYBE",
    "NAME",
    "NUMBER",
    "SHARE",
    "Schema",
    "TEXT",
    "WHOLE",
    "list_of",
    "object_of",
    "one_or_many",
    "operation",
    "page",
    "plain",
    "ref",
]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
NAME: Schema = {"type": ["string", "null"]}
ANY: Schema = {"type": "object"}
MAYBE: Schema = {"type": ["object", "null"]}


def operation(
    name: str, summary: str, *, answer: Schema, body: Schema | None = None, names: Sequence[str] = ()
) -> Schema:
    """Returns an operation that answers JSON, or in the one shape of errors."""
    responses = {
        "200": {"description": "Done.", "content": {"application/json": {"schema": answer}}},
        "default": {
            "description": "What went wrong.",
            "content": {"application/json": {"schema": ref("Error")}},
        },
    }
    operation: Schema = {"operationId": name, "summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if names:
        operation["parameters"] = [
            {"name": each, "in": "path", "required": True, "schema": TEXT} for each in names
        ]
    return operation


def page(name: str, summary: str, *, form: Schema | None = None) -> Schema:
    """Returns an operation that answers HTML."""
    shown = operation(name, summary, answer=TEXT)
    shown["responses"]["200"]["content"] = {"text/html": {"schema": TEXT}}
    if form is not None:
        content = {"application/x-www-form-urlencoded": {"schema": form}}
        shown["requestBody"] = {"required": True, "content": content}
    return shown


def object_of(properties: Schema) -> Schema:
    """Returns an object with these properties, all of them needed."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(items: Schema) -> Schema:
    """Returns a list."""
    return {"type": "array", "items": items}


def one_or_many(schema: Schema) -> Schema:
    """Returns a value or a list of such values."""
    return {"oneOf": [schema, list_of(schema)]}


def ref(name: str) -> Schema:
    """Returns a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def plain(schema: Mapping[str, Any]) -> Schema:
    """Returns a schema without its dialect, which the document declares for all."""
    return {key: value for key, value in schema.items() if key != "$schema"}
