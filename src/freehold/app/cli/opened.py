"""A task and its state, opened for one command and closed after it."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freehold.errors import UserError

if TYPE_CHECKING:
    from freehold.registry import Registry
    from freehold.task import Task

__all__ = ["Opened", "opened", "user_name", "version_number"]


class Opened(NamedTuple):
    """What nearly every command works with."""

    task: Task
    shelf: Registry


@contextmanager
def opened(folder: Path, *, state: Path | None) -> Iterator[Opened]:
    """Yields the task of a folder with its registry, which is closed afterwards."""
    from freehold.line import open_state
    from freehold.task import load_task

    task = load_task(folder)
    with open_state(task.folder, state=state) as shelf:
        yield Opened(task, shelf)


def user_name() -> str:
    """Returns who is at the keyboard, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


_VERSION = re.compile("[0-9]{1,9}")


def version_number(text: str, *, task: str) -> int:
    """Returns the number in `3` or `task@3`.

    Raises:
        UserError: It is neither, or it names another task.
    """
    name, at, number = text.rpartition("@")
    if not _VERSION.fullmatch(number) or (at and name != task):
        raise UserError(
            f"{text!r} is not a version of `{task}`; it must be a number or `{task}@NUMBER`.",
            hint="See them all: freehold models",
        )
    return int(number)
