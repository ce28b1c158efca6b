"""What a strategy sees, and what it says: which rows a person should look at first, and why.

Owns the extension point `freehold.strategies` and holds strategies to their contract. Knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from freehold.errors import PluginError
from freehold.label.neighbours import Graph, find_neighbours
from freehold.plugins import Plugins

__all__ = ["MOST_COMPARED", "STRATEGIES", "Pick", "Pool", "Strategy", "put_in_order"]

MOST_COMPARED = 20_000
"""Rows that are compared with each other, at most: their number squared is the time that it takes."""
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Pool:
    """The rows that wait for one field's label, and what is known of them.

    Attributes:
        names: Of the rows: hashes of their inputs, so that their order is as good as random.
        labels: Of the field; empty where its values are no labels.
        chances: How likely each label is, shape (rows, labels); of no columns where that is not known.
        discord: How far those who guess the label are apart, 0 to 1, shape (rows,).
        strange: How unlike all labelled rows a row is, 0 to 1, shape (rows,).
        vectors: Of unit length, shape (rows, dimension).
        labelled: Vectors of the rows that have a label, shape (labelled rows, dimension).
        seed: Of the task.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    chances: NDArray[np.float64]
    discord: NDArray[np.float64]
    strange: NDArray[np.float64]
    vectors: NDArray[np.float32]
    labelled: NDArray[np.float32]
    seed: int = 0

    def __len__(self) -> int:
        return len(self.names)

    @property
    def doubt(self) -> NDArray[np.float64]:
        """How little the likeliest label is ahead of the next, shape (rows,); 1 where labels are not known."""
        if self.chances.shape[1] < 2:
            return np.ones(len(self))
        best = np.partition(self.chances, -2, axis=1)
        return np.asarray(1 - (best[:, -1] - best[:, -2]))

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> Pool:
        """Returns some of the rows, in the order given."""
        rows = np.asarray(rows, np.int64)
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            chances=self.chances[rows],
            discord=self.discord[rows],
            strange=self.strange[rows],
            vectors=self.vectors[rows],
        )

    def graph(self, *, count: int) -> Graph:
        """Returns each row's nearest rows; only for `MOST_COMPARED` rows or fewer."""
        return find_neighbours(self.vectors, count=count)


class Pick(NamedTuple):
    """One row that somebody should look at.

    Attributes:
        row: Its place in the pool.
        worth: How much an answer is expected to be worth, 0 to 1.
        reason: Why, as a sentence for people.
    """

    row: int
    worth: float
    reason: str


class Strategy(Protocol):
    """Says which rows are worth an answer most."""

    def __call__(self, pool: Pool, *, count: int) -> Sequence[Pick]:
        """Returns up to `count` different rows of the pool, the one to be looked at first in front.

        The same pool gives the same picks. Rows that are left out wait behind those that are named.
        """


STRATEGIES: Plugins[Strategy] = Plugins("freehold.strategies")


def put_in_order(strategy: Strategy, pool: Pool, *, count: int, name: str) -> list[Pick]:
    """Returns a strategy's picks, checked.

    Args:
        name: Of the strategy, for messages.

    Raises:
        PluginError: It returns what is no pick, a row that is not there or one row twice.
    """
    picks = list(strategy(pool, count=count))
    rows = [pick.row for pick in picks]
    sound: Callable[[Pick], bool] = lambda pick: 0 <= pick.row < len(pool) and 0 <= pick.worth <= 1  # noqa: E731
    if len(set(rows)) != len(rows) or len(rows) > count or not all(map(sound, picks)):
        raise PluginError(
            f"The strategy {name!r} must return up to {count:,} different rows, 0 to {len(pool) - 1:,}, "
            "each with a worth from 0 to 1.",
        )
    return [pick._replace(reason=" ".join(pick.reason.split())[:_LONGEST]) for pick in picks]
