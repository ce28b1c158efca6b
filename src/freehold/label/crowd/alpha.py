"""Krippendorff's alpha: one less the disagreement that is seen over that which chance alone would bring.

Owns the coefficient for labels, for labels in order and for numbers, with any number of experts and any answers
missing. Knows nothing of fields.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from freehold.errors import DataError
from freehold.label.crowd.overlap import Agreement, explain_labels, explain_overlap
from freehold.label.crowd.resampling import Statistic, bootstrap, undefined
from freehold.label.crowd.tallies import Tally, tally
from freehold.label.crowd.votes import Floats, Votes, Whole

__all__ = ["Level", "alpha", "find_positions"]

Level: TypeAlias = Literal["nominal", "ordinal", "interval"]
"""What a difference between two labels is: none or all of it; the answers between them; that of their numbers."""


def alpha(votes: Votes, *, level: Level = "nominal", seed: int = 0, judged: Whole | None = None) -> Agreement:
    """Returns Krippendorff's alpha, and that of each label against all others.

    Alpha is 1 - D/E. D is the difference between two answers to the same item, E that between any two answers.
    Differences are squared: 1 between any two labels at the nominal level, the number of answers from one to the
    other (half of those at either end) at the ordinal one, and that of the numbers at the interval one. Items with
    one answer say nothing and are left out.

    Args:
        level: Of `Level`. Labels are in the order of `votes.labels`; at the interval level they must be
            numbers, and no label has an alpha of its own.
        seed: Of the bootstrap over items.
        judged: How many experts judged each item, shape (items,), where an expert may give several labels or none:
            the difference of two answers is then the number of labels that one of them alone has.

    Example:
        >>> from freehold.label.crowd import Vote, tabulate
        >>> rows = [(item, who, item) for item in ("ham", "spam") for who in ("ann", "bob")]
        >>> alpha(tabulate(Vote(*row) for row in rows)).overall.measured.value
        1.0

    Source:
        Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of Pennsylvania. Labels of
        their own: Krippendorff, K. (2019). Content Analysis, 4th edition, section 12.3.
    """
    why = explain_overlap(votes, judged)
    if why:
        labels = () if level == "interval" else votes.labels
        return Agreement(undefined(why), dict.fromkeys(labels, undefined(why)))
    counts = tally(votes, sizes=judged)
    one, each = explain_labels(votes)
    if level == "interval":
        statistic = _with_distances(counts, positions=find_positions(votes.labels))
        return Agreement(bootstrap(statistic, counts.items, seed=seed, why=[one])[0], {})
    found = bootstrap(_of_labels(counts, level), counts.items, seed=seed, why=[one, *each])
    return Agreement(found[0], dict(zip(votes.labels, found[1:], strict=True)))


def find_positions(labels: tuple[str, ...]) -> Floats:
    """Returns labels as numbers.

    Raises:
        DataError: A label that is none.
    """
    try:
        found = np.array([float(label) for label in labels])
    except ValueError as error:
        raise DataError(f"Labels must be numbers: {error}.") from None
    if not np.isfinite(found).all():
        raise DataError(f"Labels must be finite numbers, and one is {labels[int(np.isfinite(found).argmin())]!r}.")
    return found


def _of_labels(counts: Tally, level: Level) -> Statistic:
    distant = _with_distances(counts, positions=None) if level == "ordinal" else None

    def statistic(weights: Floats) -> Floats:
        observed, expected = counts.disagreements(weights)
        answers = weights @ counts.sizes
        kept = (answers - 1) / answers  # an answer is not compared with itself
        overall = distant(weights) if distant else np.array([1 - kept * observed.sum() / expected.sum()])
        return np.concatenate([overall, 1 - kept * observed / expected])

    return statistic


def _with_distances(counts: Tally, *, positions: Floats | None) -> Statistic:
    """Returns alpha with squared distances between positions; where none are given, between the labels' ranks."""
    size = counts.sizes[counts.pattern]

    def statistic(weights: Floats) -> Floats:
        totals = counts.totals(weights)
        places = np.cumsum(totals) - totals / 2 if positions is None else positions
        places = places - (totals @ places) / totals.sum()
        own = places[counts.label]
        means = np.bincount(counts.pattern, counts.count * own, minlength=len(counts.sizes)) / counts.sizes
        spread = weights[counts.pattern] * counts.count * (own - means[counts.pattern]) ** 2
        observed = (spread * size / (size - 1)).sum()
        return np.array([1 - (totals.sum() - 1) / totals.sum() * observed / (totals @ places**2)])

    return statistic
