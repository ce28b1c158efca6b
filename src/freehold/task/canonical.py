"""One way to turn plain data into bytes, and bytes into names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

__all__ = ["Json", "canonical", "digest", "file_digest", "folder_digest", "folder_files"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> bytes:
    """Returns the one JSON encoding of `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return _ENCODER.encode(value).encode()


def digest(value: object) -> str:
    """Returns the sha256, in hexadecimal, of the canonical encoding of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """Returns the sha256, in hexadecimal, of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_files(folder: Path) -> dict[str, str]:
    """Returns the files below `folder`: relative POSIX name to sha256, sorted by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}


def folder_digest(files: Mapping[str, str]) -> str:
    """Returns the digest of a folder from its files (name to sha256)."""
    return digest(dict(files))
