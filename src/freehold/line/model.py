"""A task's champion, ready to answer in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.errors import DataError, NotFoundError
from freehold.line.places import thread_count
from freehold.line.turns import open_state
from freehold.task import Prediction, Release, load_task

if TYPE_CHECKING:
    from freehold.engine import Reader
    from freehold.registry import Registry

__all__ = ["Model", "champion", "load", "open_model"]


class Model:
    """A release with its weights loaded. Make one with `load`.

    Attributes:
        release: The release that answers.
        reader: The engine under it.
    """

    def __init__(self, release: Release, *, reader: Reader) -> None:
        self.release = release
        self.reader = reader

    def __repr__(self) -> str:
        return f"<Model {self.release.name}>"

    def predict(self, inputs: Sequence[Mapping[str, str]], *, requests: Sequence[str] = ()) -> list[Prediction]:
        """Answers every input in one forward pass.

        Args:
            inputs: One mapping per request, from input name to text.
            requests: Their ids; made up where none are given.

        Raises:
            DataError: An input is missing, is not one of the task's, or is not text.
        """
        for place, row in enumerate(inputs):
            self.check(row, where=f"Input {place}")
        if not inputs:
            return []
        return self.reader.predict(inputs, model=self.release.name, requests=requests)

    def check(self, row: object, *, where: str) -> None:
        """Raises DataError, with `where` in the message, unless `row` has exactly the task's inputs."""
        names = self.reader.inputs
        shape = "{" + ", ".join(f'"{name}": "..."' for name in names) + "}"
        hint = f"The task `{self.release.task}` takes {shape}"
        if not isinstance(row, Mapping):
            raise DataError(f"{where} is {_brief(row)}, not an object with the task's inputs.", hint=hint)
        for name in names:
            if name not in row:
                raise DataError(f"{where} has no `{name}`.", hint=hint)
            if not isinstance(row[name], str):
                raise DataError(f"{where}: `{name}` is {_brief(row[name])}, not text.", hint=hint)
            if not row[name].isascii() and any("\ud800" <= letter <= "\udfff" for letter in row[name]):
                raise DataError(f"{where}: `{name}` has half of a surrogate pair, which is no character.")
        unknown = [name for name in row if name not in names]
        if unknown:
            raise DataError(f"{where} has `{unknown[0]}`, which the task does not take.", hint=hint)


def champion(task: str, *, shelf: Registry, folder: Path) -> Release:
    """Returns the release in service. Raises NotFoundError where the task has none."""
    release = shelf.champion(task)
    if release is None:
        raise NotFoundError(f"`{task}` has no model in service yet.", hint=f"Make one: freehold run {folder}")
    return release


def open_model(release: Release, *, threads: int = 0) -> Model:
    """Returns a release with its weights loaded and checked against their digests."""
    from freehold.engine import open_reader

    return Model(release, reader=open_reader(release.artifact.folder, threads=threads or thread_count()))


def load(folder: str | Path, *, state: str | Path | None = None) -> Model:
    """Loads the champion of a task folder.

    Raises:
        NotFoundError: The task has no model in service yet.
        IntegrityError: The model's files are not what was recorded.

    Example:
        model = freehold.load("examples/stdlib")
        [prediction] = model.predict([{"text": "Parse dates."}])
    """
    folder = Path(folder)
    task = load_task(folder)
    with open_state(folder, state=Path(state) if state else None) as shelf:
        return open_model(champion(task.name, shelf=shelf, folder=folder))


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
