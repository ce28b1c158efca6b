"""The rows that an encoder is tuned on, or watched on: their tokens, their targets, and their lower layers.

Knows how rows become a model's readings and scores; nothing of steps, optimisers or files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freehold.engine import Tokenizer, by_length
from freehold.task import digest
from freehold.train.activations import Activations
from freehold.train.batches import Texts, Words
from freehold.train.losses import Aim, LossSettings, Tagged, Target
from freehold.train.objectives import make_objective
from freehold.train.rows import MISSING
from freehold.train.tuned_model import Model, Reading, class_means

__all__ = ["Lessons", "Side", "name_lessons"]

_BUDGET = 4_096
_ROWS_A_LABEL = 16


class Lessons(Protocol):
    """Rows with what is wanted of them, such as `Rows`."""

    @property
    def ids(self) -> Sequence[str]:
        """Names of the rows."""

    @property
    def texts(self) -> Sequence[str]:
        """Joined inputs."""

    @property
    def targets(self) -> Mapping[str, Target]:
        """Field to wanted answers; see `Target`."""


def name_lessons(lessons: Lessons) -> str:
    """Returns a name for rows with their targets, by content."""
    targets = {name: _name_target(target) for name, target in sorted(lessons.targets.items())}
    return digest([list(lessons.ids), targets])


def _name_target(target: Target) -> str:
    hashed = hashlib.sha256()
    if isinstance(target, np.ndarray):
        hashed.update(f"{target.dtype} {target.shape}".encode())
        hashed.update(np.ascontiguousarray(target).tobytes())
        return hashed.hexdigest()
    for each in target:
        hashed.update(b"none" if each is None else f"{len(each.tags)}".encode())
        if each is not None:
            hashed.update(each.words.tobytes())
            hashed.update(each.tags.tobytes())
    return hashed.hexdigest()


class Side:
    """Lessons made ready for a model.

    Args:
        aims: The fields; only these are looked at.
        like: The rows that frequencies and scales are taken from: the training rows, on either side.
        windows: The most windows that a text is read in.

    Attributes:
        texts: The tokens.
        objectives: Field to its objective over these rows.
    """

    def __init__(
        self,
        lessons: Lessons,
        *,
        aims: Mapping[str, Aim],
        like: Lessons,
        losses: LossSettings,
        tokenizer: Tokenizer,
        windows: int,
    ) -> None:
        self._aims, self._targets = aims, lessons.targets
        words: dict[str, Words] = {}
        for name, aim in aims.items():
            if aim.kind == "spans":
                words[name] = [None if each is None else each.words for each in _tagged(lessons.targets[name])]
        self.texts = Texts(tokenizer, lessons.texts, windows=windows, words=words)
        self.objectives = {
            name: make_objective(aim, lessons.targets[name], losses, like=like.targets[name])
            for name, aim in aims.items()
        }
        self._lower: Activations | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def keep_lower(
        self,
        model: Model,
        rows: Sequence[int],
        *,
        folder: Path,
        identity: str,
        tell: Callable[[int, int], None],
    ) -> None:
        """Computes and keeps what the layers below the model's cut make of some rows."""
        if model.cut and rows:
            model.eval()
            self._lower = Activations(
                folder, self.texts, encoder=model.encoder, layers=model.cut, identity=identity
            )
            self._lower.fill(rows, tell=tell)

    def read(self, model: Model, rows: Sequence[int], *, passes: int = 1) -> list[Reading]:
        """Returns what the model makes of some rows, in one pass or several."""
        batch = self.texts.batch(rows)
        lower = self._lower.of(batch) if self._lower is not None else None
        return [model.read(batch, lower=lower) for _ in range(passes)]

    def merit(self, model: Model, rows: Sequence[int]) -> float:
        """Returns how well the model's own heads answer some rows: the mean over the fields, 1 at best.

        Accuracy for one label, micro-F1 for several, explained variance for numbers; for spans, how far the loss
        lies under that of a constant answer.
        """
        sums = {name: [0.0, 0.0] for name in self._aims}
        for part, reading in self._readings(model, rows):
            for name, objective in self.objectives.items():
                with torch.inference_mode():
                    scores = model.score(name, model.given(name, reading))
                    gained, possible = objective.merit(scores, objective.tensor(part))
                sums[name][0] += gained
                sums[name][1] += possible
        merits = [gained / possible for gained, possible in sums.values() if possible]
        return float(np.mean(merits)) if merits else 0.0

    def means(self, model: Model, vectors: NDArray[np.float32] | None = None) -> dict[str, Tensor]:
        """Returns where heads can begin: field to the directions of its labels' means.

        Args:
            vectors: One of unit length a row, shape (rows, dimension); where None, the model computes those of at
                most 16 rows a label.
        """
        labelled = [name for name, aim in self._aims.items() if aim.kind not in ("number", "spans")]
        rows = list(range(len(self))) if vectors is not None else self.rows_for_means()
        if not rows or not labelled:
            return {}
        found = torch.from_numpy(vectors) if vectors is not None else self._vectors(model, rows)
        return {
            name: class_means(found, self.objectives[name].tensor(rows), columns=self._aims[name].columns)
            for name in labelled
        }

    def rows_for_means(self) -> list[int]:
        """Returns the first rows of every label of every field."""
        chosen: set[int] = set()
        for name, aim in self._aims.items():
            target = self._targets[name]
            if aim.kind in ("number", "spans"):
                continue
            assert isinstance(target, np.ndarray)
            columns = [target] if target.ndim == 1 else [np.where(one > 0, 0, MISSING) for one in target.T]
            for column in columns:
                chosen.update(_first_of_each(column, count=_ROWS_A_LABEL).tolist())
        return sorted(chosen)

    def _vectors(self, model: Model, rows: Sequence[int]) -> Tensor:
        places = {row: place for place, row in enumerate(rows)}
        parts = list(self._readings(model, rows))
        found = torch.cat([reading.vectors for _, reading in parts])
        order = torch.tensor([places[row] for part, _ in parts for row in part])
        return torch.empty_like(found).index_copy(0, order, found)

    def _readings(self, model: Model, rows: Sequence[int]) -> Iterator[tuple[list[int], Reading]]:
        model.eval()
        lengths = [self.texts.lengths[row] for row in rows]
        for batch in by_length(lengths, budget=_BUDGET):
            part = [rows[place] for place in batch]
            with torch.inference_mode():
                [reading] = self.read(model, part)
            yield part, reading


def _tagged(target: Target) -> Sequence[Tagged | None]:
    assert not isinstance(target, np.ndarray)
    return target


def _first_of_each(labels: NDArray[Any], *, count: int) -> NDArray[np.int64]:
    """Returns the places of the first `count` rows of every label."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    return np.asarray(order[(rank < count) & (ordered != MISSING)], np.int64)
