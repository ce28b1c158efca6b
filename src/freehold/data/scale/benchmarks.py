"""The texts of a benchmark, whatever files it consists of.

Owns which files and which cells of them are texts. Reads with the same sources as a task does. Knows nothing of
what the texts are compared with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.data.kinds import SOURCES
from freehold.data.sources import Place, Row, find_kind
from freehold.errors import DataError

__all__ = ["Benchmark", "read_benchmark"]

FEWEST = 3
"""Words of a cell that counts as a text where no columns are named: labels and numbers are none."""


class Benchmark(NamedTuple):
    """Texts, and where each stands: file, line and column."""

    texts: tuple[str, ...]
    places: tuple[str, ...]


def read_benchmark(path: Path, *, columns: Collection[str] = ()) -> Benchmark:
    """Returns the texts of a file, or of all files below a folder that a source can read.

    Args:
        path: A file or a folder.
        columns: Those with texts; where none are named, every cell of three words or more is one.

    Raises:
        DataError: There is nothing to read, a file is damaged, or no cell is a text.
    """
    places, texts = [], []
    for file in _files(path):
        for where, text in _texts(file, columns):
            places.append(f"{file.name if file == path else file.relative_to(path).as_posix()}:{where}")
            texts.append(text)
    if not texts:
        wanted = f"in the columns {', '.join(sorted(columns))}" if columns else f"of {FEWEST} words or more"
        raise DataError(f"`{path}` has no text {wanted}.")
    return Benchmark(tuple(texts), tuple(places))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    readable = [file for file in found if _is_readable(file)]
    if not readable:
        raise DataError(f"`{path}` is no file, and no folder with files that can be read.")
    return readable


def _is_readable(file: Path) -> bool:
    return _is_plain(file) or any(SOURCES.get(name).claims(_place(file)) for name in SOURCES)


def _is_plain(file: Path) -> bool:
    return file.suffix.lower() in (".txt", ".md")


class _Every(frozenset[str]):
    """All columns, whatever their names."""

    def __contains__(self, name: object) -> bool:
        return True


def _place(file: Path) -> Place:
    return Place(str(file), file)


def _texts(file: Path, columns: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields texts with their line and column."""
    if _is_plain(file):
        yield "1", file.read_text(encoding="utf-8", errors="replace")
        return
    place = _place(file)
    with find_kind(place).open(place, columns or _Every()) as table:
        for row in table.rows:
            if isinstance(row, Row):
                for name, cell in row.cells.items():
                    if isinstance(cell, str) and (name in columns if columns else len(cell.split()) >= FEWEST):
                        yield f"{row.line}:{name}", cell
