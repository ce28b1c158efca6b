"""Which row of a cluster stays.

Owns the policies and how a tie ends: the first of equals. Pure; knows nothing of where the ranks come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from freehold.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]
    Ranks = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["Keep", "choose"]

Policy = Literal["all", "first", "longest", "newest", "best"]
_BY_COLUMN = ("newest", "best")


class Keep(NamedTuple):
    """A policy.

    Attributes:
        policy: `all` marks clusters and drops nothing; `first` keeps the first row of a cluster, `longest` that
            with the most bytes of text, `newest` and `best` that with the highest value in a column.
        by: That column: times for `newest`, numbers for `best`.
    """

    policy: Policy = "first"
    by: str = ""

    def check(self) -> None:
        """Raises DataError where the policy is unknown, or lacks its column."""
        known = ("all", "first", "longest", *_BY_COLUMN)
        if self.policy not in known:
            raise DataError(f"the policy {self.policy!r} is unknown.", hint=f"Use one of: {', '.join(known)}.")
        if (self.policy in _BY_COLUMN) != bool(self.by):
            needed = "needs the name of a column" if self.policy in _BY_COLUMN else "takes no column"
            raise DataError(f"the policy {self.policy!r} {needed} as `by`; it is {self.by!r}.")


def choose(roots: Positions, ranks: Ranks | None) -> Mask:
    """Returns which rows stay: of each cluster that with the highest rank, of several such the first.

    Args:
        roots: For each row the first one of its cluster.
        ranks: For each row; None keeps the first ones.
    """
    import numpy as np

    places = np.arange(len(roots))
    if ranks is None:
        return np.asarray(roots == places)
    highest = np.full(len(roots), -np.inf)
    np.maximum.at(highest, roots, ranks)
    top = np.flatnonzero(ranks == highest[roots])
    chosen = np.full(len(roots), len(roots))
    np.minimum.at(chosen, roots[top], top)
    return np.asarray(chosen[roots] == places)
