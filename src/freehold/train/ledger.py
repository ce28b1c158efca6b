"""Moments kept between turns, with the rows that they are sums of: a turn adds and takes out what changed.

Owns the files below `cache/moments`; what is damaged is made again. Knows nothing of what the moments are for.
"""

from __future__ import annotations

import hashlib
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
from scipy.linalg.lapack import dtpttr, dtrttp

from freehold.task import FieldKind, canonical, digest
from freehold.train.moments import FeatureMap, FieldSums, Moments
from freehold.train.rows import Rows, Target

__all__ = ["Ledger", "Shape", "forget_others"]

Shape = Mapping[str, tuple[FieldKind, Sequence[str]]]
"""Field to its kind and the names of its columns."""

_ROWS = "rows.json"
_CHANGED = 0.1
"""Where more than this share of the rows changed, the sums are made anew."""
_UNWRITTEN = 0.04
"""New rows up to this share are added again in the next turn: that takes less time than writing the sums."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The kept sums of one feature map, one encoder and one set of fields.

    Attributes:
        vectors: Returns the vectors of texts, from the feature cache where they were seen before.
        identity: Of the encoder, by content.
        home: Folder to keep sums in; None where they are not worth keeping.
        part: Which rows these are sums of, where several ledgers differ in nothing else.
        tell: Called with rows done and rows to do.
    """

    features: FeatureMap
    shape: Shape
    vectors: Callable[[Sequence[str]], NDArray[np.float32]]
    identity: str
    home: Path | None
    tell: Callable[[int, int], None] = field(default=lambda _done, _total: None)
    part: str = ""

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
        # What was withdrawn leaves the disk at once.
        write = moments is None or gone or len(new) > _UNWRITTEN * len(rows)
        if moments is None:
            moments = self._anew(rows)
        else:
            self._take_out(moments, [known[mark] for mark in gone])
            self._add(moments, rows.take(new))
        if write:
            self._save(folder, moments, {mark: self._describe(rows, place) for mark, place in now.items()})
        return moments

    def _anew(self, rows: Rows) -> Moments:
        moments = self._zero()
        self._add(moments, rows)
        return moments

    def _describe(self, rows: Rows, place: int) -> dict[str, Any]:
        targets = {name: rows.targets[name][place].tolist() for name in self.shape}
        return {"text": rows.texts[place], "targets": targets}

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
        return home / digest([self.identity, self.features.width, shape, self.part])[:32]

    def _marks(self, rows: Rows) -> list[str]:
        """Returns a name for each row with its labels; rows that are alike are counted."""
        targets = [rows.targets[name].tolist() for name in self.shape]
        said = zip(rows.ids, rows.texts, *targets, strict=True)
        names = [hashlib.sha256(repr(each).encode()).hexdigest()[:32] for each in said]
        seen: Counter[str] = Counter()
        for place, name in enumerate(names):
            seen[name] += 1
            if seen[name] > 1:
                names[place] = f"{name}-{seen[name]}"
        return names

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
        """Returns all sums in one row, of the products' matrix only the half that counts."""
        parts = [dtrttp(moments.gram)[0], moments.features]
        for sums in moments.fields.values():
            parts += [sums.products.ravel(), sums.totals, np.array([sums.squares])]
        return np.concatenate(parts)

    def _load(self, folder: Path) -> Moments | None:
        try:
            seal = json.loads((folder / "seal.json").read_bytes())
            packed = np.asarray(np.lib.format.open_memmap(folder / "sums.npy", mode="r"))
            if [_seal(packed), zlib.crc32((folder / _ROWS).read_bytes())] != seal[:2]:
                return None
        except (OSError, ValueError, EOFError, LookupError, TypeError):
            return None
        width = self.features.width
        sizes = [width * (width + 1) // 2, width]
        for _, columns in self.shape.values():
            sizes += [len(columns) * width, len(columns), 1]
        upper, *parts = np.split(packed, np.cumsum(sizes)[:-1])
        features, *rest = (part.copy() for part in parts)
        fields = {
            name: FieldSums(kind, products.reshape(-1, width), totals, float(squares[0]))
            for (name, (kind, _)), products, totals, squares in zip(
                self.shape.items(), rest[::3], rest[1::3], rest[2::3], strict=True
            )
        }
        return Moments(dtpttr(width, upper)[0], features, int(seal[2]), fields)


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
