"""What the server needs of a model, and which task's model it is.

Owns the shape of a reader as seen from here; `freehold.engine` has the real one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from freehold.serve.drift import Expected
from freehold.task import Answer, Field, Prediction, Release, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from freehold.registry import Registry

__all__ = ["Loaded", "OpenReader", "Reader", "Served"]


class Reader(Protocol):
    """What answers for one artifact: the engine's reader, or a double of it."""

    @property
    def digest(self) -> str:
        """The artifact's digest."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Output fields, labels resolved."""

    @property
    def dimension(self) -> int:
        """Of the vectors that `embed` returns."""

    def answer_at_once(self, inputs: Sequence[Mapping[str, str]]) -> list[dict[str, Answer]]:
        """Returns, for each input, the answers that take no pass of the encoder: those that are sure enough."""

    def predict(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        model: str = "",
        requests: Sequence[str] = (),
        given: Sequence[Mapping[str, Answer]] | None = None,
    ) -> list[Prediction]:
        """Returns one prediction an input, in order; `given` is what `answer_at_once` said of these inputs."""

    def embed(self, inputs: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        """Returns the vectors that the heads read, shape (inputs, dimension)."""

    def count_tokens(self, inputs: Mapping[str, str]) -> int:
        """Returns how many tokens one input has."""


class OpenReader(Protocol):
    """Returns the reader of an artifact's folder; IntegrityError where the folder is damaged."""

    def __call__(self, folder: Path, *, threads: int = 0) -> Reader:
        """Opens `folder`."""


class Served(NamedTuple):
    """A task, and the registry that its models come from and its requests go to."""

    task: Task
    shelf: Registry


class Loaded(NamedTuple):
    """A release with the reader that answers for it.

    Attributes:
        expected: What the gate saw of its fields, as far as that is recorded.
    """

    release: Release
    reader: Reader
    expected: Mapping[str, Expected] = {}
