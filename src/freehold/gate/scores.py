"""What each kind of field is measured by, and the measuring.

Owns the way from pairs of truth and answer to metrics with intervals. Knows no goals and no champion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.gate.calibration import brier, calibration_error, label_chances, risk_coverage_area
from freehold.gate.resampling import Statistic, Whole, bootstrap
from freehold.gate.rouge import rouge_l
from freehold.gate.statistics import area, average, determination, macro_f1, micro_f1
from freehold.gate.units import number_units, share
from freehold.task import (
    ERROR_GIVEN_ANSWER,
    METRICS,
    TIERED_KINDS,
    Answer,
    Field,
    FieldKind,
    Measured,
    Metrics,
    Prediction,
    Value,
)

__all__ = ["Pair", "Scores", "measure", "measure_pairs", "pair_up", "right", "score", "units_of"]

Shares: TypeAlias = Mapping[str, NDArray[np.bool_]]


class Pair(NamedTuple):
    """What is true of one row and what was answered.

    The truth is a `Value` of the field's kind; typed Any, for each kind reads it as its own type.

    Attributes:
        unit: What the row was drawn together with; empty where it was alone.
    """

    truth: Any
    answer: Answer
    unit: str = ""

    @property
    def value(self) -> Any:
        """The answer's value, read as the truth is."""
        return self.answer.value


class Scores(NamedTuple):
    """A field's metrics before intervals: shares of rows (one bool a row), and statistics of all rows."""

    shares: Shares
    statistics: Mapping[str, Statistic]


def measure(
    fields: Sequence[Field],
    truths: Sequence[Mapping[str, Value]],
    predictions: Sequence[Prediction],
    *,
    units: Sequence[str] = (),
    seed: int = 0,
) -> Metrics:
    """Returns every metric of every field, each with its 95 % interval and the number of rows.

    A field counts those rows that have a truth for it. Abstained answers count by their value; the share of
    them is the metric `abstained`. Left out are fields without any such row, and metrics that the rows do not
    define: `auroc` where all truths are the same, `r2` where all are equal, an F1 where nothing is true and
    nothing was answered. So are `brier`, `coverage` and `out_of_scope` where the answers have no
    probabilities, no interval, or say nothing of scope.

    Args:
        fields: The fields to measure; every prediction must answer them.
        truths: The right outputs of each row.
        predictions: What was answered to each row, in the same order.
        units: What each row was drawn together with, of `name_unit`; every row was drawn alone where not given.
        seed: For the bootstrap.

    Example:
        >>> from freehold.task import Answer, Field, Prediction
        >>> answers = [Prediction("t", "m", "r", {"spam": Answer(True, 0.9, {"true": 0.9, "false": 0.1})})]
        >>> measure([Field("spam", "predicate")], [{"spam": True}], answers)["spam"]["accuracy"].value
        1.0
    """
    found = {}
    for field in fields:
        pairs = pair_up(field.name, truths, predictions, units=units)
        if pairs:
            found[field.name] = measure_pairs(field.kind, pairs, seed=seed)
    return found


def pair_up(
    field: str,
    truths: Sequence[Mapping[str, Value]],
    predictions: Sequence[Prediction],
    *,
    units: Sequence[str] = (),
) -> list[Pair]:
    """Returns truth and answer of one field, for those rows that have a truth."""
    rows = zip(truths, predictions, units or [""] * len(truths), strict=True)
    return [Pair(truth[field], each.answers[field], unit) for truth, each, unit in rows if field in truth]


def units_of(pairs: Sequence[Pair]) -> Whole:
    """Returns each row's unit as a number from 0 on, shape (rows,)."""
    return number_units([pair.unit for pair in pairs])


def measure_pairs(kind: FieldKind, pairs: Sequence[Pair], *, seed: int) -> dict[str, Measured]:
    """Returns the metrics of one field, the headline first."""
    scores, units = score(kind, pairs), units_of(pairs)
    found = {name: share(hits, units) for name, hits in scores.shares.items()}
    found.update(bootstrap(scores.statistics, units, seed=seed))
    found.update(_optional(kind, pairs))
    return {name: found[name] for name in METRICS[kind] if name in found}


def score(kind: FieldKind, pairs: Sequence[Pair]) -> Scores:
    """Returns the metrics of one field before intervals."""
    return _SCORERS[kind](pairs)


def right(kind: FieldKind, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
    """Returns which answers are right as a whole; those of a `number` field never are."""
    return next((hits for name, hits in score(kind, pairs).shares.items() if name in _WHOLE), np.empty(0, bool))


_WHOLE = ("accuracy", "exact")


def _optional(kind: FieldKind, pairs: Sequence[Pair]) -> dict[str, Measured]:
    """Returns the shares that only some models' answers define: of intervals, scope and abstaining."""
    found, units = {}, units_of(pairs)
    given = [pair for pair in pairs if not pair.answer.abstained]
    if kind in TIERED_KINDS and len(given) < len(pairs):
        found["abstained"] = share([pair.answer.abstained for pair in pairs], units)
        if given:
            found[ERROR_GIVEN_ANSWER] = share([pair.truth != pair.value for pair in given], units_of(given))
    intervals: list[Any] = [getattr(pair.answer, "interval", None) for pair in pairs]
    if kind == "number" and all(intervals):
        held = [low <= pair.truth <= high for pair, (low, high) in zip(pairs, intervals, strict=True)]
        found["coverage"] = share(held, units)
    scopes = [getattr(pair.answer, "in_scope", None) for pair in pairs]
    if None not in scopes:
        found["out_of_scope"] = share([not each for each in scopes], units)
    return found


def _score_choice(pairs: Sequence[Pair]) -> Scores:
    hits = _equal_values(pairs)
    labels = macro_f1([[pair.truth] for pair in pairs], [[pair.value] for pair in pairs])
    abstained = np.array([pair.answer.abstained for pair in pairs])
    return Scores({"accuracy": hits, "abstained": abstained}, {"macro_f1": labels, **_trust(pairs, hits)})


def _score_choices(pairs: Sequence[Pair]) -> Scores:
    true, given = [set(pair.truth) for pair in pairs], [set(pair.value) for pair in pairs]
    statistics = {
        "micro_f1": _set_f1(true, given),
        "macro_f1": macro_f1([sorted(row) for row in true], [sorted(row) for row in given]),
    }
    if all(pair.answer.probabilities for pair in pairs):
        labels = label_chances([pair.answer.probabilities for pair in pairs], true)
        statistics["ece"] = calibration_error(*labels)
        statistics["brier"] = average(((labels.chances - labels.true) ** 2).mean(1))
    return Scores({"exact": _equal(true, given)}, statistics)


def _score_predicate(pairs: Sequence[Pair]) -> Scores:
    hits = _equal_values(pairs)
    true, given = np.array([pair.truth for pair in pairs]), np.array([pair.value for pair in pairs])
    chances = [pair.answer.probabilities["true"] for pair in pairs]
    f1 = micro_f1(true & given, given, true)
    return Scores({"accuracy": hits}, {"f1": f1, "auroc": area(chances, true), **_trust(pairs, hits)})


def _score_score(pairs: Sequence[Pair]) -> Scores:
    hits = _equal_values(pairs)
    return Scores({"accuracy": hits}, {"mae": _mean_error(pairs), **_trust(pairs, hits)})


def _score_number(pairs: Sequence[Pair]) -> Scores:
    r2 = determination([pair.truth for pair in pairs], [pair.value for pair in pairs])
    return Scores({}, {"mae": _mean_error(pairs), "r2": r2})


def _score_spans(pairs: Sequence[Pair]) -> Scores:
    true, given = [_span_set(pair.truth) for pair in pairs], [_span_set(pair.value) for pair in pairs]
    return Scores({"exact": _equal(true, given)}, {"f1": _set_f1(true, given)})


def _score_text(pairs: Sequence[Pair]) -> Scores:
    exact = np.array([pair.truth.strip() == pair.value.strip() for pair in pairs])
    return Scores({"exact": exact}, {"rouge_l": average([rouge_l(pair.truth, pair.value) for pair in pairs])})


_SCORERS: Mapping[FieldKind, Callable[[Sequence[Pair]], Scores]] = {
    "choice": _score_choice,
    "choices": _score_choices,
    "predicate": _score_predicate,
    "score": _score_score,
    "number": _score_number,
    "spans": _score_spans,
    "text": _score_text,
}


def _equal_values(pairs: Sequence[Pair]) -> NDArray[np.bool_]:
    return np.array([pair.truth == pair.value for pair in pairs])


def _trust(pairs: Sequence[Pair], hits: NDArray[np.bool_]) -> dict[str, Statistic]:
    """Returns what says how far the confidence of one answer a row may be believed."""
    confidences = [pair.answer.confidence for pair in pairs]
    found = {"ece": calibration_error(confidences, hits), "aurc": risk_coverage_area(confidences, hits)}
    if all(pair.answer.probabilities for pair in pairs):
        found["brier"] = average([brier(pair.answer.probabilities, _name(pair.truth)) for pair in pairs])
    return found


def _name(truth: object) -> str:
    """Returns the label that a value is called by among probabilities."""
    return str(truth).lower() if isinstance(truth, bool) else str(truth)


def _mean_error(pairs: Sequence[Pair]) -> Statistic:
    return average([abs(pair.truth - pair.value) for pair in pairs])


def _span_set(spans: Sequence[Mapping[str, Any]]) -> set[object]:
    return {(span["label"], span["start"], span["end"]) for span in spans}


def _equal(true: Sequence[set[Any]], given: Sequence[set[Any]]) -> NDArray[np.bool_]:
    return np.array([one == other for one, other in zip(true, given, strict=True)])


def _set_f1(true: Sequence[set[Any]], given: Sequence[set[Any]]) -> Statistic:
    hits = [len(one & other) for one, other in zip(true, given, strict=True)]
    return micro_f1(hits, [len(row) for row in given], [len(row) for row in true])
