"""What upstreams answered a short while ago, so that the same question is not paid for twice.

Owns how long an answer is kept, how many are, and for whom. Keeps no text: a question is known by its hash, which
holds the caller's key too, so that what one key's caller asked is never answered to another's. In memory alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from freehold.engine import RemoteRequest
from freehold.task import Upstream, Value

__all__ = ["Recollection", "name_question"]

_MOST = 10_000


def name_question(upstream: Upstream, request: RemoteRequest, *, caller: str) -> bytes:
    """Returns the name of a question: a hash of who asks, who is asked, and all that is sent."""
    said = [caller, upstream.name, request.url, hashlib.sha256(request.body).hexdigest()]
    return hashlib.sha256(json.dumps(said).encode()).digest()


class Recollection:
    """Answers by the names of their questions; the one that was not wanted for the longest time goes first.

    Args:
        seconds: How long each is kept; 0 keeps none.
        most: How many are kept.
        clock: Seconds that only move on.
    """

    def __init__(self, seconds: float, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._kept: OrderedDict[bytes, tuple[float, Mapping[str, Value]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, name: bytes) -> Mapping[str, Value] | None:
        """Returns what was answered, or None where nothing was or it is too long ago."""
        ends, values = self._kept.get(name, (0.0, None))
        if values is None or self._clock() >= ends:
            self._kept.pop(name, None)
            return None
        self._kept.move_to_end(name)
        return values

    def keep(self, name: bytes, values: Mapping[str, Value]) -> None:
        """Keeps an answer from now on."""
        if self._seconds <= 0:
            return
        self._kept[name] = (self._clock() + self._seconds, values)
        self._kept.move_to_end(name)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
