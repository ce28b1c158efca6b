"""Signatures of rows, kept between turns: what was signed once is not signed again.

Owns a folder of each task below `signatures/` in the cache. A row's id is the digest of its inputs, so that the
same id has the same signature. Files are named by their content; one that is not what its name says is thrown
away. Knows nothing of what signatures are compared for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.data.neighbours import HASHES, scheme, sign_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from freehold.data.neighbours import Signatures

__all__ = ["KeptSignatures"]

PART = 1 << 14
"""Rows of one file: no more of them are in memory twice."""


class KeptSignatures:
    """Signs a task's rows, those that are new.

    Args:
        cache: The folder that turns share.
        task: The task's name.
    """

    def __init__(self, cache: Path, *, task: str) -> None:
        self._folder = cache / "signatures" / task / scheme()

    def __call__(self, rows: Mapping[str, Mapping[str, str]]) -> Signatures:
        """Returns the signatures of rows, shape (rows, hashes), and keeps those and no others.

        Args:
            rows: Example id to inputs, in order of the ids.
        """
        import numpy as np

        wanted = np.array(list(rows), "S32")
        signatures, found = self._recall(wanted)
        if found.all():
            return signatures
        if not found.any():
            signatures = sign_rows(rows)
        else:
            new = {name: rows[name] for name, is_known in zip(rows, found.tolist(), strict=True) if not is_known}
            signatures[~found] = sign_rows(new)
        self._write(wanted, signatures)
        return signatures

    def _recall(self, wanted: NDArray[np.bytes_]) -> tuple[Signatures, NDArray[np.bool_]]:
        """Returns the signatures of rows as far as they are known, and which are."""
        import numpy as np

        found = np.zeros(len(wanted), bool)
        signatures = np.empty((len(wanted), HASHES), np.uint32)
        for ids, known in self._read():
            places = np.searchsorted(wanted, ids)
            there = places < len(wanted)
            there[there] = wanted[places[there]] == ids[there]
            signatures[places[there]] = known[there]
            found[places[there]] = True
        return signatures, found

    def _read(self) -> Iterator[tuple[NDArray[np.bytes_], Signatures]]:
        """Yields the ids that are known and their signatures, one part at a time."""
        from safetensors.numpy import load

        for path in sorted(self._folder.glob("*.safetensors")):
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == path.stem:
                tensors = load(content)
                yield tensors["ids"].view("S32").ravel(), tensors["signatures"]
            else:
                path.unlink(missing_ok=True)  # cut short, or changed by somebody

    def _write(self, ids: NDArray[np.bytes_], signatures: Signatures) -> None:
        """Writes all rows in parts, and takes away the parts of before."""
        import numpy as np
        from safetensors.numpy import save

        self._folder.mkdir(parents=True, exist_ok=True)
        written: set[Path] = set()
        for start in range(0, len(ids), PART):
            part = ids[start : start + PART]
            numbers = part.view(np.uint8).reshape(len(part), 32)
            packed = save({"ids": numbers, "signatures": signatures[start : start + PART]})
            path = self._folder / f"{hashlib.sha256(packed).hexdigest()}.safetensors"
            unfinished = path.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(packed)
            unfinished.replace(path)
            written.add(path)
        for older in set(self._folder.glob("*.safetensors")) - written:
            older.unlink(missing_ok=True)
