"""The first rung: ridge regression on random features and hashed n-grams, solved exactly.

Its features depend on no data, so that rows are added and withdrawn in the sums (`moments`) and the solution is
the one that training anew would give. Few rows are solved in their own number instead of the features' number,
which is the same solution (Saunders et al. 1998, "Ridge regression learning algorithm in dual variables").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freehold.engine import RandomFeatures, Sketch, field_labels
from freehold.task import Field
from freehold.train.heads import FieldHead, Trained
from freehold.train.label_names import is_scarce
from freehold.train.ledger import Ledger
from freehold.train.moments import PENALTY, FeatureMap, Moments, Solved, solve_few
from freehold.train.rows import MISSING, Rows, is_labelled

__all__ = ["Ridge"]

_FEW = 2_000
_SCARCE_GAMMA, _SCARCE_WEIGHT, _SCARCE_PENALTY = 1.0, 0.55, 0.5
"""With few rows a label: a kernel of the last layer alone, less of the n-grams, a higher penalty; chosen on draws
from training rows."""

_ONE_EACH_PENALTY = 10.0
"""With one row a label there is nothing to weigh against another: so much nears the label of the nearest row."""

Groups = dict[tuple[str, ...], list[int]]
"""Fields that are labelled on the same rows, and these rows."""


def _say_nothing(_done: int, _total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Ridge:
    """Fits all fields of a task that have columns.

    Attributes:
        vectors: Returns the vectors of texts.
        identity: Of the encoder that makes them.
        home: Folder where sums are kept between turns.
        kept: Gets the folders of the sums that were kept.
        layers: How many layers' vectors stand side by side in one.
        tell: Called with rows done and rows to do.
    """

    fields: Sequence[Field]
    vectors: Callable[[Sequence[str]], NDArray[np.float32]]
    identity: str
    home: Path
    tell: Callable[[int, int], None] = _say_nothing
    kept: set[Path] = field(default_factory=set)
    layers: int = 1

    def fit(self, rows: Rows, held: Rows) -> tuple[Trained, Trained]:
        """Returns heads made from `rows` alone, and heads made from `rows` and `held` together."""
        both = rows + held
        scarce = len(both) < _FEW and is_scarce(self.fields, both)
        features = self._features(rows.texts[:1], scarce=scarce)
        if len(both) < _FEW:
            penalty = self._scarce_penalty(both) if scarce else PENALTY
            alone, together = (self._few(features, each, penalty=penalty) for each in (rows, both))
        else:
            sums, more = self._all_sums(features, rows, part="rows"), self._all_sums(features, held, part="held")
            if set(more) <= set(sums):
                for names, each in more.items():
                    each.join(sums[names])
            else:
                more = self._all_sums(features, both)
            alone = _solve(sums, features)
            together = {**alone, **_solve(more, features)}  # where no held row has a label, nothing is new
        return self._trained(features, alone), self._trained(features, together)

    def _all_sums(self, features: FeatureMap, rows: Rows, *, part: str = "") -> dict[tuple[str, ...], Moments]:
        return {
            names: self._sums(features, rows.take(places), names, part=part)
            for names, places in self._groups(rows).items()
        }

    def _features(self, texts: Sequence[str], *, scarce: bool) -> FeatureMap:
        dimension = self.vectors(texts).shape[1]
        if scarce:
            last = RandomFeatures.draw(dimension // self.layers, gamma=_SCARCE_GAMMA).beside_others(self.layers)
            return FeatureMap(last, Sketch(), _SCARCE_WEIGHT)
        return FeatureMap(RandomFeatures.draw(dimension), Sketch())

    def _scarce_penalty(self, rows: Rows) -> float:
        choices = [rows.targets[each.name] for each in self.fields if each.kind == "choice"]
        counts = [np.bincount(target[target != MISSING], minlength=1).max() for target in choices]
        return _ONE_EACH_PENALTY if max(counts) <= 1 else _SCARCE_PENALTY

    def _groups(self, rows: Rows) -> Groups:
        found: dict[bytes, list[str]] = {}
        labelled = {field.name: is_labelled(rows.targets[field.name]) for field in self.fields}
        for name, mask in labelled.items():
            if mask.any():
                found.setdefault(mask.tobytes(), []).append(name)
        return {tuple(names): np.flatnonzero(labelled[names[0]]).tolist() for names in found.values()}

    def _sums(self, features: FeatureMap, rows: Rows, names: Sequence[str], *, part: str) -> Moments:
        shape = {field.name: (field.kind, field_labels(field)) for field in self.fields if field.name in names}
        home = self.home if part else None
        ledger = Ledger(features, shape, self.vectors, self.identity, home, self.tell, part)
        if part:
            self.kept.add(ledger.folder(self.home))
        return ledger.sums(rows)

    def _few(self, features: FeatureMap, rows: Rows, *, penalty: float) -> dict[str, Solved]:
        found: dict[str, Solved] = {}
        for names, places in self._groups(rows).items():
            part = rows.take(places)
            shape = {f.name: (f.kind, len(field_labels(f))) for f in self.fields if f.name in names}
            values = features.apply(part.texts, self.vectors(part.texts))
            targets = {name: part.targets[name] for name in names}
            dense = len(features.dense.phases)
            found.update(solve_few(values, targets, shape=shape, dense=dense, penalty=penalty))
        return found

    def _trained(self, features: FeatureMap, solved: dict[str, Solved]) -> Trained:
        dense = len(features.dense.phases)
        found = {f.name: solved.get(f.name) or _unlearned(f, features, dense=dense) for f in self.fields}
        return Trained(
            features.grams,
            features.dense,
            {name: _weighted(each.head, features.gram_weight) for name, each in found.items()},
            {name: each.centre for name, each in found.items()},
            {name: each.spread for name, each in found.items()},
        )


def _weighted(head: FieldHead, weight: float) -> FieldHead:
    """Returns the head for n-gram features as they come, without their weight."""
    return FieldHead(head.dense, head.grams * np.float32(weight), head.bias)


def _solve(sums: dict[tuple[str, ...], Moments], features: FeatureMap) -> dict[str, Solved]:
    """Returns the heads of all fields; the sums are spent."""
    dense = len(features.dense.phases)
    solved = (moments.solve(dense=dense, spend=True) for moments in sums.values())
    return {name: each for fields in solved for name, each in fields.items()}


def _unlearned(field: Field, features: FeatureMap, *, dense: int) -> Solved:
    """Returns the head of a field without a single labelled row: every label is as likely."""
    columns = len(field_labels(field))
    empty = np.zeros((dense, columns), np.float32), np.zeros((len(features.grams), columns), np.float32)
    return Solved(FieldHead(*empty, np.zeros(columns, np.float32)))
