"""The figures of the learning goals with their intervals: plain arithmetic on answers and truths.

Written apart from `freehold.gate`, so that the two can check each other. Knows nothing of models or files.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

from bench.intervals import Interval, Z

__all__ = [
    "Counts",
    "auroc",
    "brier",
    "calibration_error",
    "count",
    "coverage",
    "f1",
    "mean_of_figures",
    "mean_of_runs",
    "micro_f1",
    "paired_mean",
    "resampled",
    "span_set",
]

RESAMPLES = 1000
_T975: tuple[float, ...] = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
"""The 97.5 % quantiles of Student's t with 1 to 20 degrees of freedom."""


class Counts(NamedTuple):
    """Of one row's items: found and right, found and wrong, missed."""

    right: int
    wrong: int
    missed: int


def mean_of_runs(values: Sequence[float]) -> Interval | float:
    """Returns the mean over runs (seeds, draws, folds) with Student's 95 % interval; one run's value alone.

    The interval tells how far another run may fall; runs that share test rows or train rows are not
    independent, so it is no interval for new data.

    Example:
        >>> mean_of_runs([0.70, 0.72, 0.74])
        Interval(value=0.72, low=0.6703..., high=0.7696..., n=3)
    """
    n, middle = len(values), fmean(values)
    if n == 1:
        return middle
    half = (_T975[n - 2] if n - 2 < len(_T975) else Z) * stdev(values) / math.sqrt(n)
    return Interval(middle, middle - half, middle + half, n)


def mean_of_figures(runs: Sequence[Interval]) -> Interval:
    """Returns the mean of figures that have intervals of their own: Student's over runs, one run's own."""
    found = mean_of_runs([run.value for run in runs])
    return found if isinstance(found, Interval) else runs[0]


def resampled(statistic: Callable[[Sequence[int]], float], n: int, *, seed: int = 0) -> Interval:
    """Returns a statistic of `n` rows with a percentile bootstrap interval of 1,000 resamples.

    Args:
        statistic: Takes the positions of the rows to count, each as often as it was drawn.
    """
    dice, every = random.Random(seed), range(n)
    drawn = sorted(statistic(dice.choices(every, k=n)) for _ in range(RESAMPLES))
    cut = round(0.025 * (RESAMPLES - 1))
    return Interval(statistic(every), drawn[cut], drawn[-1 - cut], n)


def paired_mean(ours: Sequence[Sequence[bool]], theirs: Sequence[Sequence[bool]], *, seed: int = 0) -> Interval:
    """Returns the difference of mean accuracies, ours minus theirs, resampled over the rows both answered.

    Args:
        ours: For each run, whether each row was right.
        theirs: The same of the other; the number of runs may differ, the rows may not.

    Raises:
        ValueError: The rows differ in number.
    """
    sizes = {len(run) for run in (*ours, *theirs)}
    if len(sizes) != 1:
        raise ValueError(f"Runs answered {sorted(sizes)} rows; paired runs answer the same ones.")
    gains = [fmean(a) - fmean(b) for a, b in zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True)]
    return resampled(lambda rows: fmean(gains[row] for row in rows), len(gains), seed=seed)


def count(truth: Collection[Hashable], found: Collection[Hashable]) -> Counts:
    """Counts one row's items, each once."""
    wanted, given = set(truth), set(found)
    return Counts(len(wanted & given), len(given - wanted), len(wanted - given))


def span_set(spans: Sequence[Mapping[str, Any]]) -> set[tuple[str, int, int]]:
    """Returns spans as label and place: right means the label and both ends."""
    return {(str(span["label"]), int(span["start"]), int(span["end"])) for span in spans}


def f1(rows: Sequence[Counts], *, seed: int = 0) -> Interval:
    """Returns the micro-averaged F1 of items, resampled over rows; 1 where nothing was wanted or found."""
    return resampled(lambda positions: micro_f1([rows[row] for row in positions]), len(rows), seed=seed)


def micro_f1(rows: Sequence[Counts]) -> float:
    """Returns the micro-averaged F1 without an interval."""
    right = sum(row.right for row in rows)
    others = sum(row.wrong + row.missed for row in rows)
    return 2 * right / (2 * right + others) if right + others else 1.0


def calibration_error(confidence: Sequence[float], right: Sequence[bool], *, bins: int = 15) -> float:
    """Returns the expected calibration error with bins of equal mass.

    ECE = sum over bins of |bin| / n * |accuracy(bin) - mean confidence(bin)|. Rows are put in order of
    confidence and cut into bins whose sizes differ by at most one.

    Source: K. Nguyen and B. O'Connor, "Posterior calibration and exploratory analysis for natural language
    processing models", 2015 (equal mass).
    """
    order = sorted(range(len(right)), key=lambda row: confidence[row])
    n, error = len(order), 0.0
    for number in range(bins):
        part = order[number * n // bins : (number + 1) * n // bins]
        if part:
            gap = fmean(right[row] for row in part) - fmean(confidence[row] for row in part)
            error += len(part) / n * abs(gap)
    return error


def brier(probabilities: Sequence[Mapping[str, float]], truths: Sequence[str], *, seed: int = 0) -> Interval:
    """Returns the mean Brier score over all labels, 0 (sure and right) to 2 (sure and wrong).

    Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    losses = [
        sum((share - (label == truth)) ** 2 for label, share in each.items()) + (truth not in each)
        for each, truth in zip(probabilities, truths, strict=True)
    ]
    return resampled(lambda rows: fmean(losses[row] for row in rows), len(losses), seed=seed)


def coverage(confidence: Sequence[float], right: Sequence[bool], *, share: float) -> float:
    """Returns the accuracy on the `share` of rows that are answered most surely."""
    order = sorted(range(len(right)), key=lambda row: -confidence[row])
    kept = order[: max(1, round(share * len(order)))]
    return fmean(right[row] for row in kept)


def auroc(known: Sequence[float], unknown: Sequence[float]) -> Interval:
    """Returns the probability that a known row scores above an unknown one, ties half, with its interval.

    Source: E. R. DeLong et al., "Comparing the areas under two or more correlated receiver operating
    characteristic curves", 1988 (variance); 95 % interval by the normal distribution, cut at 0 and 1.

    Raises:
        ValueError: One of the groups is empty.
    """
    if not known or not unknown:
        raise ValueError(f"AUROC needs both groups; there are {len(known)} known and {len(unknown)} unknown.")
    above, below = _placed(known, unknown), [1 - value for value in _placed(unknown, known)]
    area = fmean(above)
    variance = _spread(above) / len(above) + _spread(below) / len(below)
    half = Z * math.sqrt(variance)
    return Interval(area, max(0.0, area - half), min(1.0, area + half), len(known) + len(unknown))


def _placed(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    """Returns for each of `ones` the share of `others` below it, ties half."""
    ordered = sorted(others)
    return [(bisect_left(ordered, one) + bisect_right(ordered, one)) / (2 * len(ordered)) for one in ones]


def _spread(values: Sequence[float]) -> float:
    return stdev(values) ** 2 if len(values) > 1 else 0.0
