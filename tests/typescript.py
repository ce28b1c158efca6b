"""A TypeScript compiler and node, where they are.

The compiler is the one that `FREEHOLD_TSC` names, that `.ci/run` put into the user's cache, or that the path has.
Where there is none, the tests that want it are skipped with the reason.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

__all__ = ["TypeScript", "typescript"]

CACHED = Path("freehold/typescript/node_modules/.bin/tsc")


class TypeScript(NamedTuple):
    """Two programs."""

    tsc: str
    node: str


@pytest.fixture(scope="session")
def typescript() -> TypeScript:
    """The compiler and what runs what it makes."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = os.environ.get("FREEHOLD_TSC") or (str(cache / CACHED) if (cache / CACHED).exists() else "tsc")
    tsc, node = shutil.which(named), shutil.which("node")
    if tsc is None or node is None:
        missing = "node" if node is None else f"`{named}`"
        pytest.skip(f"no TypeScript here: {missing} is not found; see CONTRIBUTING")
    return TypeScript(tsc, node)
