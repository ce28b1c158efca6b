"""Who gets in, and what for: the operator's token, API keys, scopes and rates.

Owns the decision over one request, from its headers and what its route needs. Where keys come from stands in
`keyring`, sessions of browsers in `sessions`, what routes need in `scopes`. Nothing here repeats what was sent.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping

from freehold.registry import secret_hash
from freehold.serve.buckets import Buckets
from freehold.serve.callers import ANYONE, NOBODY, OPERATOR, Admission, Caller
from freehold.serve.faults import Fault
from freehold.serve.keyring import Keyring
from freehold.serve.scopes import Need
from freehold.serve.sessions import Sessions, sent_session
from freehold.serve.settings import Settings, is_loopback

__all__ = ["Door"]

_BROWSED: frozenset[Need | None] = frozenset({"review", "open"})
"""What a session is good for, whatever its key is."""


class Door:
    """The door of one server.

    Args:
        settings: The token, where it listens, the rate of a key.
        keyring: The keys.
        sessions: The browsers that signed in with one.
        clock: Seconds that only move on.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        keyring: Keyring,
        sessions: Sessions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = secret_hash(settings.token) if settings.token else ""
        self._local = is_loopback(settings.host)
        self._keyring = keyring
        self.sessions = sessions or Sessions(None)
        limited = settings.rate > 0
        self._buckets = Buckets(rate=settings.rate, burst=settings.burst, clock=clock) if limited else None

    @property
    def closed(self) -> bool:
        """Whether a key is asked for: only on loopback it is not, while there is no token and never was a key."""
        return bool(self._token) or not self._local or self._keyring.made

    def admit(self, need: Need | None, headers: Mapping[str, str]) -> Admission:
        """Lets a request through, or raises the `Fault` that it is answered with.

        Args:
            need: What the route needs; None where there is none.
            headers: Names in lower case.
        """
        session = sent_session(headers)
        caller = (self._signed_in(session) if session and need in _BROWSED else None) or self._caller(headers)
        if need == "open":
            return Admission(caller or NOBODY, need)
        if caller is None:
            raise _unknown()
        limits = self._charge(caller)
        if need is not None and not self._allows(caller, need):
            raise _missing(need, limits)
        return Admission(caller, need, limits)

    def _signed_in(self, session: str) -> Caller | None:
        """Returns whose session it is, with what the key is good for at this moment."""
        key = self.sessions.find(session)
        caller = self._keyring.caller(key) if key else None
        return caller if caller is not None and caller.grants else None

    def reviewer(self, secret: str) -> str:
        """Returns the id of the API key with this secret, where it may review; empty otherwise."""
        caller = self._keyring.find(secret)
        if caller is None or not any(caller.may("review", task=task) for task in self._keyring.tasks):
            return ""
        return caller.name

    def _caller(self, headers: Mapping[str, str]) -> Caller | None:
        secret = _sent(headers)
        if not secret:
            return None if self.closed else ANYONE
        if self._token and hmac.compare_digest(secret_hash(secret), self._token):
            return OPERATOR
        return self._keyring.find(secret) or (None if self.closed else ANYONE)

    def _charge(self, caller: Caller) -> Mapping[str, str]:
        """Takes a key's request out of its bucket; returns what the answer says of it."""
        if self._buckets is None or caller.grants is None:
            return {}
        allowance = self._buckets.take(caller.name)
        if allowance.wait:
            message = "This key asks too often; `retry-after` says in how many seconds it may ask again."
            raise Fault(429, message, code="rate_limit_exceeded", headers=allowance.headers())
        return allowance.headers()

    def _allows(self, caller: Caller, need: Need) -> bool:
        """Returns whether a caller may use a route at all; for which tasks is asked when they are named.

        What an admin may do concerns the whole server, so that scope has to be there for all of its tasks.
        """
        if caller.grants is None:
            return need != "nobody"
        allowed = [caller.may(need, task=task) for task in self._keyring.tasks]
        return all(allowed) if need == "admin" else any(allowed)


def _sent(headers: Mapping[str, str]) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _unknown() -> Fault:
    return Fault(
        401,
        "This server needs a key that it knows: send `Authorization: Bearer KEY`.",
        code="invalid_token",
        param="authorization",
        headers={"www-authenticate": "Bearer"},
    )


def _missing(need: Need, headers: Mapping[str, str]) -> Fault:
    if need == "nobody":
        message = "Nobody may use this route: it declares no scope."
    else:
        everywhere = " for every task of this server" if need == "admin" else ""
        message = f"This needs a key with the scope `{need}`{everywhere}."
    return Fault(403, message, code="missing_scope", param="authorization", headers=headers)
