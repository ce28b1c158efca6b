"""Truth and experts' confusions, each from the other: expectation maximisation after Dawid and Skene.

Owns the model and its fit. What is said of an expert is in `experts`, what is said of an item in `consensus`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from freehold.errors import DataError, UserError
from freehold.label.crowd.consensus import Consensus
from freehold.label.crowd.majority import count_votes
from freehold.label.crowd.votes import Floats, Votes, Whole

__all__ = ["SMOOTHINGS", "DawidSkene", "Smoothing", "dawid_skene"]

Smoothing: TypeAlias = Literal["none", "perks", "jeffreys", "laplace"]
SMOOTHINGS: tuple[Smoothing, ...] = get_args(Smoothing)
"""Which answers are thought to have been seen before the first one: none, as in the paper; of each label so many
that they add up to one (Perks 1947); half of one (Jeffreys 1946); one (Laplace)."""

ROUNDS = 1_000
_SETTLED = 1e-10
"""What a round may add to the objective, a vote, for the fit to have ended."""


class _Cells(NamedTuple):
    """Each pair of an expert and a label that the expert gave, and which of them each vote is.

    So memory grows with what was said, not with the square of the labels.
    """

    expert: Whole
    label: Whole
    of_vote: Whole


class _Model(NamedTuple):
    """The parameters.

    Attributes:
        prior: Shape (labels,).
        given: The chance of each cell by true label, shape (labels, cells).
        unseen: The chance of each label that an expert has never given, shape (labels, experts).
    """

    prior: Floats
    given: Floats
    unseen: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DawidSkene:
    """The fitted model.

    Attributes:
        consensus: The chances of each item's labels.
        prior: How common each label is, shape (labels,).
        likelihoods: The logarithm of the likelihood after each round, with that of the smoothing; it never falls.
        converged: Whether the last round added next to nothing.
    """

    consensus: Consensus
    experts: tuple[str, ...]
    prior: Floats
    likelihoods: tuple[float, ...]
    converged: bool
    _cells: _Cells
    _model: _Model

    def confusion(self, expert: str) -> Floats:
        """Returns how likely an expert gives each label by the true one, shape (true labels, given labels).

        A row is NaN where nothing is smoothed and the expert has not met its label.
        """
        number = self.experts.index(expert)
        size = len(self.consensus.labels)
        rows = np.repeat(self._model.unseen[:, [number]], size, axis=1)
        own = np.flatnonzero(self._cells.expert == number)
        rows[:, self._cells.label[own]] = self._model.given[:, own]
        rows[rows.sum(1) == 0] = np.nan
        return rows


def dawid_skene(
    votes: Votes,
    *,
    gold: Mapping[str, str] | None = None,
    smoothing: Smoothing = "perks",
    rounds: int = ROUNDS,
) -> DawidSkene:
    """Returns what is true of each item and what each expert makes of it, both most likely together.

    An item's label is drawn from a prior; each expert then calls it something by a row of the expert's own
    confusion matrix. Starting from shares of votes, chances of labels give the matrices, and these the chances,
    until nothing changes. Nothing is drawn by lot; with more votes it is fitted anew, so that votes that come
    later count as if they had come at once.

    Args:
        votes: An expert may vote on an item several times.
        gold: Items whose label is known; it stays theirs.
        smoothing: Of `SMOOTHINGS`. The fit is then the most likely one under a Dirichlet prior on each row and on
            how common labels are. Without it, an expert who has never erred is thought never to err.
        rounds: The most rounds.

    Raises:
        DataError: A known label that the votes' table does not have.

    Example:
        >>> from freehold.label.crowd import Vote, tabulate
        >>> rows = [(item, who, "ham" if item < "3" else "spam") for item in "1234" for who in ("ann", "bob")]
        >>> rows += [(item, "cy", "ham") for item in "1234"]
        >>> [each.value for each in dawid_skene(tabulate(Vote(*row) for row in rows)).consensus.settle()]
        ['ham', 'ham', 'spam', 'spam']

    Source:
        Dawid, A. P. and Skene, A. M. (1979). Maximum likelihood estimation of observer error-rates using the EM
        algorithm. Applied Statistics 28, 20-28.
    """
    known, seen_before = _known(votes, gold or {}), _pseudo_counts(smoothing, len(votes.labels))
    return _fit(votes, known, seen_before=seen_before, rounds=rounds)


def _fit(votes: Votes, known: Whole, *, seen_before: float, rounds: int) -> DawidSkene:
    cells, counts = _cells(votes), count_votes(votes)
    chances = _fix(counts / counts.sum(1, keepdims=True), known)
    likelihoods: list[float] = []
    converged = not len(votes)
    model = _maximise(votes, cells, chances, seen_before)
    while not converged and len(likelihoods) < rounds:
        chances, likelihood = _expect(votes, cells, model, known)
        likelihoods.append(likelihood + _log_prior(cells, model, seen_before))
        converged = len(likelihoods) > 1 and likelihoods[-1] - likelihoods[-2] < _SETTLED * len(votes)
        model = _maximise(votes, cells, chances, seen_before)
    return DawidSkene(
        Consensus(votes.items, votes.labels, chances),
        votes.experts,
        model.prior,
        tuple(likelihoods),
        converged,
        cells,
        model,
    )


def _pseudo_counts(smoothing: Smoothing, labels: int) -> float:
    counts = {"none": 0.0, "perks": 1 / max(1, labels), "jeffreys": 0.5, "laplace": 1.0}
    if smoothing not in counts:
        raise UserError(f"`smoothing` is {smoothing!r}; it must be one of {', '.join(map(repr, SMOOTHINGS))}.")
    return counts[smoothing]


def _cells(votes: Votes) -> _Cells:
    found, of_vote = np.unique(votes.expert * len(votes.labels) + votes.label, return_inverse=True)
    expert, label = np.divmod(found, max(1, len(votes.labels)))
    return _Cells(expert, label, of_vote.astype(np.int64))


def _known(votes: Votes, gold: Mapping[str, str]) -> Whole:
    """Returns the number of each item's known label, shape (items,), -1 where it is not known."""
    places = {name: place for place, name in enumerate(votes.labels)}
    for item in votes.items:
        if item in gold and gold[item] not in places:
            raise DataError(
                f"The gold label of item {item!r} is {gold[item]!r}, which nobody may choose.",
                hint="Give `tabulate` all labels of the field, or correct the gold label.",
            )
    return np.array([places[gold[item]] if item in gold else -1 for item in votes.items], np.int64)


def _fix(chances: Floats, known: Whole) -> Floats:
    sure = np.flatnonzero(known >= 0)
    chances[sure] = 0.0
    chances[sure, known[sure]] = 1.0
    return chances


def _count(votes: Votes, cells: _Cells, chances: Floats) -> Floats:
    """Returns how often each cell is expected with each true label, shape (labels, cells)."""
    size = len(cells.expert)
    return np.stack([np.bincount(cells.of_vote, column[votes.item], minlength=size) for column in chances.T])


def _totals(votes: Votes, cells: _Cells, counts: Floats) -> Floats:
    """Returns how many votes each expert is expected to have on each true label, shape (labels, experts)."""
    return np.stack([np.bincount(cells.expert, row, minlength=len(votes.experts)) for row in counts])


def _maximise(votes: Votes, cells: _Cells, chances: Floats, seen_before: float) -> _Model:
    size = len(votes.labels)
    if not len(votes):
        return _Model(np.full(size, np.nan), np.empty((size, 0)), np.empty((size, 0)))
    prior = chances.sum(0) + seen_before
    counts = _count(votes, cells, chances)
    totals = _totals(votes, cells, counts) + size * seen_before
    # Where an expert has met no item of a label, no such item has a vote of the expert: any number will do.
    met = np.where(totals > 0, totals, 1.0)
    return _Model(prior / prior.sum(), (counts + seen_before) / met[:, cells.expert], seen_before / met)


def _expect(votes: Votes, cells: _Cells, model: _Model, known: Whole) -> tuple[Floats, float]:
    """Returns the chances of labels and the logarithm of the likelihood."""
    with np.errstate(divide="ignore"):
        prior, given = np.log(model.prior), np.log(model.given)
    size = len(votes.items)
    voted = [np.bincount(votes.item, row[cells.of_vote], minlength=size) for row in given]
    joint = np.stack(voted, axis=1) + prior
    likeliest = joint.max(1, keepdims=True)
    chances = np.exp(joint - likeliest)
    whole = chances.sum(1, keepdims=True)
    evidence = (likeliest + np.log(whole))[:, 0]
    sure = known >= 0
    evidence[sure] = joint[sure, known[sure]]
    return _fix(chances / whole, known), float(evidence.sum())


def _log_prior(cells: _Cells, model: _Model, seen_before: float) -> float:
    """Returns what smoothing adds to the logarithm of the likelihood, but for a constant."""
    if not seen_before:
        return 0.0
    size, experts = model.unseen.shape
    unseen = size - np.bincount(cells.expert, minlength=experts)
    logs = np.log(model.prior).sum() + np.log(model.given).sum() + (np.log(model.unseen) @ unseen).sum()
    return float(seen_before * logs)
