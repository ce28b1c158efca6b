"""What a turn would do, without doing it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, ParamSpec, TypeVar

from freehold.line.keys import stage_key
from freehold.line.runner import Tell, recall
from freehold.task import Result, Stage, Task

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["Planned", "plan"]

P = ParamSpec("P")
R = TypeVar("R", bound=Result)


class Planned(NamedTuple):
    """One stage of a plan: recorded and whole, out of date, or behind one that is."""

    name: str
    state: Literal["recorded", "out of date", "depends"]


def plan(task: Task, *, shelf: Registry, tell: Tell) -> tuple[Planned, ...]:
    """Returns what a turn would find of each stage. Runs no stage and records nothing.

    What comes after the first stage that is out of date depends on what that stage will make: where it
    makes what it made before, they stay as they are.
    """
    from freehold.line.loop import STAGES, turn

    planner = _Planner(shelf, last=STAGES[-1], tell=tell)
    with suppress(_Enough):
        turn(task, shelf=shelf, run=planner)
    stale = _find_stale(STAGES, planner)
    return (
        *(Planned(name, "recorded") for name in planner.recorded if name not in stale),
        *(Planned(name, "depends" if place else "out of date") for place, name in enumerate(stale)),
    )


def _find_stale(stages: tuple[str, ...], planner: _Planner) -> list[str]:
    """Returns the stage that is out of date and what comes after it, which may have run for something else."""
    if not planner.missing:
        return []
    if planner.missing not in stages:
        return [planner.missing, *(name for name in stages if name not in planner.recorded)]
    return list(stages[stages.index(planner.missing) :])


class _Enough(BaseException):
    """The planner has seen what it wanted; nothing may run after this."""


class _Planner:
    """A runner that recalls as far as it can and never lets the loop reach its end."""

    def __init__(self, shelf: Registry, *, last: str, tell: Tell) -> None:
        self.recorded: list[str] = []
        self.missing = ""
        self._shelf = shelf
        self._last = last
        self._tell = tell

    def __call__(self, stage: Stage[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = stage_key(stage, *args, **kwargs)
        result = recall(self._shelf, stage, key, self._tell)(*args, **kwargs)
        if result is None:
            self.missing = stage.name
            raise _Enough
        if stage.name not in self.recorded:
            self.recorded.append(stage.name)
        if stage.name == self._last:
            raise _Enough
        return result
