"""What the answer to the request at hand says of the upstreams that it was passed to.

Owns the header `x-freehold-upstream`. Nothing is noted outside of a request over HTTP, nor of lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple

from freehold.serve.contexts import Holding

__all__ = ["HEADER", "Step", "following", "show_trail", "trail"]

HEADER = b"x-freehold-upstream"
_MOST = 32


class Step(NamedTuple):
    """An upstream, and how asking it ended."""

    upstream: str
    outcome: str


_current: ContextVar[list[Step] | None] = ContextVar("trail", default=None)


def following(steps: list[Step]) -> Holding[list[Step] | None]:
    """Notes the steps of the current request until the end of the block."""
    return Holding(_current, steps)


def trail() -> list[Step]:
    """Returns where the current request's steps are noted."""
    steps = _current.get()
    return [] if steps is None else steps


def show_trail(steps: Sequence[Step]) -> bytes:
    """Returns the header's value.

    Example:
        >>> show_trail([Step("cloud", "timeout"), Step("backup", "ok")])
        b'cloud;outcome=timeout, backup;outcome=ok'
    """
    return ", ".join(f"{upstream};outcome={outcome}" for upstream, outcome in steps[:_MOST]).encode()
