"""Signatures of rows, kept between turns: what was signed once is not signed again.

Owns a file of each task below `signatures/` in the cache. A row's id is the digest of its inputs, so that the same
id has the same signature. The file is named by its content; one that is not what its name says is thrown away.
Knows nothing of what signatures are compared for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.data.neighbours import HASHES, scheme, sign_rows

if TYPE_CHECKING:
    from freehold.data.neighbours import Signatures

__all__ = ["KeptSignatures"]


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
        kept, known = self._read()
        places = np.searchsorted(kept, wanted)
        places[places == len(kept)] = 0
        found = kept[places] == wanted if len(kept) else np.zeros(len(wanted), bool)
        signatures = np.empty((len(wanted), HASHES), np.uint32)
        signatures[found] = known[places[found]]
        if not found.all():
            there = found.tolist()
            new = {name: rows[name] for name, is_known in zip(rows, there, strict=True) if not is_known}
            signatures[~found] = sign_rows(new)
            self._write(wanted, signatures)
        return signatures

    def _read(self) -> tuple[Any, Signatures]:
        """Returns the ids that are known, ascending, and their signatures."""
        import numpy as np
        from safetensors.numpy import load

        for path in sorted(self._folder.glob("*.safetensors")):
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == path.stem:
                tensors = load(content)
                return tensors["ids"].view("S32").ravel(), tensors["signatures"]
            path.unlink(missing_ok=True)  # cut short, or changed by somebody
        return np.empty(0, "S32"), np.empty((0, HASHES), np.uint32)

    def _write(self, ids: Any, signatures: Signatures) -> None:
        import numpy as np
        from safetensors.numpy import save

        packed = save({"ids": ids.view(np.uint8).reshape(len(ids), 32), "signatures": signatures})
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{hashlib.sha256(packed).hexdigest()}.safetensors"
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(packed)
        unfinished.replace(path)
        for older in self._folder.glob("*.safetensors"):
            if older != path:
                older.unlink(missing_ok=True)
