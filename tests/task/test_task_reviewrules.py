"""The `[review]` table: what it holds, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.errors import TaskFileError
from freehold.task import ReviewRules, load_task

_HEAD = '[task]\nname = "t"\n[input]\ntext = "string"\n[output.intent]\nkind = "choice"\nlabels = ["a", "b"]\n'


def _load(folder: Path, review: str) -> ReviewRules:
    (folder / "task.toml").write_text(f"{_HEAD}[review]\n{review}\n")
    return load_task(folder).review


def test_a_task_without_the_table_has_the_defaults(tmp_path: Path) -> None:
    """Nothing has to be said: one expert an item, suggestions shown, nobody paid."""
    assert _load(tmp_path, "") == ReviewRules()


def test_every_key_is_read(tmp_path: Path) -> None:
    """Each key lands in the attribute of its name."""
    said = {"guidelines": "g.md", "overlap": 2, "suggestions": "hidden", "gold": 0.1, "random": 0.2}
    said |= {"strategy": "mine.v1", "lease_minutes": 5, "rate": 12.5, "rate_per": "hour", "currency": "CHF"}
    lines = "\n".join(f"{key} = {value!r}" for key, value in said.items())
    assert _load(tmp_path, lines) == ReviewRules(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("review", "message"),
    [
        ("overlap = 0", "`overlap` is 0; it must be a whole number from 1 to 15."),
        ("overlap = true", "`overlap` is true; it must be a whole number from 1 to 15."),
        ('suggestions = "on"', "unknown suggestions 'on'"),
        ("gold = 0.9", "`gold` is 0.9; it must be a number from 0 to 0.5."),
        ("random = -1", "`random` is -1; it must be a number from 0 to 1."),
        ("lease_minutes = 2000", "it must be a whole number from 1 to 1440."),
        ('currency = "euro"', "`currency` is 'euro'; it must have three capital letters, such as EUR."),
        ("rates = 1", "unknown key `rates`"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(review: str, message: str, tmp_path: Path) -> None:
    """Every value out of its range is named."""
    with pytest.raises(TaskFileError) as caught:
        _load(tmp_path, review)
    assert message in str(caught.value)
