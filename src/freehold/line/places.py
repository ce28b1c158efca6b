"""Where the state of a task lives, and what the machine gives to compute with."""

from __future__ import annotations

import os
from pathlib import Path

from freehold.errors import UserError

__all__ = ["state_folder", "thread_count"]


def state_folder(folder: Path, *, state: Path | None = None) -> Path:
    """Returns the state folder of a task: `state`, else `FREEHOLD_STATE`, else `.freehold` in `folder`."""
    if state is not None:
        return state
    named = os.environ.get("FREEHOLD_STATE", "")
    return Path(named) if named else folder / ".freehold"


def thread_count() -> int:
    """Returns how many threads to compute with: `FREEHOLD_THREADS`, else the cores this process may use.

    Raises:
        UserError: `FREEHOLD_THREADS` is not a positive whole number.
    """
    named = os.environ.get("FREEHOLD_THREADS", "")
    if not named:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not named.isdecimal() or int(named) < 1:
        raise UserError(
            f"`FREEHOLD_THREADS` is {named!r}; it must be a whole number, 1 or more.",
            hint="Unset it to use every core.",
        )
    return int(named)
