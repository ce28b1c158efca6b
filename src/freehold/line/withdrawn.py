"""Which examples hold something that a person has taken back: they must not be shown again.

Owns the question. What a turn learns from withdrawn feedback (nothing) is for `freehold.data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.task import Example, canonical, example_id, normalise

if TYPE_CHECKING:
    from freehold.registry import Feedback, Registry

__all__ = ["Withdrawn"]

_Said = tuple[str, str, bytes]


class Withdrawn:
    """Tells whether an example was withdrawn since a model learned from it. Asks the registry at most once."""

    def __init__(self, task: str, *, shelf: Registry) -> None:
        self._task, self._shelf = task, shelf

    def __call__(self, example: Example) -> bool:
        """Whether the correction behind an example, or one of its labels, was withdrawn."""
        if example.passport.source != "feedback":
            return False
        if (example.passport.locator, example.passport.time) in self._places:
            return True
        said = {(example.id, field, canonical(value)) for field, value in example.outputs.items()}
        return bool(said & self._taken_back)

    @cached_property
    def _rows(self) -> list[Feedback]:
        return self._shelf.feedback(self._task, kind="correction", withdrawn=True)

    @cached_property
    def _places(self) -> set[tuple[str, str]]:
        return {(f"request:{row.request or row.id}", row.created) for row in self._rows if row.withdrawn}

    @cached_property
    def _taken_back(self) -> set[_Said]:
        """What was said of some inputs by withdrawn corrections and by none that stands."""
        stands = {each for row in self._rows if not row.withdrawn for each in _said(row)}
        return {each for row in self._rows if row.withdrawn for each in _said(row)} - stands


def _said(row: Feedback) -> list[_Said]:
    inputs: Mapping[str, str] = {name: normalise(text) for name, text in row.inputs.items()}
    name = example_id(inputs)
    return [(name, field, canonical(value)) for field, value in row.value.items()]
