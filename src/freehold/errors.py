"""Everything that can go wrong, by who has to act.

FreeholdError
├── UserError            the user mends it                              exit 2
│   ├── TaskFileError    the task file has mistakes (all of them listed)
│   ├── DataError        a source or an input cannot be read or used
│   └── NotFoundError    a task, model, file or request that is not there
├── CheckError          a check found something wrong                  exit 1
│   └── IntegrityError   stored bytes are not what was recorded
├── OperatorError        the machine or the service mends it            exit 2
│   ├── StorageError     disk full, folder not writable, database away
│   └── MissingExtraError  an optional library is not installed
└── PluginError          the plugin's author mends it                   exit 3

Anything else that escapes is our bug: exit 3, with a traceback.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CheckError",
    "DataError",
    "FreeholdError",
    "IntegrityError",
    "MissingExtraError",
    "Mistake",
    "NotFoundError",
    "OperatorError",
    "PluginError",
    "StorageError",
    "TaskFileError",
    "UserError",
]


class FreeholdError(Exception):
    """The root. `message` says what happened; `hint` says what to type or change next."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UserError(FreeholdError):
    """The user can mend this."""

    exit_code = 2


class Mistake(NamedTuple):
    """One mistake in a file. `line` counts from 1; 0 where no line can be named."""

    line: int
    message: str


class TaskFileError(UserError):
    """A task file with mistakes, all of them at once."""

    def __init__(self, path: str, mistakes: list[Mistake]) -> None:
        self.path = path
        self.mistakes = sorted(mistakes)
        lines = [f"{path}:{m.line}: {m.message}" if m.line else f"{path}: {m.message}" for m in self.mistakes]
        count = f"{len(lines)} mistake{'s' if len(lines) != 1 else ''}"
        super().__init__("\n".join([f"`{path}` has {count}:", *lines]))


class DataError(UserError):
    """A source or an input that cannot be read or used."""


class NotFoundError(UserError):
    """Something asked for by name that is not there."""


class CheckError(FreeholdError):
    """A check found something wrong."""

    exit_code = 1


class IntegrityError(CheckError):
    """Stored bytes that are not what was recorded."""


class OperatorError(FreeholdError):
    """The machine or a service it relies on stands in the way."""

    exit_code = 2


class StorageError(OperatorError):
    """A full disk, a folder that cannot be written, a database out of reach."""


class MissingExtraError(OperatorError):
    """An optional library that is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"`{library}` is not installed.", hint=f"Install it with: pip install 'freehold[{extra}]'"
        )


class PluginError(FreeholdError):
    """A plugin that does not keep its contract."""
