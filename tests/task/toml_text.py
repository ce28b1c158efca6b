"""Plain data as TOML, for the tests of task files."""

from __future__ import annotations

from typing import Any

__all__ = ["literal", "quoted"]


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n".join(literal(item) for item in value) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(each):08x}" if each in '"\\' else each for each in text) + '"'
