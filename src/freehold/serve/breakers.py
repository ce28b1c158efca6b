"""Leaving an upstream alone that keeps failing (a circuit breaker: Nygard, "Release It!", 2007).

Owns the three states and how long each lasts. Knows nothing of what an upstream is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

__all__ = ["Breaker", "BreakerState"]

BreakerState = Literal["closed", "half_open", "open"]

_FAILURES = 5
_REST, _LONGEST_REST = 5.0, 60.0
_LONGEST_WISH = 300.0


class Breaker:
    """Closed, everybody passes. After five failures in a row it is open and nobody does, for five seconds.

    Then it is half open: one passes. Where that one fails it opens again, for twice as long, a minute at most;
    where it does not, the breaker is closed. For the event loop's thread alone.

    Args:
        clock: Seconds that only move on.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._rest = _REST
        self._until = 0.0
        self._opened = False
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Its state now."""
        if self._clock() < self._until:
            return "open"
        return "half_open" if self._opened else "closed"

    def take(self) -> bool:
        """Returns whether a call may be made now; who may, tells how it ended by `note`."""
        state = self.state
        if state == "open" or (state == "half_open" and self._probing):
            return False
        self._probing = state == "half_open"
        return True

    def note(self, good: bool | None) -> None:
        """Notes how a call ended: well, badly, or neither, where it was broken off from this side."""
        probe, self._probing = self._probing, False
        if good is None:
            return
        if good:
            self._failures, self._rest, self._opened = 0, _REST, False
            return
        self._failures += 1
        if probe or self._failures >= _FAILURES:
            self._until, self._opened = self._clock() + self._rest, True
            self._rest = min(2 * self._rest, _LONGEST_REST)

    def rest(self, seconds: float) -> None:
        """Leaves the upstream alone for as long as it wishes, five minutes at most."""
        self._until = max(self._until, self._clock() + min(seconds, _LONGEST_WISH))
