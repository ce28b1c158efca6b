"""Low-rank fine-tuning of an encoder for fields of one label, with the settings that the ladder has measured.

A short way into `tuning` for those who keep adapters. Knows nothing of other methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from freehold.engine import Base
from freehold.train.losses import Aim
from freehold.train.rows import Rows
from freehold.train.tuned_model import Adaptation
from freehold.train.tuning import TuneSettings
from freehold.train.tuning import fine_tune as tune

__all__ = ["LoraSettings", "fine_tune"]


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """What decides the outcome; see `TuneSettings`.

    Attributes:
        tokens: Budget of training tokens (padding not counted).
        epochs: At most this many passes over the rows, whatever the budget.
        checks: How often to look at the validation rows within the budget.
        patience: Stop after this many checks without improvement.
        save_every: Steps between checkpoints.
    """

    rank: int = 16
    rate: float = 1e-3
    head_rate: float = 1e-2
    batch: int = 32
    tokens: int = 100_000
    epochs: int = 4
    checks: int = 4
    patience: int = 2
    save_every: int = 25
    warm_up: float = 0.06
    scale: float = 16.0
    seed: int = 0


def fine_tune(
    base: Base,
    train: Rows,
    validation: Rows,
    *,
    labels: Mapping[str, int],
    settings: LoraSettings,
    scratch: Path,
    adapter: Path,
    tell: Callable[[int, int, str], None],
) -> list[float]:
    """Trains an adapter, writes the best one to `adapter`, and returns the validation accuracies seen.

    Args:
        labels: Field to its number of labels.
        scratch: Where checkpoints live; what is there from a killed run of the same work is taken up.
        tell: Called with steps done, steps planned and a word on how it goes.
    """
    given = {name: getattr(settings, name) for name in settings.__slots__ if name != "rank"}
    return tune(
        base,
        train,
        validation,
        aims={name: Aim("choice", count) for name, count in labels.items()},
        settings=TuneSettings(adaptation=Adaptation("lora", rank=settings.rank), start="random", **given),
        scratch=scratch / "lora",
        out=adapter,
        tell=tell,
    ).seen
