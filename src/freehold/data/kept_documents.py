"""Documents that were read before are not read again: what a file's bytes came to is kept by their digest.

Owns the files below `documents/` in the folder that a place keeps things in. What is kept can be deleted at any
time.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from freehold.data.documents import Document, find_format

__all__ = ["KeptDocuments"]

_SCHEME = 3
"""Raised where the same bytes would be read as another text."""


class Reading(Protocol):
    """What reads documents."""

    def read(self, name: str, data: bytes) -> list[Document]: ...


class KeptDocuments:
    """Reads documents, those that are new.

    Args:
        reader: Reads what is not kept.
        folder: Where to keep; None keeps nothing.
    """

    def __init__(self, reader: Reading, *, folder: Path | None) -> None:
        self._reader = reader
        self._folder = folder / "documents" if folder else None

    def read(self, name: str, data: bytes) -> list[Document]:
        """Returns the documents in a file.

        Raises:
            UnreadableError: It cannot be read. That is not kept: the next turn tries again.
        """
        form = find_format(name)
        if self._folder is None or form in ("", "text"):
            return self._reader.read(name, data)
        digest = hashlib.sha256(f"{_scheme()}:{form}:".encode() + data).hexdigest()
        path = self._folder / digest[:2] / f"{digest[2:]}.json"
        known = _recall(path)
        if known is None:
            known = self._reader.read(name, data)
            _keep(path, known)
        return known


@cache
def _scheme() -> str:
    return f"{_SCHEME}-kreuzberg-{version('kreuzberg')}-trafilatura-{version('trafilatura')}"


def _recall(path: Path) -> list[Document] | None:
    try:
        return [Document(*each) for each in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):  # not there, or cut short
        return None


def _keep(path: Path, documents: list[Document]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(json.dumps(documents).encode())
    unfinished.replace(path)
