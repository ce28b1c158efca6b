"""What to type next, as it can be typed here and now."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

__all__ = ["command_line"]


def command_line(verb: str, folder: Path, *, state: Path | None = None, more: str = "") -> str:
    """Returns a command line: the program as it was called, the same folder, the same state.

    Example:
        >>> command_line("status", Path("banking")).endswith("status banking")
        True
    """
    parts = [_program(), *verb.split(), *([str(folder)] if folder != Path() else [])]
    if state is not None:
        parts += ["--state", str(state)]
    return " ".join([shlex.join(parts), *([more] if more else [])])


def _program() -> str:
    called = Path(sys.argv[0])
    if called.name != "freehold":
        return "freehold"
    found = shutil.which("freehold")
    return "freehold" if found and Path(found).resolve() == called.resolve() else str(called)
