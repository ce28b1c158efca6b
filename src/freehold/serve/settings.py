"""What the operator of a server can choose.

Owns the values and their defaults, and the rule that nobody outside this machine gets in without a token
or a key.
Knows nothing of HTTP.
"""

from __future__ import annotations

import ipaddress
import math
import os
import socket
from dataclasses import dataclass, replace

from freehold.errors import UserError

__all__ = ["RATE", "Settings", "is_loopback"]

RATE = 100.0
"""Requests a second that a key may make, where nothing else is said."""

_MIB = 1 << 20
_MOST_RATE = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server listens and what it lets through.

    Attributes:
        host: Where it listens; also the host name that requests must name.
        port: 0 takes any free port.
        token: Where not empty, `Authorization: Bearer TOKEN` may do everything, and nobody gets in without it or
            a key.
        hosts: More host names that requests may name: those of a proxy in front.
        body_limit: The most bytes of a single object.
        batch_limit: The most bytes of a list.
        rows_limit: The most rows of a list.
        explained_limit: The most rows of a list that is to be explained.
        queue_limit: The most requests that may wait for a model at one time.
        explained_queue_limit: The most requests that may wait for an explanation at one time.
        file_limit: The most bytes of an uploaded file.
        files_limit: The most bytes that the files of one key may have, when one is uploaded.
        lines_limit: The most requests of a batch.
        batches_limit: The most batches of one key that may be unfinished.
        poll_seconds: How often the registry is asked for a new champion, and for keys.
        workers: How many things besides answering are done at one time: embedding, feedback, pages.
        threads: That compute; 0 for one a core.
        upstream_limit: The most calls to upstreams that are made at one time.
        rate: How many requests a second each key may make; 0 for any number.
        grace_seconds: How long open requests get to finish at shutdown.
        linger_seconds: How long open connections without a request get to send one at shutdown.
        head_seconds: How long a connection may take to send the head of a request.
        body_seconds: How long is waited for a body; a second longer for each KiB of it that came.
    """

    host: str = "127.0.0.1"
    port: int = 8420
    token: str = ""
    hosts: tuple[str, ...] = ()
    body_limit: int = _MIB
    batch_limit: int = 8 * _MIB
    rows_limit: int = 1_000
    explained_limit: int = 16
    queue_limit: int = 512
    explained_queue_limit: int = 16
    file_limit: int = 200 * _MIB
    files_limit: int = 4_096 * _MIB
    lines_limit: int = 50_000
    batches_limit: int = 100
    poll_seconds: float = 0.5
    workers: int = 4
    threads: int = 0
    upstream_limit: int = 64
    rate: float = RATE
    grace_seconds: int = 10
    linger_seconds: float = 1.0
    head_seconds: float = 20.0
    body_seconds: float = 30.0

    @classmethod
    def from_environment(cls, *, host: str, port: int, rate: float = RATE) -> Settings:
        """Returns the settings with the token of `FREEHOLD_TOKEN`."""
        return cls(host=host, port=port, rate=rate, token=os.environ.get("FREEHOLD_TOKEN", "").strip())

    @property
    def burst(self) -> int:
        """How many requests a key that has rested may make at once: those of two seconds, and one at least."""
        return max(1, math.ceil(2 * self.rate))

    @property
    def passes(self) -> int:
        """How many forward passes are made at one time.

        Threads of one pass wait for each other after every operator, and only make a lone request faster.
        """
        return math.ceil(math.sqrt(self._cores))

    @property
    def pass_threads(self) -> int:
        """Threads of one forward pass.

        All but one are shared with the passes beside it, so that together they are as many as there are cores.
        """
        return self._cores - self.passes + 1

    @property
    def _cores(self) -> int:
        found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return self.threads or found

    def share(self, replicas: int) -> Settings:
        """Returns the settings of one of several that answer together: what all of them may do is divided."""
        return replace(
            self,
            rate=self.rate / replicas,
            upstream_limit=max(1, self.upstream_limit // replicas),
            threads=max(1, self._cores // replicas),
        )

    def url(self) -> str:
        """Returns where the server answers."""
        host = f"[{self.host.strip('[]')}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def check(self, *, keyed: bool = False, command: str = "freehold keys create --name NAME") -> None:
        """Refuses a rate that is none, and to let other machines in where nobody could ask.

        Args:
            keyed: Whether there is a key that works.
            command: What makes one.

        Raises:
            UserError: `host` is not loopback and there is neither a token nor a key; or `rate` is out of range.
        """
        if not 0 <= self.rate <= _MOST_RATE:
            raise UserError(f"`--rate` is {self.rate}; it is a number from 0 to {_MOST_RATE:,}.")
        if keyed or self.token or is_loopback(self.host):
            return
        raise UserError(
            f"`--host` is {self.host!r}, which other machines can reach, and there is no token and no key.",
            hint=f"Make a key: {command} (or set a token: export FREEHOLD_TOKEN=$(openssl rand -hex 32)).",
        )


def is_loopback(host: str) -> bool:
    """Returns whether a host name stands for this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None) if host else []
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(each[4][0])).is_loopback for each in found)
