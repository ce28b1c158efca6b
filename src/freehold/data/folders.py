"""A folder of text files: each sub-folder's name is the label of the files in it.

Offers the columns `text`, `label` (empty for files that lie in the folder itself) and `path`. Files that end
in neither `.txt` nor `.md`, and whatever begins with a dot, are no examples.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from freehold.data.delimited import TOO_LONG
from freehold.data.sources import ROW_LIMIT, BadRow, Place, Row, Table, raw_text
from freehold.data.streams import reading
from freehold.errors import DataError
from freehold.task import digest, file_digest

__all__ = ["Folder"]

_ENDINGS = (".txt", ".md")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with one sub-folder for each label, one file for each example."""

    written: str = "FOLDER/"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.path is not None and (place.path.is_dir() or place.uri.endswith("/"))

    def digest(self, place: Place) -> str:
        files = _find(place)
        with reading(place):
            return digest([[path.relative_to(place.file).as_posix(), file_digest(path)] for path in files])

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        yield Table(("text", "label", "path"), _rows(_find(place), place))


def _find(place: Place) -> list[Path]:
    """Returns the files that are examples, sorted by their paths below the folder."""
    root = place.file
    if not root.is_dir():
        raise DataError(f"source `{place.uri}` is not there.", hint=f"There is no folder `{root}`.")
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        wanted = [n for n in names if n.lower().endswith(_ENDINGS) and not n.startswith(".")]
        found += [path for name in wanted if (path := Path(folder, name)).is_file()]
    if not found:
        raise DataError(f"source `{place.uri}` has no file that ends in {' or '.join(_ENDINGS)}.")
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _rows(files: list[Path], place: Place) -> Iterator[Row | BadRow]:
    for path in files:
        relative = path.relative_to(place.file)
        name = relative.as_posix()
        with reading(Place(f"{place.uri.rstrip('/')}/{name}", path)), path.open("rb") as file:
            data = file.read(ROW_LIMIT + 1)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            reason = f"`{name}` is not UTF-8: byte {data[error.start]:#04x} at {error.start}"
        else:
            reason = f"`{name}` has a NUL byte" if b"\0" in data else ""
        if len(data) > ROW_LIMIT:
            reason = TOO_LONG.replace("the row", f"`{name}`")
        if reason:
            yield BadRow(1, reason, raw_text(data))
            continue
        label = relative.parts[0] if len(relative.parts) > 1 else ""
        locator = f"{place.name.rstrip('/')}/{name}:1"
        yield Row(1, locator, {"text": text, "label": label, "path": name}, raw_text(data))
