"""A ridge and a kernel machine made one: both are linear in the same vector and in n-grams, so their sum is too.

What they get wrong differs, which is what ensembles live on (Breiman 1996); as one head it costs nothing to serve.
Each counts by how sure its scores are: they are added as calibrated log odds (Hinton 2002, products of experts).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from freehold.engine import Head, Ngrams, SideBySide, Sketch
from freehold.train.heads import NEVER, FieldHead, Trained

__all__ = ["blend"]


def blend(ridge: Trained, machine: Trained, *, heads: Mapping[str, Head], others: Mapping[str, Head]) -> Trained:
    """Returns heads whose scores are those of the ridge plus those of the machine, brought to the same scale.

    Args:
        ridge: On hashed n-grams.
        machine: On a vocabulary of n-grams, and on the same random features.
        heads: The ridge's, calibrated.
        others: The machine's, calibrated.
    """
    assert isinstance(ridge.grams, Sketch)
    assert isinstance(machine.grams, Ngrams)
    assert ridge.features is not None
    assert machine.features is not None
    assert np.array_equal(ridge.features.weights, machine.features.weights)
    fields = {}
    for name, one in ridge.fields.items():
        other, ratio = machine.fields[name], np.float32(heads[name].temperature / others[name].temperature)
        share = np.float32(1 / (1 + ratio))
        bias = np.where(one.bias <= NEVER, np.float32(NEVER), share * (one.bias + ratio * other.bias))
        grams = np.vstack([share * one.grams, share * ratio * other.grams])
        fields[name] = FieldHead(share * (one.dense + ratio * other.dense), grams, bias.astype(np.float32))
    return Trained(SideBySide(ridge.grams, machine.grams), ridge.features, fields, ridge.centres, ridge.spreads)
