"""Moments kept between turns, with the rows that they are sums of: a turn adds and takes out what changed.

Owns the files below `cache/moments`; what is damaged is made again. Knows nothing of what the moments are for.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.task import FieldKind, canonical, digest
from freehold.train.moments import FeatureMap, FieldSums, Moments
from freehold.train.rows import Rows, Target

__all__ = ["Ledger", "Shape", "forget_others"]

Shape = Mapping[str, tuple[FieldKind, Sequence[str]]]
"""Field to its kind and the names of its columns."""

_ROWS = "rows.json"
_CHANGED = 0.1
"""Where more than this share of the rows changed, the sums are made anew."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The kept sums of one feature map, one encoder and one set of fields.

    Attributes:
        vectors: Returns the vectors of texts, from the feature cache where they were seen before.
        identity: Of the encoder, by content.
        home: Folder to keep sums in; None where they are not worth keeping.
        tell: Called with rows done and rows to do.
    """

    features: FeatureMap
    shape: Shape
    vectors: Callable[[Sequence[str]], NDArray[np.float32]]
    identity: str
    home: Path | None
    tell: Callable[[int, int], None] = field(default=lambda _done, _total: None)

    def sums(self, rows: Rows) -> Moments:
        """Returns the sums over rows, each labelled for all the fields."""
        if self.home is None:
            return self._anew(rows)
        folder, now = self.folder(self.home), {mark: place for place, mark in enumerate(self._marks(rows))}
        known = _read_rows(folder)
        gone = [mark for mark in known if mark not in now]
        new = [place for mark, place in now.items() if mark not in known]
        few = len(gone) + len(new) <= _CHANGED * len(rows)
        moments = self._load(folder) if known and few else None
        as_kept = moments is not None and not gone and not new
        if moments is None:
            moments = self._anew(rows)
        else:
            self._take_out(moments, [known[mark] for mark in gone])
            self._add(moments, rows.take(new))
        if not as_kept:
            self._save(folder, moments, {mark: self._describe(rows, place) for mark, place in now.items()})
        return moments

    def _anew(self, rows: Rows) -> Moments:
        moments = self._zero()
        self._add(moments, rows)
        return moments

    def _describe(self, rows: Rows, place: int) -> dict[str, Any]:
        return {"text": rows.texts[place], "targets": self._plain(rows, place)}

    def _zero(self) -> Moments:
        fields = {name: (kind, len(columns)) for name, (kind, columns) in self.shape.items()}
        return Moments.zero(self.features.width, fields=fields)

    def _add(self, moments: Moments, rows: Rows) -> None:
        targets = {name: rows.targets[name] for name in self.shape}
        self._change(moments, rows.texts, targets, sign=1.0)

    def _take_out(self, moments: Moments, gone: Sequence[Mapping[str, Any]]) -> None:
        targets = {name: np.array([row["targets"][name] for row in gone]) for name in self.shape}
        self._change(moments, [row["text"] for row in gone], targets, sign=-1.0)

    def _change(
        self, moments: Moments, texts: Sequence[str], targets: Mapping[str, Target], *, sign: float
    ) -> None:
        if not texts:
            return
        vectors = self.vectors(texts)
        for part, features in self.features.blocks(texts, vectors):
            moments.add(features, {name: target[part] for name, target in targets.items()}, sign=sign)
            self.tell(min(part.stop, len(texts)), len(texts))

    def folder(self, home: Path) -> Path:
        """Returns where these sums are kept below `home`."""
        shape = {name: [kind, list(columns)] for name, (kind, columns) in self.shape.items()}
        return home / digest([self.identity, self.features.width, shape])[:32]

    def _marks(self, rows: Rows) -> list[str]:
        """Returns a name for each row with its labels; rows that are alike are counted."""
        names = [digest([rows.ids[n], rows.texts[n], self._plain(rows, n)])[:32] for n in range(len(rows))]
        seen: Counter[str] = Counter()
        for place, name in enumerate(names):
            seen[name] += 1
            if seen[name] > 1:
                names[place] = f"{name}-{seen[name]}"
        return names

    def _plain(self, rows: Rows, place: int) -> dict[str, Any]:
        return {name: rows.targets[name][place].tolist() for name in self.shape}

    def _save(self, folder: Path, moments: Moments, rows: Mapping[str, Any]) -> None:
        """Writes sums, seal and rows; a crash in between leaves a seal that is not that of the others."""
        folder.mkdir(parents=True, exist_ok=True)
        raw, packed = canonical(rows), self._pack(moments)
        with (folder / "new.npy").open("wb") as file:
            np.save(file, packed, allow_pickle=False)
        (folder / "new.npy").rename(folder / "sums.npy")
        for name, content in (
            ("seal.json", canonical([_seal(packed), zlib.crc32(raw), moments.rows])),
            (_ROWS, raw),
        ):
            (folder / "new.json").write_bytes(content)
            (folder / "new.json").rename(folder / name)

    def _pack(self, moments: Moments) -> NDArray[np.float64]:
        parts = [moments.gram.T, moments.features[None]]
        for sums in moments.fields.values():
            tail = np.zeros((1, self.features.width))
            tail[0, 0] = sums.squares
            totals = np.zeros((-(-len(sums.totals) // self.features.width), self.features.width))
            totals.ravel()[: len(sums.totals)] = sums.totals
            parts += [sums.products, totals, tail]
        return np.vstack(parts)

    def _load(self, folder: Path) -> Moments | None:
        try:
            seal = json.loads((folder / "seal.json").read_bytes())
            with (folder / "sums.npy").open("rb") as file:
                packed = np.lib.format.read_array(file, allow_pickle=False)
            if [_seal(packed), zlib.crc32((folder / _ROWS).read_bytes())] != seal[:2]:
                return None
        except (OSError, ValueError, EOFError, LookupError, TypeError):
            return None
        width = self.features.width
        fields, start = {}, width + 1
        for name, (kind, columns) in self.shape.items():
            products, start = packed[start : start + len(columns)], start + len(columns)
            rows = -(-len(columns) // width)
            totals, start = packed[start : start + rows].ravel()[: len(columns)], start + rows
            fields[name] = FieldSums(kind, products.copy(), totals.copy(), float(packed[start, 0]))
            start += 1
        return Moments(packed[:width].copy().T, packed[width].copy(), int(seal[2]), fields)


def _read_rows(folder: Path) -> dict[str, Any]:
    """Returns the rows that the kept sums are of; none where they cannot be read."""
    try:
        found: object = json.loads((folder / _ROWS).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _seal(packed: NDArray[np.float64]) -> int:
    return zlib.crc32(np.ascontiguousarray(packed).data)


def forget_others(home: Path, *, kept: Collection[Path]) -> None:
    """Removes the sums below `home` that no ledger has kept since: their rows may have been withdrawn."""
    for folder in set(home.glob("*")) - set(kept):
        shutil.rmtree(folder)
