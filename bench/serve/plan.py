"""One command's settings, and the folder that is served."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.learn.corpora import Row, banking77

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long.

    Attributes:
        folder: A turned task folder of Banking77; a copy of it is served, since a server writes down requests.
        work: Where copies go.
        seconds: Of each round.
        rounds: That count.
        most: Texts that are asked in turn.
        threads: Of the peers' forward passes.
        share: How often steady load asks, of what the server can answer.
        slow: Connections that are held open beside the good clients.
        minutes: Of the soak.
    """

    folder: Path
    data: Path
    work: Path
    seconds: float = 5.0
    rounds: int = 5
    most: int = 3_000
    threads: Sequence[int] = (1, 2)
    share: float = 0.7
    slow: int = 2_000
    minutes: float = 10.0

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The published test rows, or the first of them."""
        return banking77(self.data).test[: self.most]

    @property
    def texts(self) -> list[str]:
        """Their texts."""
        return [row.text for row in self.rows]

    def copy(self, name: str) -> Path:
        """Returns a copy of the folder."""
        return shutil.copytree(self.folder, self.work / name)
