from __future__ import annotations

import re

import pytest

from freehold import errors
from freehold.errors import MissingExtraError, Mistake, TaskFileError, UserError

CLASSES = [getattr(errors, name) for name in errors.__all__ if name != "Mistake"]


def drawn_tree() -> dict[str, str]:
    """Returns each class in the drawing at the head of the module with the class above it."""
    above: dict[str, str] = {}
    stack: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)([A-Z]\w+Error)\b", line)
        if match:
            stack = [*stack[: len(match[1]) // 4], match[2]]
            above[match[2]] = stack[-2] if len(stack) > 1 else "Exception"
    return above


def test_the_tree_at_the_head_of_the_module_is_true() -> None:
    assert drawn_tree() == {error.__name__: error.__base__.__name__ for error in CLASSES}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UserError", 2),
        ("TaskFileError", 2),
        ("DataError", 2),
        ("NotFoundError", 2),
        ("CheckError", 1),
        ("IntegrityError", 1),
        ("OperatorError", 2),
        ("StorageError", 2),
        ("MissingExtraError", 2),
        ("PluginError", 3),
        ("FreeholdError", 3),
    ],
)
def test_exit_codes(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code


def test_a_hint_stands_on_its_own_line() -> None:
    error = UserError("`x` is 3.", hint="Type: y")
    assert str(error) == "`x` is 3.\nType: y"
    assert (error.message, error.hint) == ("`x` is 3.", "Type: y")
    assert str(UserError("`x` is 3.")) == "`x` is 3."


def test_a_task_file_error_lists_all_mistakes_by_line() -> None:
    error = TaskFileError("task.toml", [Mistake(3, "b"), Mistake(1, "a"), Mistake(0, "whole")])
    lines = "task.toml: whole\ntask.toml:1: a\ntask.toml:3: b"
    assert error.message == f"`task.toml` has 3 mistakes:\n{lines}"
    assert TaskFileError("t", [Mistake(1, "a")]).message == "`t` has 1 mistake:\nt:1: a"


def test_a_missing_extra_says_how_to_install_it() -> None:
    assert MissingExtraError("ray", "ray").hint == "Install it with: pip install 'freehold[ray]'"
