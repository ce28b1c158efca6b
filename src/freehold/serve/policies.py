"""Which upstreams are asked about a row, and in what order: one function, replaceable by a plugin.

Owns the extension point `freehold.router`. What a policy returns is checked where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from freehold.plugins import Plugins
from freehold.task import Upstream

__all__ = ["POLICIES", "Left", "Policy", "ordered"]


class Left(NamedTuple):
    """What may be spent on a row now.

    Attributes:
        milliseconds: Until its deadline.
        cost: In the currency, the least of what is left of the row's and the month's; None for any amount.
        tokens: The same.
    """

    milliseconds: float
    cost: float | None
    tokens: int | None


class Policy(Protocol):
    """Puts upstreams in order."""

    def __call__(self, fields: Sequence[str], upstreams: Sequence[Upstream], *, left: Left) -> Sequence[Upstream]:
        """Returns those of the upstreams that are to be asked, the first one first.

        Called in the server's event loop: it must neither wait nor compute for long.

        Args:
            fields: What the model abstained in.
            upstreams: Those that may be asked for some of them, as the task file has them.
        """


POLICIES: Plugins[Policy] = Plugins("freehold.router")


@POLICIES.register("ordered.v1")
def ordered(fields: Sequence[str], upstreams: Sequence[Upstream], *, left: Left) -> Sequence[Upstream]:
    """Returns all of them, in the order of the task file."""
    return upstreams
