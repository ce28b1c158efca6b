"""A ridge and a support vector machine made one: side by side, their features have one linear head.

What they get wrong differs, which is what ensembles live on (Breiman 1996); as one head it costs nothing to serve.
They are added as calibrated log odds (Hinton 2002, products of experts), in shares that held-out rows decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.engine import Head, Ngrams, SideBySide, Sketch
from freehold.task import Field
from freehold.train.confidence import calibrate, log_losses
from freehold.train.heads import NEVER, FieldHead, Trained
from freehold.train.rows import Rows, is_labelled

__all__ = ["blend", "choose_shares"]

SHARES = (0.5, 0.25, 0.0, 0.75)
"""Of the ridge in the sum; the first where there is no row to choose by, and of several that are as good."""


def choose_shares(
    fields: Sequence[Field],
    rows: Rows,
    *,
    ridge: NDArray[np.float32],
    machine: NDArray[np.float32],
    heads: Mapping[str, Head],
    others: Mapping[str, Head],
) -> dict[str, tuple[float, float]]:
    """Returns, for each field, what the scores of ridge and machine are multiplied by: the least log loss.

    Args:
        rows: Validation rows.
        ridge: Its scores for these rows, shape (rows, columns); of heads that have not seen them.
        machine: The same of the machine.
        heads: The ridge's, calibrated.
        others: The machine's, calibrated.
    """
    found = {}
    for field in fields:
        head, target = heads[field.name], rows.targets[field.name]
        columns = slice(head.start, head.stop)
        weights = [_weights(share, head, others[field.name]) for share in SHARES]
        losses = []
        for a, b in weights if is_labelled(target).any() else ():
            scores = a * ridge[:, columns] + b * machine[:, columns]
            fitted = calibrate(field, head, scores=scores, target=target)
            losses.append(float(log_losses(field, fitted, scores=scores, target=target).mean()))
        found[field.name] = weights[int(np.argmin(losses))] if losses else weights[0]
    return found


def _weights(share: float, head: Head, other: Head) -> tuple[float, float]:
    one, two = share / head.temperature, (1 - share) / other.temperature
    return one / (one + two), two / (one + two)


def blend(ridge: Trained, machine: Trained, *, shares: Mapping[str, tuple[float, float]]) -> Trained:
    """Returns heads whose scores are those of the ridge plus those of the machine, each times its share.

    Args:
        ridge: On random features and hashed n-grams.
        machine: On the vector and a vocabulary of n-grams.
        shares: Field to both factors.
    """
    assert isinstance(ridge.grams, Sketch)
    assert isinstance(machine.grams, Ngrams)
    assert ridge.features is not None
    assert machine.features is None
    fields = {}
    for name, one in ridge.fields.items():
        other, (a, b) = machine.fields[name], (np.float32(share) for share in shares[name])
        bias = np.where(one.bias <= NEVER, np.float32(NEVER), a * one.bias + b * other.bias)
        grams = np.vstack([a * one.grams, b * other.grams])
        dense = np.vstack([a * one.dense, b * other.dense])
        fields[name] = FieldHead(dense, grams, bias.astype(np.float32))
    features = ridge.features._replace(beside=True)
    return Trained(SideBySide(ridge.grams, machine.grams), features, fields, ridge.centres, ridge.spreads)
