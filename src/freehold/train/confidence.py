"""How sure a model may be: calibration, thresholds and intervals, found on rows that its heads have not seen.

Owns the choice between temperature (Guo et al. 2017), vector scaling (ibid.) and isotonic regression (Zadrozny and
Elkan 2002), by cross-validated log loss. Knows nothing of features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from freehold.engine import COVERAGE, Head, Scope, field_labels, softmax, to_probabilities
from freehold.task import Field
from freehold.train.heads import NEVER
from freehold.train.rows import Target, is_labelled

__all__ = ["calibrate", "log_losses"]

_TEMPERATURES = (0.01, 50.0)
_USUAL = 0.2
_FOLDS = 5
_LEAST_VECTOR = 20
"""Vector scaling is tried from so many rows a label on."""
_LEAST_ISOTONIC = 300
_LEAST_SCOPE = 40
_KNOTS = 24
_NEVER = NEVER + 1
"""Scores below it are those of labels without a row among those that the heads were made of."""
_THRESHOLDS = (0.001, 0.002, 0.005, 0.01, *(n / 50 for n in range(1, 46)))
"""Of probabilities. With few rows of many labels none is likely, and the likeliest are right all the same."""
_MOST, _MOST_CELLS = 20_000, 20_000_000
"""Rows, and rows times labels, that are looked at: more would cost memory and tell nothing more."""

Scores = NDArray[np.float32]


def calibrate(field: Field, head: Head, *, scores: Scores, target: Target) -> Head:
    """Returns the head with what held-out rows teach about its scores.

    Args:
        field: With its labels.
        head: Its columns, and for a number its centre and spread.
        scores: The field's columns for held-out rows, shape (rows, columns).
        target: What was wanted of them.
    """
    rows = _looked_at(scores, target)
    if not len(rows):
        return head
    kept, wanted = scores[rows], target[rows]
    if field.kind == "number":
        return _margin(head, kept[:, 0], wanted)
    if field.kind == "choices":
        return _platt(head, kept, wanted)
    # A label that the heads have never seen is never answered; how sure they are of others it cannot say.
    seen = kept[np.arange(len(wanted)), wanted] > _NEVER
    kept, wanted = kept[seen], wanted[seen]
    if kept.shape[1] < 2 or not len(wanted):
        return head
    return _scope(field, _best(field, head, kept, wanted), kept, wanted)


def log_losses(field: Field, head: Head, *, scores: Scores, target: Target) -> NDArray[np.float64]:
    """Returns the log loss of the calibrated probabilities of each labelled row, of 20,000 rows at most.

    Args:
        scores: The field's columns, shape (rows, columns).
        target: What was wanted of the rows; of a number, the loss is the squared error in its spreads.
    """
    rows = _looked_at(scores, target)
    wanted = target[rows]
    if field.kind == "number":
        return np.asarray((scores[rows, 0] - (wanted - head.centre) / head.spread) ** 2, np.float64)
    chances = np.clip(to_probabilities(field, head, scores[rows]), 1e-9, 1 - 1e-9).astype(np.float64)
    if field.kind == "choices":
        return np.asarray(-np.where(wanted == 1, np.log(chances), np.log(1 - chances)).sum(1))
    return np.asarray(-np.log(chances[np.arange(len(wanted)), wanted]))


def _looked_at(scores: Scores, target: Target) -> NDArray[np.int64]:
    most = min(_MOST, _MOST_CELLS // max(1, scores.shape[1]))
    return np.flatnonzero(is_labelled(target))[:most]


Method = Callable[[Field, Head, Scores, Target], Head]


def _best(field: Field, head: Head, scores: Scores, wanted: Target) -> Head:
    """Returns the head calibrated by the method that serves rows best which it was not fitted on."""
    methods: list[Method] = [_temperature]
    if len(wanted) >= _LEAST_VECTOR * scores.shape[1]:
        methods.append(_vector)
    if len(wanted) >= _LEAST_ISOTONIC:
        methods.append(_isotonic)
    if len(methods) == 1:
        return _temperature(field, head, scores, wanted)
    losses = [_cross_validate(method, field, head, scores=scores, wanted=wanted) for method in methods]
    # A method with more numbers has to be better by more than noise.
    best = 0
    for number in range(1, len(methods)):
        gain = losses[best] - losses[number]
        if gain.mean() > 2 * gain.std() / np.sqrt(len(gain)):
            best = number
    return methods[best](field, head, scores, wanted)


def _cross_validate(
    method: Method, field: Field, head: Head, *, scores: Scores, wanted: Target
) -> NDArray[np.float64]:
    losses = np.zeros(len(wanted))
    for fold in range(_FOLDS):
        out = np.arange(len(wanted)) % _FOLDS == fold
        fitted = method(field, head, scores[~out], wanted[~out])
        chances = to_probabilities(field, fitted, scores[out])[np.arange(int(out.sum())), wanted[out]]
        losses[out] = -np.log(np.clip(chances, 1e-6, 1))
    return losses


def _temperature(_field: Field, head: Head, scores: Scores, wanted: Target) -> Head:
    """The least log loss against targets that no number of rows makes quite sure (Platt 1999, section 2.2).

    The loss is convex in what scores are multiplied by: Newton's steps, halved where they leave what is possible.
    """
    wide, columns = scores.astype(np.float64), scores.shape[1]
    wide -= wide.max(1, keepdims=True)
    doubt, right = 1 / (len(wanted) + 2), wide[np.arange(len(wanted)), wanted]
    aim = float(((1 - doubt) * right + doubt * (wide.sum(1) - right) / (columns - 1)).mean())
    low, high = 1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]
    factor, last = 1 / _USUAL, 0.0
    while abs(factor - last) > 1e-6 * factor:
        chances = np.exp(wide * factor)
        chances /= chances.sum(1, keepdims=True)
        means = np.einsum("ij,ij->i", chances, wide)
        slope = float(means.mean()) - aim
        curve = float((np.einsum("ij,ij,ij->i", chances, wide, wide) - means**2).mean())
        low, high = (low, factor) if slope > 0 else (factor, high)
        step = factor - slope / max(curve, 1e-30)
        last, factor = factor, step if low <= step <= high else (low + high) / 2
    return replace(head, temperature=round(1 / factor, 4))


def _vector(field: Field, head: Head, scores: Scores, wanted: Target) -> Head:
    """One factor and offset a label, drawn towards those of the temperature alone."""
    from scipy.optimize import minimize  # takes as long to load as all the rest of a calibration

    warm = _temperature(field, head, scores, wanted)
    scaled, columns = scores.astype(np.float64) / warm.temperature, scores.shape[1]
    doubt = 1 / (len(wanted) + 2)
    aims = np.full_like(scaled, doubt / (columns - 1))
    aims[np.arange(len(wanted)), wanted] = 1 - doubt
    pull = 1 / len(wanted)  # as strong as one row: it fades where there are many

    def value(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        factors, offsets = numbers[:columns], numbers[columns:]
        chances = softmax((scaled * factors + offsets).astype(np.float32))
        over = (chances - aims) / len(wanted)
        drawn = pull * (((factors - 1) ** 2).sum() + (offsets**2).sum())
        slopes = (over * scaled).sum(0) + 2 * pull * (factors - 1), over.sum(0) + 2 * pull * offsets
        loss = -(aims * np.log(chances + 1e-12)).sum(1).mean()
        return float(loss + drawn), np.concatenate(slopes)

    start = np.concatenate([np.ones(columns), np.zeros(columns)])
    found = minimize(value, start, jac=True, method="L-BFGS-B", options={"maxiter": 50}).x.round(4)
    return replace(warm, factors=tuple(found[:columns].tolist()), offsets=tuple(found[columns:].tolist()))


def _isotonic(field: Field, head: Head, scores: Scores, wanted: Target) -> Head:
    """A monotone curve from raw to calibrated confidence, through the means of bins of equal mass."""
    warm = _temperature(field, head, scores, wanted)
    chances = to_probabilities(field, warm, scores)
    raw, right = chances.max(1), (chances.argmax(1) == wanted).astype(np.float64)
    order = np.argsort(raw, kind="stable")
    bins = np.array_split(order, min(_KNOTS, max(2, len(order) // 25)))
    middles = np.array([raw[part].mean() for part in bins])
    # One hit and one miss more a bin: no bin is ever quite sure.
    shares = np.array([(right[part].sum() + 1) / (len(part) + 2) for part in bins])
    fitted = _rising(shares.tolist(), [len(part) for part in bins])
    knots = {round(float(x), 6): round(float(y), 6) for x, y in zip(middles, fitted, strict=True)}
    return replace(warm, knots=tuple(sorted(knots.items())))


def _rising(values: Sequence[float], weights: Sequence[int]) -> list[float]:
    """Returns the nearest values that never fall: neighbours that do are pooled (Ayer et al. 1955)."""
    pools: list[tuple[float, int, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, mass, count = value, weight, 1
        while pools and pools[-1][0] >= mean:
            before, size, length = pools.pop()
            mean = (before * size + mean * mass) / (size + mass)
            mass, count = mass + size, count + length
        pools.append((mean, mass, count))
    return [mean for mean, _, count in pools for _ in range(count)]


def _platt(head: Head, scores: Scores, wanted: Target) -> Head:
    """Temperature and offset for all labels (Platt 1999), and the threshold with the best micro-F1."""
    from scipy.optimize import minimize

    seen = scores > _NEVER
    if not seen.any():
        return head
    truth = (wanted[seen] == 1).astype(np.float64)
    flat, hits = scores[seen].astype(np.float64), float(truth.sum())
    # As with the temperature, no number of rows makes quite sure.
    aims = np.where(truth == 1, (hits + 1) / (hits + 2), 1 / (truth.size - hits + 2))

    def loss(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = flat * numbers[0] + numbers[1]
        over = 1 / (1 + np.exp(-np.clip(scaled, -500, 500))) - aims
        slope = np.array([(over * flat).mean(), over.mean()])
        return float((np.logaddexp(0, scaled) - aims * scaled).mean()), slope

    low, high = _TEMPERATURES
    bounds = [(1 / high, 1 / low), (-50, 50)]
    found = minimize(loss, np.array([3.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x
    fitted = replace(head, temperature=round(float(1 / found[0]), 4), offsets=(round(float(found[1]), 4),))
    chances = 1 / (1 + np.exp(-(flat / fitted.temperature + fitted.offsets[0])))
    f1 = [_micro_f1(truth, chances >= threshold) for threshold in _THRESHOLDS]
    near = [t for t, value in zip(_THRESHOLDS, f1, strict=True) if value >= max(f1) - 1e-9]
    return replace(fitted, threshold=min(near, key=lambda t: abs(t - 0.5)))


def _micro_f1(truth: NDArray[np.float64], taken: NDArray[np.bool_]) -> float:
    total = truth.sum() + taken.sum()
    return float(2 * truth[taken].sum() / total) if total else 1.0


def _margin(head: Head, scores: NDArray[np.float32], wanted: Target) -> Head:
    """Split conformal prediction (Lei et al. 2018): the quantile of the errors that covers the next row too."""
    errors = np.sort(np.abs(head.centre + head.spread * scores.astype(np.float64) - wanted))
    place = min(len(errors), int(np.ceil((len(errors) + 1) * COVERAGE))) - 1
    return replace(head, margin=float(errors[place]))


def _scope(field: Field, head: Head, scores: Scores, wanted: Target) -> Head:
    """Finds the score below which the stated share of the inputs that do fit a label is flagged."""
    labels = field_labels(field)
    fits = wanted != labels.index(field.other) if field.other else np.ones(len(wanted), bool)
    if field.kind != "choice" or fits.sum() < _LEAST_SCOPE:
        return head
    highest = np.sort(scores[fits].max(1))
    place = int(np.floor(field.false_alarms * (len(highest) + 1)))
    threshold = float(highest[place - 1]) if place else float("-inf")
    return replace(head, scope=Scope(threshold, field.false_alarms, len(highest)) if place else None)
