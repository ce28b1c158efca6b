"""What the lower layers of an encoder make of texts, computed once and kept on disk while the upper ones learn.

One array of half precision beside the tokens, mapped into memory: what is held in memory grows with the batch.
Filled in an order that depends on the texts alone, so that a killed run goes on with the very same numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from freehold.engine import Encoder, by_length
from freehold.task import digest
from freehold.train.batches import Batch, Texts

__all__ = ["Activations"]

_BUDGET = 4_096
_SEAL_EVERY = 32


class Activations:
    """The lower layers' token vectors of some texts.

    Args:
        folder: Where the array lies; what is there of the same texts and weights is used.
        layers: How many layers are below the cut.
        identity: Names the encoder's weights by content.
    """

    def __init__(self, folder: Path, texts: Texts, *, encoder: Encoder, layers: int, identity: str) -> None:
        self._folder, self._texts, self._encoder, self._layers = folder, texts, encoder, layers
        self._shape = (int(texts.starts[-1]), encoder.dimension)
        content = [hashlib.sha256(each.tobytes()).hexdigest() for each in (texts.ids, texts.starts)]
        self._identity = digest([identity, layers, content])
        self._array: np.memmap[tuple[int, int], np.dtype[np.float16]] | None = None

    def fill(self, rows: Sequence[int], *, tell: Callable[[int, int], None]) -> None:
        """Computes what is missing for some texts.

        Args:
            tell: Called with windows done and windows to do.
        """
        wanted = sorted({*self._texts.windows_of(rows)})
        sizes = np.diff(self._texts.starts)[wanted]
        batches = list(by_length(sizes.tolist(), budget=_BUDGET))
        seal = self._folder / "sealed.json"
        name = digest([self._identity, wanted])
        first = self._open(seal, name)
        done = sum(len(batch) for batch in batches[:first])
        for number, batch in enumerate(batches[first:], first):
            self._compute([wanted[i] for i in batch])
            done += len(batch)
            if number % _SEAL_EVERY == 0 or number == len(batches) - 1:
                self._seal(seal, {"name": name, "batches": number + 1})
            tell(done, len(wanted))

    def _open(self, seal: Path, name: str) -> int:
        """Maps the array, and returns how many batches of it are there already."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "lower.f16"
        found = json.loads(seal.read_bytes()) if seal.is_file() else {}
        known = found.get("name") == name and path.is_file()
        self._array = np.memmap(path, np.float16, "r+" if known else "w+", shape=self._shape)
        return int(found["batches"]) if known else 0

    def _seal(self, seal: Path, content: dict[str, str | int]) -> None:
        assert self._array is not None
        self._array.flush()
        new = seal.with_suffix(".new")
        new.write_text(json.dumps(content))
        new.rename(seal)

    def _compute(self, windows: Sequence[int]) -> None:
        assert self._array is not None
        ids, mask = self._texts.padded(windows)
        with torch.inference_mode():
            hidden = self._encoder.lower(ids, mask, layers=self._layers).to(torch.float16).numpy()
        for place, window in enumerate(windows):
            start, stop = self._texts.starts[window], self._texts.starts[window + 1]
            self._array[start:stop] = hidden[place, : stop - start]

    def of(self, batch: Batch) -> Tensor:
        """Returns the token vectors of a batch, shape (windows, tokens, dimension); its texts must be filled."""
        assert self._array is not None
        out = np.zeros((*batch.ids.shape, self._shape[1]), np.float32)
        for place, window in enumerate(batch.windows):
            start, stop = self._texts.starts[window], self._texts.starts[window + 1]
            out[place, : stop - start] = self._array[start:stop]
        return torch.from_numpy(out)
