"""What one step of fine-tuning minimises: the fields' losses, balanced, with what regularises them.

Owns how two passes, mixed vectors, contrasts and prototypes go together. Draws no random numbers but dropout's
and those of the step's own generator, so that a step can be repeated. Knows nothing of optimisers or files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from freehold.train.lessons import Side
from freehold.train.losses import Aim, LossSettings, contrast, prototype_scores
from freehold.train.objectives import Objective, OneLabel
from freehold.train.rows import MISSING
from freehold.train.tuned_model import Model, Reading

__all__ = ["total_loss"]


class _Mix(NamedTuple):
    """How rows are mixed: `share` of each row with the rest of the row at `other`."""

    share: float
    other: Tensor


def total_loss(
    model: Model,
    side: Side,
    *,
    rows: Sequence[int],
    aims: Mapping[str, Aim],
    settings: LossSettings,
    seed: tuple[int, int],
) -> Tensor:
    """Returns the loss of a batch: the weighted mean of its fields' losses, each in units of its own chance.

    Args:
        seed: Of this step.
    """
    readings = side.read(model, rows, passes=_passes(settings))
    step = _Step(model, readings, settings, _draw(len(rows), settings.mixup, seed=seed))
    losses, weights = [], []
    for name, aim in aims.items():
        objective = side.objectives[name]
        wanted = objective.tensor(rows)
        if bool(objective.known(wanted).any()):
            losses.append(step.loss(name, wanted, objective) * (aim.weight / objective.chance))
            weights.append(aim.weight)
    return torch.stack(losses).sum() / sum(weights) if losses else readings[0].vectors.sum() * 0.0


def _passes(settings: LossSettings) -> int:
    """Returns two where dropout is to show the same text in two ways."""
    return 2 if settings.consistency or (settings.prototypes and settings.dropout) else 1


def _draw(rows: int, parameter: float, *, seed: tuple[int, int]) -> _Mix | None:
    if not parameter:
        return None
    random = np.random.default_rng(seed)
    share = float(random.beta(parameter, parameter))
    return _Mix(share, torch.from_numpy(random.permutation(rows)))


@dataclass(frozen=True, slots=True)
class _Step:
    """A batch as the model read it, in one pass or several, and what is to be made of it."""

    model: Model
    readings: Sequence[Reading]
    settings: LossSettings
    mix: _Mix | None

    def loss(self, name: str, wanted: Tensor, objective: Objective) -> Tensor:
        """Returns one field's loss over the rows that have a target."""
        if not isinstance(objective, OneLabel):
            return self._by_head(name, wanted, objective)
        vectors = torch.cat([reading.vectors for reading in self.readings])
        every = wanted.repeat(len(self.readings))
        if self.settings.prototypes:
            loss = self._by_prototypes(vectors, every)
        else:
            loss = self._by_head(name, wanted, objective)
        if self.settings.contrast:
            apart = contrast(vectors, every, temperature=self.settings.temperature)
            loss = loss + self.settings.contrast * apart[every != MISSING].mean()
        return loss

    def _by_prototypes(self, vectors: Tensor, wanted: Tensor) -> Tensor:
        found = prototype_scores(vectors, wanted, scale=self.model.scale)
        if not bool((found.own != MISSING).any()):
            return vectors.sum() * 0.0
        return nn.functional.cross_entropy(
            found.scores, found.own, ignore_index=MISSING, label_smoothing=self.settings.smoothing
        )

    def _by_head(self, name: str, wanted: Tensor, objective: Objective) -> Tensor:
        """Returns the mean loss of the field's head; with two passes, how far they are apart is added."""
        known = objective.known(wanted)
        given = [self.model.given(name, reading) for reading in self.readings]
        mix = self.mix if given[0].ndim == 2 else None  # words are not mixed
        if mix is not None:
            given = [mix.share * each + (1 - mix.share) * each[mix.other] for each in given]
            known = known & known[mix.other]
            if not bool(known.any()):
                return given[0].sum() * 0.0
        scores = [self.model.score(name, each) for each in given]
        losses = torch.stack([objective.losses(each, wanted) for each in scores]).mean(0)
        if mix is not None:
            others = torch.stack([objective.losses(each, wanted[mix.other]) for each in scores]).mean(0)
            losses = mix.share * losses + (1 - mix.share) * others
        if self.settings.consistency:
            losses = losses + self.settings.consistency * objective.divergence(scores[0], scores[1]) / 2
        return losses[known].mean()
