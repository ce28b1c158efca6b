"""Names for stages' results before they are made: what a stage does, and what it is given.

Knows nothing of where results are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ParamSpec, TypeVar

from freehold.errors import PluginError
from freehold.task import Json, Release, Result, Stage, Task, digest

__all__ = ["input_digests", "stage_key"]

P = ParamSpec("P")
R = TypeVar("R", bound=Result)

_PLAIN = bool | int | float | str | None


def stage_key(stage: Stage[P, R], /, *args: P.args, **kwargs: P.kwargs) -> str:
    """Returns the name of a stage's result: the digest of everything that it depends on.

    That is the stage's name and version, the parts of the task that it reads, the digests of its inputs
    and whatever else its `state` says. Two runs with the same key would make the same bytes.

    Raises:
        PluginError: A result among the arguments has no digest: it did not come from a runner.
    """
    tasks = [value for value in (*args, *kwargs.values()) if isinstance(value, Task)]
    return digest(
        {
            "stage": stage.name,
            "version": stage.version,
            "reads": [{name: task.part(name) for name in stage.reads} for task in tasks],
            "args": [_name(value, stage=stage.name) for value in args if _counts(value)],
            "kwargs": {k: _name(value, stage=stage.name) for k, value in kwargs.items() if _counts(value)},
            "state": dict(stage.state(*args, **kwargs)),
        }
    )


def input_digests(*args: object, **kwargs: object) -> tuple[str, ...]:
    """Returns the digests of the results among a stage's arguments: the edges of the lineage."""
    return tuple(_results(*args, *kwargs.values()))


def _results(*values: object) -> Iterator[str]:
    for value in values:
        if isinstance(value, Release):
            yield value.artifact.digest
        elif isinstance(value, Result):
            yield value.digest


def _counts(value: object) -> bool:
    """Whether an argument is part of the key by itself: results and plain values are, a registry is not."""
    return isinstance(value, Release | Result | _PLAIN)


def _name(value: object, *, stage: str) -> Json:
    for name in _results(value):
        if not name:
            raise PluginError(f"`{stage}` was given a {type(value).__name__} that no runner recorded.")
        return name
    assert isinstance(value, _PLAIN)
    return value
