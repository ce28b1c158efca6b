"""The line: the loop over the stages, what is recalled and what is computed, and the models it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.line.explain import Explainer, Nearest, Neighbour, Reasons
from freehold.line.model import Model, champion, load, open_model
from freehold.line.places import state_folder, thread_count
from freehold.line.plan import Planned, plan
from freehold.line.runner import LocalRunner, Runner, StageRun, Tell
from freehold.line.teachers import estimate_teachers, survey_teachers
from freehold.line.turns import Collected, TurnRecord, collect_data, open_state, run, run_turn, switch_off

if TYPE_CHECKING:
    from freehold.line.loop import STAGES, turn

__all__ = [
    "STAGES",
    "Collected",
    "Explainer",
    "LocalRunner",
    "Model",
    "Nearest",
    "Neighbour",
    "Planned",
    "Reasons",
    "Runner",
    "StageRun",
    "Tell",
    "TurnRecord",
    "champion",
    "collect_data",
    "estimate_teachers",
    "load",
    "open_model",
    "open_state",
    "plan",
    "run",
    "run_turn",
    "state_folder",
    "survey_teachers",
    "switch_off",
    "thread_count",
    "turn",
]


def __getattr__(name: str) -> object:
    """Loads the loop, and with it every stage, when it is first asked for: a server turns nothing."""
    if name in ("STAGES", "turn"):
        from freehold.line import loop

        return getattr(loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
