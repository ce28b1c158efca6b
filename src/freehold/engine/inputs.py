"""From a task's named inputs to the one text that a model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from freehold.task import normalise

__all__ = ["join_inputs"]


def join_inputs(inputs: Mapping[str, str], names: Sequence[str]) -> str:
    r"""Returns the text of one input, or of several with their names before them, normalised as examples are.

    Example:
        >>> join_inputs({"title": "Late", "body": "Where is it?"}, ["title", "body"])
        'title: Late\nbody: Where is it?'
    """
    if len(names) == 1:
        return normalise(inputs[names[0]])
    return "\n".join(f"{name}: {normalise(inputs[name])}" for name in names)
