"""What all answers so far say of the items on which experts disagree, kept for a while.

Owns how old a proposal may be: making them reads the whole ledger, and whoever adjudicates asks item by item.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from freehold.serve.champions import Slot
from freehold.task import Json

if TYPE_CHECKING:
    from freehold.registry import Assignment
    from freehold.serve.service import Panel

__all__ = ["Proposals"]

_FRESH = 30.0

Found = Mapping[tuple[str, str], Mapping[str, Json]]


class _Made(NamedTuple):
    found: Found
    time: float


class Proposals:
    """The proposals of one server's tasks. Threads may share it.

    Args:
        panel: Who makes them; there are none where None.
    """

    def __init__(self, panel: Panel | None) -> None:
        self._panel = panel
        self._made: dict[str, _Made] = {}
        self._lock = threading.Lock()

    def find(self, slot: Slot, held: Sequence[Assignment]) -> Found:
        """Returns example and field to a proposal, for the adjudications among what an expert holds."""
        wanted = {(each.example, name) for each in held if each.kind == "adjudication" for name in each.fields}
        if not wanted or self._panel is None:
            return {}
        with self._lock:
            made = self._made.get(slot.task.name)
            if made is None or time.monotonic() - made.time > _FRESH or not wanted <= set(made.found):
                ledger = slot.shelf.experts.ledger(slot.task.name)
                made = _Made(self._panel.propose(ledger, slot.fields), time.monotonic())
                self._made[slot.task.name] = made
        return {place: made.found[place] for place in wanted if place in made.found}
