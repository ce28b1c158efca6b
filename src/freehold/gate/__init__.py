"""Stage 5, the gate: metrics with intervals, goals, comparison with the champion, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.gate.contrast import contrast
from freehold.gate.intervals import Pairs, mcnemar, paired_difference, wilson
from freehold.gate.judgement import judge

if TYPE_CHECKING:
    from freehold.gate.comparison import compare
    from freehold.gate.decision import Champion, decide
    from freehold.gate.scores import Pair, measure, pair_up

_HOME = {
    "compare": "comparison",
    "Champion": "decision",
    "decide": "decision",
    "Pair": "scores",
    "measure": "scores",
    "pair_up": "scores",
}

__all__ = [
    "Champion",
    "Pair",
    "Pairs",
    "compare",
    "contrast",
    "decide",
    "judge",
    "mcnemar",
    "measure",
    "pair_up",
    "paired_difference",
    "wilson",
]


def __getattr__(name: str) -> object:
    """Loads what needs numpy when it is first asked for: a run that recalls everything does without."""
    from importlib import import_module

    if name in _HOME:
        return getattr(import_module(f"freehold.gate.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
