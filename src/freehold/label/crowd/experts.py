"""How good each expert is: how often right, and what is taken for what.

Owns the counting against what is held to be true, be that a consensus or gold. Knows nothing of how it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from freehold.errors import UserError
from freehold.label.crowd.consensus import Consensus
from freehold.label.crowd.votes import Floats, Votes, Whole, tabulate
from freehold.task import Measured, wilson_bounds

__all__ = ["Expert", "measure_experts", "measure_on_gold"]


class Expert(NamedTuple):
    """One expert's record.

    Attributes:
        accuracy: Share of the expert's votes that are right, with its 95 % interval; None without a vote.
        counts: How many votes are expected of each true label and each given one, shape (labels, labels).
    """

    expert: str
    accuracy: Measured | None
    counts: Floats


def measure_experts(votes: Votes, truth: Consensus) -> list[Expert]:
    """Returns the record of each expert against what is held to be true, in the order of the votes' experts.

    A vote counts as right by the chance of its label. The interval is Wilson's, of as many votes as leave room for
    not knowing the truth: to the variance of a share is added that of the chances, as in multiple imputation.

    Args:
        truth: Of the same votes: `majority(votes)`, or `dawid_skene(votes).consensus`. Experts are part of it, so
            one who judged alone agrees with it; `measure_on_gold` is not deceived.

    Source:
        Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
        American Statistical Association 22, 209-212. Rubin, D. B. (1987). Multiple Imputation for Nonresponse in
        Surveys, chapter 3.
    """
    if truth.items != votes.items or truth.labels != votes.labels:
        raise UserError("`truth` is not of these votes: it has other items or other labels.")
    right = truth.chances[votes.item, votes.label]
    records = []
    for number, places in enumerate(_of_each(votes)):
        counts = np.zeros((len(votes.labels), len(votes.labels)))
        np.add.at(counts.T, votes.label[places], truth.chances[votes.item[places]])
        records.append(Expert(votes.experts[number], _share(right[places]), counts))
    return records


def measure_on_gold(votes: Votes, gold: Mapping[str, str]) -> list[Expert]:
    """Returns the record of each expert on the items whose label is known; None where an expert judged none.

    Args:
        gold: Item to its label.
    """
    asked = [row for row in votes.rows() if row.item in gold]
    labels = tuple(dict.fromkeys([*votes.labels, *(gold[row.item] for row in asked)]))
    table = tabulate(asked, labels=labels, repeats="count")
    chances = np.array([[float(gold[item] == label) for label in labels] for item in table.items])
    found = measure_experts(table, Consensus(table.items, table.labels, chances.reshape(-1, len(labels))))
    records = {record.expert: record for record in found}
    nothing = np.zeros((len(labels), len(labels)))
    return [records.get(expert, Expert(expert, None, nothing)) for expert in votes.experts]


def _of_each(votes: Votes) -> list[Whole]:
    """Returns which votes are each expert's."""
    order = np.argsort(votes.expert, kind="stable")
    ends = np.cumsum(np.bincount(votes.expert, minlength=len(votes.experts)))[:-1]
    return np.split(order, ends) if votes.experts else []


def _share(right: Floats) -> Measured:
    n, share = len(right), float(right.mean())
    known, unknown = share * (1 - share), float((right * (1 - right)).mean())
    worth = n * known / (known + unknown) if unknown else float(n)
    low, high = wilson_bounds(share, worth)
    low, high = min(low, share), max(high, share)
    return Measured(round(share, 9), round(low, 9), round(high, 9), n)
