"""A turn written down beside its task folder, so that one long measuring can be done in several commands.

A turn is read again only where the sources that made it, byte by byte, are those of now.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from pathlib import Path

from bench.harness import ROOT
from bench.learn import turns
from bench.learn.turns import Turn

__all__ = ["sources", "turn_once"]

_NAME = "turn.json"


def turn_once(folder: Path) -> Turn:
    """Returns the folder's turn: the one written down where it still counts, else a new one in an empty state.

    Raises:
        TurnError: The turn failed.
    """
    path = folder / _NAME
    if path.exists():
        told = json.loads(path.read_text())
        if told["sources"] == sources():
            return Turn(folder, told["document"], told["seconds"], told["mebibytes"])
    path.unlink(missing_ok=True)
    shutil.rmtree(folder / ".freehold", ignore_errors=True)
    made = turns.turn(folder)
    told = {"sources": sources(), "document": made.document, "seconds": made.seconds, "mebibytes": made.mebibytes}
    path.write_text(json.dumps(told))
    return made


@functools.cache
def sources() -> str:
    """Returns the digest of Freehold's sources as this command found them."""
    found = hashlib.sha256()
    home = ROOT / "src" / "freehold"
    for path in sorted(home.rglob("*.py")):
        found.update(f"{path.relative_to(home).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()
