"""Candidate against champion, on the same rows.

Owns which test answers the question for which kind of field. Knows no goals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.gate.intervals import measured
from freehold.gate.resampling import Statistic, Whole, evaluate, percentiles, resample, widening
from freehold.gate.scores import Pair, Scores, score, units_of
from freehold.gate.units import compare_rights
from freehold.task import SMALLER_IS_BETTER, Comparison, Field, FieldKind, Measured

__all__ = ["compare"]

_METRIC: Mapping[FieldKind, str] = {
    "choice": "accuracy",
    "choices": "micro_f1",
    "predicate": "accuracy",
    "score": "accuracy",
    "number": "mae",
    "spans": "f1",
    "text": "rouge_l",
}
_ALPHA = 0.05


class _Outcome(NamedTuple):
    candidate: float
    champion: float
    difference: Measured
    p: float


def compare(field: Field, candidate: Sequence[Pair], *, champion: Sequence[Pair], seed: int = 0) -> Comparison:
    """Returns how a candidate does against the champion on one field.

    McNemar's exact test on the answers of `choice`, `predicate` and `score` fields, or a sign-flip test where rows
    were drawn together; for the others a paired bootstrap of their metric: both are measured on the same 1,000
    resamples of the rows. A label that the champion does not know counts as wrong for it.

    Args:
        candidate: The candidate's answers, with the truth.
        champion: The champion's answers to the same rows, in the same order.
        seed: For the bootstrap.
    """
    metric = _METRIC[field.kind]
    ours, theirs = score(field.kind, candidate), score(field.kind, champion)
    if metric not in ours.shares and not _defined(metric, len(candidate), ours, theirs):
        metric = "exact"  # nothing is true and one of them answered nothing: its F1 says nothing
    units = units_of(candidate)
    test: Literal["mcnemar", "sign_flip", "bootstrap"] = "bootstrap"
    if metric in ours.shares:
        test = "mcnemar" if units.max() + 1 == len(units) else "sign_flip"
        outcome = _compare_shares(ours.shares[metric], theirs.shares[metric], units)
    else:
        statistics = {"candidate": ours.statistics[metric], "champion": theirs.statistics[metric]}
        sign = -1 if metric in SMALLER_IS_BETTER else 1
        outcome = _compare_statistics(statistics, units, sign=sign, seed=seed)
    worse = outcome.p < _ALPHA and outcome.difference.value < 0
    return Comparison(field.name, metric, *outcome[:3], test, outcome.p, worse)


def _defined(metric: str, n: int, *models: Scores) -> bool:
    return not any(np.isnan(evaluate(model.statistics[metric], n)) for model in models)


def _compare_shares(ours: NDArray[np.bool_], theirs: NDArray[np.bool_], units: Whole) -> _Outcome:
    candidate, champion = (round(float(hits.mean()), 6) for hits in (ours, theirs))
    return _Outcome(candidate, champion, *compare_rights(ours, theirs, units))


def _compare_statistics(statistics: Mapping[str, Statistic], units: Whole, *, sign: int, seed: int) -> _Outcome:
    """The p-value is twice the smaller tail of the resampled differences, counting the rows as they are.

    Source:
        Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, section 4.4.
    """
    n = len(units)
    values = {name: evaluate(statistic, n) for name, statistic in statistics.items()}
    difference = sign * (values["candidate"] - values["champion"])
    drawn, wider = resample(statistics, units, seed=seed), widening(units)
    differences = sign * (drawn["candidate"] - drawn["champion"])
    if wider > 1:
        differences = difference + wider * (differences - difference)
    kept = differences[~np.isnan(differences)]
    tail = min((kept <= 0).sum(), (kept >= 0).sum())
    return _Outcome(
        candidate=round(values["candidate"], 6),
        champion=round(values["champion"], 6),
        difference=measured(difference, *percentiles(kept), n=n),
        p=min(1.0, 2 * (int(tail) + 1) / (len(kept) + 1)),
    )
