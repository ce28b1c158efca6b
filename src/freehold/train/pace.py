"""How fast work goes, and how long it will take: for progress shown to people, never for decisions."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pace", "short_time"]

_MINUTE, _HOUR = 60, 3_600


class Pace:
    """Watches a count of rows grow.

    Args:
        clock: Seconds, from any start.

    Example:
        >>> seconds = iter([0.0, 4.0])
        >>> pace = Pace(clock=lambda: next(seconds))
        >>> pace.note(200, left=1_000)
        '50 rows/s, 20 s left'
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()

    def note(self, rows: int, *, left: float) -> str:
        """Returns rows per second since the start, and the time that the rows left will take."""
        speed = rows / max(self._clock() - self._start, 1e-9)
        if not rows:
            return ""
        shown = f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"
        return f"{shown} rows/s, {short_time(left / speed)} left"


def short_time(seconds: float) -> str:
    """Returns a duration as people say it.

    Example:
        >>> [short_time(s) for s in (0.4, 75, 4000)]
        ['1 s', '1 min 15 s', '1 h 7 min']
    """
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
