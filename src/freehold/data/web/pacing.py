"""When a host may be asked again: spacing from the end of a reply to the next request, and pauses that it asks
for.

Owns these times, by a clock that only goes forward, and the reading of `Retry-After`. Knows nothing of what is
asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Pace", "Paces", "back_off", "read_retry_after"]

_LONGEST = 7 * 86_400.0
_LONGEST_BACK_OFF = 300.0
_CHANCE = secrets.SystemRandom()


@dataclass(slots=True)
class Pace:
    """One host.

    Attributes:
        delay: Seconds from the end of a reply to the next request.
        ready: From when it may be asked.
        is_busy: It is being asked.
    """

    delay: float
    ready: float = 0.0
    is_busy: bool = False

    def end(self, time: float) -> None:
        """Notes that a reply ended, or that there was none."""
        self.is_busy = False
        self.ready = max(self.ready, time + self.delay)

    def pause(self, until: float) -> None:
        """Lets the host alone until a time."""
        self.ready = max(self.ready, until)


@dataclass(slots=True)
class Paces:
    """All hosts.

    Attributes:
        delay: Of a host that asks for none.
        begun: Before this time, and `delay` after it, no host is asked: a crawl that ended asked just now.
    """

    delay: float
    begun: float
    _hosts: dict[str, Pace] = field(default_factory=dict)

    def of(self, host: str) -> Pace:
        """Returns the pace of a host."""
        if host not in self._hosts:
            self._hosts[host] = Pace(self.delay, ready=self.begun + self.delay)
        return self._hosts[host]

    def ready(self, wakes: Mapping[str, float], *, now: float) -> list[str]:
        """Returns the hosts that may be asked now, those first that could be for longest.

        Args:
            wakes: Hosts of which something waits, with the time from when it does.
            now: The time.
        """
        times = {host: max(self.of(host).ready, wake) for host, wake in wakes.items() if not self.of(host).is_busy}
        return sorted((host for host, time in times.items() if time <= now), key=times.__getitem__)

    def next_ready(self, wakes: Mapping[str, float], *, now: float) -> float | None:
        """Returns how long it is until some host may be asked; None where all are being asked."""
        times = [max(self.of(host).ready, wake) for host, wake in wakes.items() if not self.of(host).is_busy]
        return max(0.0, min(times) - now) if times else None


def read_retry_after(text: str, *, now: datetime) -> float | None:
    """Returns the seconds that `Retry-After` asks for, a week at most; None where it cannot be read.

    Example:
        >>> read_retry_after("120", now=datetime(2026, 11, 1, tzinfo=UTC))
        120.0
        >>> read_retry_after("Sun, 01 Nov 2026 00:01:00 GMT", now=datetime(2026, 11, 1, tzinfo=UTC))
        60.0
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), _LONGEST)
    try:
        time = parsedate_to_datetime(text)
        seconds = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - now).total_seconds()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST)


def back_off(tries: int, *, first: float) -> float:
    """Returns how long to wait after so many tries in vain: twice as long each time, give or take a quarter.

    Args:
        tries: From 1.
        first: Seconds after the first.
    """
    return min(first * 2.0 ** min(tries - 1, 20), _LONGEST_BACK_OFF) * _CHANCE.uniform(0.75, 1.25)
