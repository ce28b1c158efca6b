"""What a source is: something with columns that gives rows one by one, and says where each stands.

Owns the contract of a kind of source and the choice of the kind for a URI. Knows nothing of tasks, nor of
what rows mean.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from freehold.errors import DataError
from freehold.plugins import Plugins
from freehold.task import Source

__all__ = [
    "ROW_LIMIT",
    "SOURCES",
    "TEXT_LIMIT",
    "BadRow",
    "Place",
    "Row",
    "SourceKind",
    "Table",
    "find_kind",
    "raw_text",
]

ROW_LIMIT = 1_000_000
"""The most bytes that one row may have."""

TEXT_LIMIT = 200
"""How much of a refused row is kept, in characters."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class Row(NamedTuple):
    """One row: column to raw value. A column that is missing or None has no value here.

    `licence`, `author`, `time` and `consent` are what the row says of itself, for its passport.
    """

    line: int
    locator: str
    cells: dict[str, object]
    text: str
    licence: str = ""
    author: str = ""
    time: str = ""
    consent: str = ""


class BadRow(NamedTuple):
    """A row that cannot be read, and why.

    `locator` is that of a `Row`; empty where it is the source and the line.
    """

    line: int
    reason: str
    text: str
    locator: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A source that is open.

    Attributes:
        columns: Its columns; None where only the rows tell (JSON Lines).
        rows: The rows in their order, good and bad.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row | BadRow]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source is.

    Attributes:
        uri: As the user wrote it.
        path: The file or folder, which may not exist; None where the URI names no file (`python:stdlib`).
        folder: Where relative paths start: the task's folder.
        source: All that the task file says of it; None where it stands in none.
        kept: Where a kind may keep things between turns, below a folder of its own; None where nowhere.
    """

    uri: str
    path: Path | None
    folder: Path = Path()
    source: Source | None = None
    kept: Path | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Which files of a tree are read; empty where their endings say."""
        return self.source.files if self.source else ()

    @property
    def chunk(self) -> int:
        """The most words that a row may have before it is split; 0 where rows are not split."""
        return self.source.chunk if self.source else 0

    @classmethod
    def of_source(cls, source: Source, *, folder: Path, kept: Path | None = None) -> Place:
        """Returns the place of a task file's source.

        Raises:
            DataError: See `of`.
        """
        return replace(cls.of(source.uri, folder=folder), source=source, kept=kept)

    @classmethod
    def of(cls, uri: str, *, folder: Path) -> Place:
        """Returns the place of a URI; relative paths are relative to `folder`.

        Raises:
            DataError: It is no path that this machine could have: too long, or of a user who is not there.
        """
        try:
            path = folder / Path(uri).expanduser()
            is_file = path.exists() or not _SCHEME.match(uri)
        except (OSError, RuntimeError) as error:
            raise DataError(f"source `{uri}` cannot be read: {error}.") from error
        return cls(uri, path if is_file and uri else None, folder)

    @property
    def name(self) -> str:
        """What locators begin with: the URI, or the file's name alone where the URI is an absolute path."""
        return Path(self.uri).name if Path(self.uri).expanduser().is_absolute() else self.uri

    @property
    def file(self) -> Path:
        """The path of a place that names a file."""
        if self.path is None:
            raise DataError(f"`{self.uri}` names no file.")
        return self.path


class SourceKind(Protocol):
    """One way in which examples are kept.

    Attributes:
        written: How its URIs are written, for messages: `FILE.csv`.
        licence: The licence of what it gives, where that is always the same; otherwise empty.
    """

    @property
    def written(self) -> str: ...

    @property
    def licence(self) -> str: ...

    def claims(self, place: Place) -> bool:
        """Tells whether this kind reads what is at a place (or would, if it were there)."""
        ...

    def digest(self, place: Place) -> str:
        """Returns a name for the content, which changes whenever the rows might.

        Raises:
            DataError: There is nothing to read.
        """
        ...

    def open(self, place: Place, wanted: Collection[str]) -> AbstractContextManager[Table]:
        """Opens the source.

        Args:
            wanted: The columns that matter; rows may leave others out.

        Raises:
            DataError: It cannot be read at all: missing, empty, damaged, without a header.
        """
        ...


SOURCES: Plugins[SourceKind] = Plugins("freehold.sources")
"""Every kind of source; a plugin adds one under the entry-point group `freehold.sources`."""


def find_kind(place: Place) -> SourceKind:
    """Returns the kind of source that reads a place.

    Raises:
        DataError: None does; the message lists those there are.
    """
    for name in SOURCES:
        kind = SOURCES.get(name)
        if kind.claims(place):
            return kind
    hint = f"A source may be: {', '.join(f'`{SOURCES.get(name).written}`' for name in SOURCES)}."
    if place.path is not None and not place.path.exists() and not place.path.suffix:
        raise DataError(f"source `{place.uri}` is not there.", hint=hint)
    raise DataError(f"source `{place.uri}` is of a kind that cannot be read.", hint=hint)


def raw_text(data: bytes) -> str:
    """Returns the beginning of a raw row, as it is shown to the user."""
    return data[: 4 * TEXT_LIMIT].decode(errors="replace").rstrip("\r\n")[:TEXT_LIMIT]
