"""The owner's own functions: loaded from a file in the task's folder, run in this process with the owner's rights.

Owns loading and that what a function raises is told and never ends a run. A task file that comes from somebody
else may name code of theirs: it is run like any program of theirs would be.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from freehold.errors import UserError
from freehold.task import file_digest

__all__ = ["Troubles", "call_rule", "load_function", "rule_digest"]

_LONGEST = 160


class Troubles:
    """What went wrong in a teacher, counted; the first is kept to be told."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def note(self, problem: str) -> None:
        """Counts one."""
        self.count += 1
        self.first = self.first or " ".join(problem.split())[:_LONGEST]


def rule_digest(place: str, *, folder: Path) -> str:
    """Returns the digest of a rule's file; empty where it cannot be read."""
    try:
        return file_digest(_find(place, folder))
    except (OSError, UserError):
        return ""


def load_function(place: str, *, folder: Path) -> Callable[..., Any]:
    """Returns the function that `FILE.py:FUNCTION` names.

    Raises:
        UserError: There is no such file in the folder, it cannot be loaded, or it has no such function.
    """
    path, name = _find(place, folder), place.partition(":")[2]
    spec = importlib.util.spec_from_file_location(f"freehold_rule_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the rim of the owner's own code
        raise UserError(f"`{path.name}` cannot be loaded: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UserError(f"`{path.name}` has no function `{name}`.", hint=f"Define it: def {name}(inputs): ...")
    return function  # type: ignore[no-any-return]


def _find(place: str, folder: Path) -> Path:
    path = (folder / place.partition(":")[0]).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise UserError(f"`{place}` is no file in the task's folder.", hint=f"It would be {path}")
    return path


def call_rule(
    function: Callable[..., Any], inputs: Sequence[Mapping[str, str]], *, names: Sequence[str], troubles: Troubles
) -> list[Any]:
    """Returns what a function says of each row: an object of fields, or None where it says nothing or fails.

    A function that gives something else says it of the only field there is.

    Args:
        names: The fields that are wanted.
    """
    found = []
    for row in inputs:
        try:
            said = function(MappingProxyType(dict(row)))
        except (Exception, SystemExit) as error:  # noqa: BLE001  the rim of the owner's own code
            troubles.note(f"{type(error).__name__}: {error}")
            said = None
        if said is not None and not isinstance(said, Mapping):
            said = {names[0]: said} if len(names) == 1 else None
        found.append(said)
    return found
