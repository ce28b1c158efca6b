"""The parts of the measuring, in the order in which they run; each takes the plan and hands back a `Part`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.learn.parts.calibration import measure_calibration
from bench.learn.parts.fewshot import measure_few
from bench.learn.parts.full import measure_full
from bench.learn.parts.memory import measure_memory
from bench.learn.parts.nlupp import measure_nlupp
from bench.learn.parts.peers import measure_peers, measure_peers_few
from bench.learn.parts.scope import measure_scope
from bench.learn.parts.snips import measure_snips
from bench.learn.parts.update import measure_update
from bench.learn.plan import Part, Plan

__all__ = ["PARTS"]

PARTS: Mapping[str, Callable[[Plan], Part]] = {
    "full": measure_full,
    "calibration": measure_calibration,
    "fewshot": measure_few,
    "nlupp": measure_nlupp,
    "snips": measure_snips,
    "peers": measure_peers,
    "peers-few": measure_peers_few,
    "scope": measure_scope,
    "update": measure_update,
    "memory": measure_memory,
}
