"""How often each key may ask: token buckets (Turner, "New Directions in Communications", 1986).

Owns the arithmetic, and what headers say of it. Knows nothing of keys but their ids.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Allowance", "Buckets"]

_MOST_BUCKETS = 10_000


class Allowance(NamedTuple):
    """What is left for one key.

    Attributes:
        limit: How many requests a full bucket holds.
        remaining: How many may come now.
        reset: Seconds until the bucket is full again.
        wait: Seconds until this request may come again; 0 where it may be answered.
    """

    limit: int
    remaining: int
    reset: float
    wait: float

    def headers(self) -> dict[str, str]:
        """Returns it as headers, by OpenAI's names, and `retry-after` where the request has to wait."""
        found = {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": _span(self.reset),
        }
        return {**found, "retry-after": str(math.ceil(self.wait))} if self.wait else found


class Buckets:
    """A bucket for each key: full at first, one request takes one token out, `rate` a second come in.

    At most 10,000 are kept; the one that was asked for longest ago goes first, and is full when it comes back.

    Args:
        rate: Tokens a second, more than 0.
        burst: How many a full bucket holds.
        clock: Seconds that only move on.
    """

    def __init__(self, *, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, id: str) -> Allowance:
        """Takes a token out of a bucket, where there is one."""
        time = self._clock()
        level, since = self._levels.get(id, (float(self._burst), time))
        level = min(self._burst, level + (time - since) * self._rate)
        wait = max(0.0, (1 - level) / self._rate)
        level -= not wait
        self._levels[id] = (level, time)
        self._levels.move_to_end(id)
        if len(self._levels) > _MOST_BUCKETS:
            self._levels.popitem(last=False)
        return Allowance(self._burst, int(level), (self._burst - level) / self._rate, wait)


def _span(seconds: float) -> str:
    """Returns a span as OpenAI writes it: `20ms`, `1s`, `6m0s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
