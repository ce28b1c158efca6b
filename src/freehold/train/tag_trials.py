"""How good the head of a spans field is on rows that it has not seen, and how sure it may be of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from freehold.engine import Chain, Span, TagHead, Word, best_path, encode_spans, path_score, total_score

__all__ = ["TagTrial", "calibrate_tags", "try_tags"]

_TEMPERATURES = (0.25, 10.0)
_MOST = 2_000


class TagTrial(NamedTuple):
    """What a head answers on labelled rows, one number a row; rows without labels are left out.

    Attributes:
        hits: Spans found with both borders and the label right.
        given: Spans answered.
        true: Spans that there are.
        exact: Whether the list is right as a whole.
        confidence: The probability that the head gives to that.
    """

    hits: NDArray[np.int64]
    given: NDArray[np.int64]
    true: NDArray[np.int64]
    exact: NDArray[np.bool_]
    confidence: NDArray[np.float64]

    @property
    def f1(self) -> float:
        """The micro F1 of all spans; 1 where there is none and none was answered."""
        total = int(self.given.sum() + self.true.sum())
        return 2 * int(self.hits.sum()) / total if total else 1.0


def try_tags(
    head: TagHead,
    vectors: Sequence[NDArray[np.floating]],
    *,
    words: Sequence[Sequence[Word]],
    gold: Sequence[Sequence[Span] | None],
) -> TagTrial:
    """Returns what the head answers on these rows, as the gate counts it."""
    counts, confidence = [], []
    for row, each, spans in zip(vectors, words, gold, strict=True):
        if spans is None:
            continue
        tagged = head.decode(np.asarray(row, np.float32), words=each)
        true, given = {span[:3] for span in spans}, {span[:3] for span in tagged.spans}
        counts.append((len(true & given), len(given), len(true)))
        confidence.append(tagged.confidence)
    hits, given_, true_ = np.array(counts, np.int64).reshape(-1, 3).T
    exact = (hits == given_) & (hits == true_)
    return TagTrial(hits, given_, true_, exact, np.array(confidence))


def calibrate_tags(
    head: TagHead,
    vectors: Sequence[NDArray[np.floating]],
    *,
    words: Sequence[Sequence[Word]],
    gold: Sequence[Sequence[Span] | None],
) -> TagHead:
    """Returns the head with the temperature under which its confidence fits best: least log loss of whether the
    whole list is right. Few rows move it little; without labelled rows the head stays as it is.

    Args:
        vectors: Of held-out rows; at most 2,000 of them are looked at.
    """
    known = [row for row, spans in enumerate(gold) if spans is not None]
    known = known[:: -(-len(known) // _MOST)] if known else []
    if not known:
        return head
    numbers = {label: number for number, label in enumerate(head.labels)}
    rows, right = [], []
    for row in known:
        chains = head.chains(np.asarray(vectors[row], np.float32), words=words[row])
        paths = [best_path(chain) for chain in chains]
        encoded = encode_spans(gold[row] or (), words[row], labels=numbers)
        found = np.concatenate(paths) if paths else np.zeros(0, np.int64)
        right.append(encoded is not None and not encoded.cut and bool(np.array_equal(found, encoded.tags)))
        rows.append(list(zip(chains, paths, strict=True)))
    truth = np.array(right)

    def loss(log_temperature: float) -> float:
        chances = np.exp([_log_chance(row, float(np.exp(log_temperature))) for row in rows])
        chances = np.clip(np.where(truth, chances, 1 - chances), 1e-12, 1.0)
        return float(-np.log(chances).sum() + log_temperature**2 / 2)

    found = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded", options={"xatol": 1e-2})
    return head.with_temperature(round(float(np.exp(found.x)), 3))


def _log_chance(row: Sequence[tuple[Chain, NDArray[np.int64]]], temperature: float) -> float:
    """Returns the log-probability that every path of a row is right."""
    total = 0.0
    for chain, path in row:
        cooled = chain.divided(temperature)
        total += path_score(cooled, path) - total_score(cooled)
    return min(total, 0.0)
