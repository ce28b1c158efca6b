"""Checkpoints that survive `kill -9`: written beside the last one, then put in its place by renames alone.

Owns the folder of one piece of work; what is there of another piece is ignored. Knows nothing of what is kept.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from freehold.task import Json

__all__ = ["Checkpoint", "Checkpoints"]

_TENSORS, _STATE = "state.safetensors", "state.json"


class Checkpoint(NamedTuple):
    """Everything that decides how the work goes on."""

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Json]


class Checkpoints:
    """The last checkpoint of one piece of work.

    Args:
        folder: Where it lies. `last`, or where that is not there `gone`, is whole at every moment.
        identity: Names the work by content.
    """

    def __init__(self, folder: Path, *, identity: str) -> None:
        self._folder, self._identity = folder, identity

    def save(self, checkpoint: Checkpoint) -> None:
        """Keeps a checkpoint instead of the last one."""
        new, last, gone = (self._folder / name for name in ("next", "last", "gone"))
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        save_file(dict(checkpoint.tensors), new / _TENSORS)
        (new / _STATE).write_text(json.dumps({"identity": self._identity, **checkpoint.state}))
        shutil.rmtree(gone, ignore_errors=True)
        if last.is_dir():
            last.rename(gone)
        new.rename(last)
        shutil.rmtree(gone, ignore_errors=True)

    def load(self) -> Checkpoint | None:
        """Returns the last checkpoint of this very work; None where there is none, or a machine cut it short."""
        for name in ("last", "gone"):
            place = self._folder / name
            try:
                state = json.loads((place / _STATE).read_bytes())
                if state.get("identity") == self._identity:
                    return Checkpoint(load_file(place / _TENSORS), state)
            except (OSError, ValueError, SafetensorError):
                continue
        return None
