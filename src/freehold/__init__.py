"""Freehold: own your models.

Example:
    import freehold

    outcome = freehold.run("examples/stdlib")
    model = freehold.load("examples/stdlib")
    [prediction] = model.predict([{"text": "Parse dates."}])

Everything here is loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# Read when OpenMP is loaded. Threads that spin while they wait take the cores from whoever works: with another
# busy process beside it, training did half of the work for the same processor time (see bench/LOG.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from freehold.errors import FreeholdError
    from freehold.line import Model, load, run
    from freehold.task import Answer, Prediction, Release, Task, Verdict, load_task

__all__ = [
    "Answer",
    "FreeholdError",
    "Model",
    "Prediction",
    "Release",
    "Task",
    "Verdict",
    "load",
    "load_task",
    "run",
]

__version__ = "0.1.0"

_HOMES = {
    "Answer": "freehold.task",
    "FreeholdError": "freehold.errors",
    "Model": "freehold.line",
    "Prediction": "freehold.task",
    "Release": "freehold.task",
    "Task": "freehold.task",
    "Verdict": "freehold.task",
    "load": "freehold.line",
    "load_task": "freehold.task",
    "run": "freehold.line",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
