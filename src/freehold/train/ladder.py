"""The ladder: ways to train, from cheap to dear, each taken only if validation shows that it pays.

A rung is an encoder's vectors with heads on top. What a rung is compared on is validation rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from freehold.engine import Ngrams
from freehold.task import Json
from freehold.train.heads import (
    FieldHead,
    answered_right,
    fit_field,
    fit_temperature,
    join_features,
    ngram_matrix,
)
from freehold.train.rows import Rows

__all__ = ["DENSE_WEIGHTS", "Rung", "Trained", "beats", "finish", "try_rung"]

DENSE_WEIGHTS = (1.0, 2.0)
_COST = 1.0
_NOISE = 0.05


@dataclass(frozen=True, slots=True)
class Trained:
    """The weights of every field, and the vocabulary that they belong to."""

    ngrams: Ngrams
    heads: Mapping[str, FieldHead]


@dataclass(frozen=True, slots=True)
class Rung:
    """A way to train, tried on the training rows and measured on the validation rows.

    Attributes:
        right: Field to whether each labelled validation row was answered right.
        temperatures: Field to temperature.
        loss: Mean log loss of the calibrated probabilities, summed over the fields.
        trained: Weights from the training rows alone, which have not seen the validation rows.
    """

    name: str
    dense_weight: float
    right: Mapping[str, NDArray[np.bool_]]
    temperatures: Mapping[str, float]
    loss: float
    trained: Trained

    @property
    def accuracy(self) -> float:
        """Mean over the fields of the validation accuracy."""
        return float(np.mean([right.mean() for right in self.right.values() if len(right)] or [0.0]))

    def to_json(self) -> dict[str, Json]:
        """Returns the rung for facts and reports: accuracies with their number of rows."""
        accuracy: dict[str, Json] = {
            name: round(float(right.mean()), 4) for name, right in self.right.items() if len(right)
        }
        n: dict[str, Json] = {name: len(right) for name, right in self.right.items()}
        return {"name": self.name, "validation": accuracy, "n": n, "dense_weight": self.dense_weight}


def try_rung(
    name: str,
    train: Rows,
    validation: Rows,
    *,
    vectors: Mapping[str, NDArray[np.float32]],
    labels: Mapping[str, int],
    seed: int,
    dense_weights: Sequence[float] = DENSE_WEIGHTS,
) -> Rung:
    """Returns the best of a few settings on the validation rows; of equals the one with the least log loss.

    Args:
        vectors: `train` and `validation` to dense features, shape (rows, dimension).
        labels: Field to its number of labels.
    """
    ngrams = Ngrams.fit(train.texts)
    grams, held = ngram_matrix(ngrams, train.texts), ngram_matrix(ngrams, validation.texts)
    tried = []
    for weight in dense_weights:
        features = join_features(vectors["train"], grams, dense_weight=weight)
        heads = {
            field: fit_field(
                features,
                train.targets[field],
                labels=count,
                dimension=vectors["train"].shape[1],
                cost=_COST,
                seed=seed,
            )
            for field, count in labels.items()
        }
        right = answered_right(heads, vectors["validation"], held, targets=validation.targets)
        fitted = {
            field: fit_temperature(head.scores(vectors["validation"], held), validation.targets[field])
            for field, head in heads.items()
        }
        temperatures = {field: each.value for field, each in fitted.items()}
        loss = sum(each.loss for each in fitted.values())
        tried.append(Rung(name, weight, right, temperatures, loss, Trained(ngrams, heads)))
    return max(tried, key=lambda rung: (rung.accuracy, -rung.loss))


def beats(upper: Rung, lower: Rung) -> bool:
    """Returns whether `upper` answers more validation rows right than `lower`, by more than noise.

    An exact one-sided McNemar test over the discordant answers of all fields, at the 5 % level.
    """
    gained = sum(int((upper.right[f] & ~lower.right[f]).sum()) for f in lower.right)
    lost = sum(int((lower.right[f] & ~upper.right[f]).sum()) for f in lower.right)
    if gained <= lost:
        return False
    return bool(binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue < _NOISE)


def finish(
    rung: Rung,
    rows: Rows,
    *,
    vectors: NDArray[np.float32],
    labels: Mapping[str, int],
    seed: int,
) -> Trained:
    """Returns the weights of the chosen rung made again from all rows."""
    ngrams = Ngrams.fit(rows.texts)
    features = join_features(vectors, ngram_matrix(ngrams, rows.texts), dense_weight=rung.dense_weight)
    heads = {
        field: fit_field(
            features,
            rows.targets[field],
            labels=count,
            dimension=vectors.shape[1],
            cost=_COST,
            seed=seed,
        )
        for field, count in labels.items()
    }
    return Trained(ngrams, heads)
