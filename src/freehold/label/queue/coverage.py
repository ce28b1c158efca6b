"""Rows that stand for many others: what is picked covers its neighbours, and what is covered is not picked again.

A row covers another by how near they are, and a row counts by its weight. Picking greedily whatever covers most
that is not covered yet is within 1 - 1/e of the best choice of that many rows (Nemhauser, Wolsey, Fisher 1978, on
facility location); at equal weights the picks are typical, which pays where little is labelled (Hacohen, Dekel,
Weinshall 2022, "Active learning on a budget"). Only the nearest rows of each count, so that a step is short.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.label.neighbours import Graph
from freehold.label.queue.strategies import MOST_COMPARED, STRATEGIES, Pick, Pool

__all__ = ["NEIGHBOURS", "Covering", "cover", "find_alike", "narrow", "pick_covering"]

NEIGHBOURS = 40


class Covering(NamedTuple):
    """One picked row.

    Attributes:
        row: Its place.
        gain: The weight that it covers and that nothing before it did.
        open: How much of the row itself was not covered before, 0 to 1.
        alike: How many other rows are nearer to it than to any before it.
    """

    row: int
    gain: float
    open: float
    alike: int


def cover(
    alike: Graph, weights: NDArray[np.float64], *, count: int, covered: NDArray[np.float64] | None = None
) -> list[Covering]:
    """Returns up to `count` rows, the one that covers most in front; none that covers nothing.

    Args:
        alike: `cosines` hold how much a row covers each neighbour, 0 to 1.
        weights: How much it is worth to cover each row, shape (rows,).
        covered: How much each row is covered to begin with.
    """
    state = np.zeros(len(weights)) if covered is None else covered.copy()

    def gains(row: int) -> NDArray[np.float64]:
        places = alike.places[row]
        return np.asarray(np.maximum(alike.cosines[row] - state[places], 0) * weights[places])

    heap = [(-float(gains(row).sum() + (1 - state[row]) * weights[row]), row) for row in range(len(weights))]
    heapq.heapify(heap)
    picked: list[Covering] = []
    while heap and len(picked) < count:
        _, row = heapq.heappop(heap)
        parts = gains(row)
        gain = float(parts.sum() + (1 - state[row]) * weights[row])
        if heap and -gain > heap[0][0]:  # what others cover by now made it worth less
            heapq.heappush(heap, (-gain, row))
            continue
        if gain <= 0:
            break
        picked.append(Covering(row, gain, float(1 - state[row]), int((parts > 0).sum())))
        places = alike.places[row]
        state[places] = np.maximum(state[places], alike.cosines[row])
        state[row] = 1.0
    return picked


def find_alike(pool: Pool) -> Graph:
    """Returns how much each row covers its nearest ones: nothing where they are no nearer than any two rows."""
    graph = pool.graph(count=NEIGHBOURS)
    usual = min(0.99, max(0.0, float((pool.vectors.mean(0) ** 2).sum())))
    return graph._replace(cosines=np.maximum((graph.cosines - usual) / (1 - usual), 0).astype(np.float32))


def narrow(pool: Pool, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the rows that are compared with each other: those that weigh most, then the first by name."""
    order = np.argsort(-weights, kind="stable")[:MOST_COMPARED]
    return np.asarray(np.sort(order), np.int64)


@STRATEGIES.register("coverage.v1")
def pick_covering(pool: Pool, *, count: int) -> Sequence[Pick]:
    """Returns typical rows, one for each kind of text, the largest kinds first; labels are not looked at."""
    weights = np.ones(len(pool))
    rows = narrow(pool, weights)
    part = pool.take(rows)
    return [
        Pick(int(rows[each.row]), each.open, f"typical: {tell_alike(each.alike)}")
        for each in cover(find_alike(part), weights[rows], count=count)
    ]


def tell_alike(count: int) -> str:
    """Returns how many rows are like one, in words."""
    if not count:
        return "no other row is like it"
    return f"{count} other rows are like it" if count > 1 else "one other row is like it"
