"""Who is asking, while a request is answered: what a caller may do, and for which tasks.

Owns the caller of the current request. Nobody is asking outside of one, and nobody may do anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import NamedTuple

from freehold.registry import KeyScope
from freehold.serve.contexts import Holding
from freehold.serve.scopes import Need

__all__ = ["ANYONE", "NOBODY", "OPERATOR", "OUTSIDE", "Admission", "Caller", "acting", "admission"]

_NO_HEADERS: Mapping[str, str] = {}


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        name: For the log: the key's id, or a word.
        grants: Task to the scopes that the caller has for it; None where everything is allowed.
    """

    name: str
    grants: Mapping[str, frozenset[KeyScope]] | None

    def may(self, need: Need, *, task: str) -> bool:
        """Returns whether the caller has what is needed, for one task."""
        if need == "nobody":
            return False
        if self.grants is None:
            return True
        scopes = self.grants.get(task)
        return scopes is not None and (need == "open" or need in scopes or "admin" in scopes)


ANYONE = Caller("anyone", None)
"""Whoever asks a server that asks for no key."""
OPERATOR = Caller("token", None)
NOBODY = Caller("nobody", {})


class Admission(NamedTuple):
    """A request that was let in.

    Attributes:
        need: What its route needs; None where there is no route.
        headers: What its answer says of the caller's rate.
    """

    caller: Caller
    need: Need | None
    headers: Mapping[str, str] = _NO_HEADERS

    def reaches(self, task: str) -> bool:
        """Returns whether the route may be used for a task."""
        return self.need is not None and self.caller.may(self.need, task=task)


OUTSIDE = Admission(NOBODY, None)
"""What holds where no request is being answered, or it was not let in."""

_current: ContextVar[Admission] = ContextVar("admission", default=OUTSIDE)


def acting(admitted: Admission) -> Holding[Admission]:
    """Makes it the current request's admission until the end of the block."""
    return Holding(_current, admitted)


def admission() -> Admission:
    """Returns the current request's admission."""
    return _current.get()
