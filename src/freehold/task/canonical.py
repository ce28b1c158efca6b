"""One way to turn plain data into bytes, and bytes into names."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedReader
from pathlib import Path
from typing import TypeAlias

__all__ = ["Json", "canonical", "digest", "file_digest", "folder_digest", "folder_files", "reading_once"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> bytes:
    """Returns the one JSON encoding of `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return _ENCODER.encode(value).encode()


def digest(value: object) -> str:
    """Returns the sha256, in hexadecimal, of the canonical encoding of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


_CHUNK = 1 << 24
"""Bytes of a file that are read at once."""
_SETTLED = 2_000_000_000
"""Nanoseconds since a file's last change, from which on another change must give it another time."""

_Stamp: TypeAlias = "tuple[int, int, int, int]"
_read: ContextVar[dict[_Stamp, str] | None] = ContextVar("read", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Lets `file_digest` read a file once as long as its inode, size and time of change stay what they are.

    Holds for this context alone: outside, every file is read whenever its digest is asked for.
    """
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def file_digest(path: Path) -> str:
    """Returns the sha256, in hexadecimal, of a file's bytes."""
    known = _read.get()
    with path.open("rb") as file:
        if known is None:
            return _sha256(file)
        status = os.fstat(file.fileno())
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if stamp not in known:
            found = _sha256(file)
            if time.time_ns() - status.st_mtime_ns < _SETTLED:
                return found
            known[stamp] = found
        return known[stamp]


def _sha256(file: BufferedReader) -> str:
    # `hashlib.file_digest` takes Python's lock eight times a MiB: beside another thread it waits each time.
    size = os.fstat(file.fileno()).st_size
    digest, buffer = hashlib.sha256(), memoryview(bytearray(min(size + 1, _CHUNK)))
    while count := file.readinto(buffer):
        digest.update(buffer[:count])
    return digest.hexdigest()


def folder_files(folder: Path) -> dict[str, str]:
    """Returns the files below `folder`: relative POSIX name to sha256, sorted by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}


def folder_digest(files: Mapping[str, str]) -> str:
    """Returns the digest of a folder from its files (name to sha256)."""
    return digest(dict(files))
