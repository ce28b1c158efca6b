"""How long to wait before a remote model is asked again.

Owns the pause alone: whoever asks says how often, and for how long in all.
"""

from __future__ import annotations

import secrets

from freehold.engine.replies import RemoteFault

__all__ = ["pause_before"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_RANDOM = secrets.SystemRandom()


def pause_before(attempt: int, fault: RemoteFault, *, longest: float = _LONGEST_PAUSE) -> float | None:
    """Returns how many seconds to wait before a call is made again; None where that would not help.

    A time that the server asks for is kept to. Otherwise it is a random part of a span that doubles each time, so
    that those who failed together do not come back together ("full jitter": Brooker 2015, "Exponential Backoff And
    Jitter").

    Args:
        attempt: How often it was made again before.
        longest: The most seconds of a pause that the server does not ask for.
    """
    if not fault.passes:
        return None
    span = min(longest, _FIRST_PAUSE * 2**attempt)
    jitter = _RANDOM.uniform(0, span)
    return jitter if fault.retry_after is None else fault.retry_after + jitter / 4
