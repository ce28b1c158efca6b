"""Folders in the layout of Hugging Face datasets: tables in files, and a `README.md` that says what they are.

Owns finding the tables of such a folder, and the licence in the head of its README. The tables are read by
their own kinds; Arrow files, as `save_to_disk` writes them, here. No script of a data set is run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from freehold.data.delimited import Delimited
from freehold.data.jsonlines import JsonLines
from freehold.data.parquet import Arrow, Parquet
from freehold.data.sources import BadRow, Place, Row, SourceKind, Table
from freehold.data.streams import reading
from freehold.data.trees import matches
from freehold.errors import DataError
from freehold.task import digest, file_digest

__all__ = ["dataset"]

_README = "README.md"
_MARKS = ("dataset_info.json", "dataset_dict.json", "state.json")
_HEAD = re.compile(r"\A---\r?\n(.*?)\r?\n---", re.DOTALL)
_LICENCE = re.compile(r"^license:[ \t]*(?:\r?\n[ \t]*-[ \t]*)?[\"']?([A-Za-z0-9.+-]+)", re.MULTILINE)
_KEYS = re.compile(r"^(configs|dataset_info|task_categories|size_categories|pretty_name):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set's folder. Its rows come file by file, in the order of their names."""

    written: str = "DATASET/"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        if place.path is None or not place.path.is_dir():
            return False
        is_saved = any((place.path / mark).is_file() for mark in _MARKS)
        return is_saved or bool(_KEYS.search(_head(place.path)))

    def digest(self, place: Place) -> str:
        with reading(place):
            files = [[path.relative_to(place.file).as_posix(), file_digest(path)] for path in _find(place)]
        return digest([files, _declared(place.file)])

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        files = _find(place)
        yield Table(None, _rows(files, place, wanted=wanted))


def _rows(files: list[Path], place: Place, *, wanted: Collection[str]) -> Iterator[Row | BadRow]:
    licence = _declared(place.file)
    for path in files:
        name = f"{place.uri.rstrip('/')}/{path.relative_to(place.file).as_posix()}"
        here = replace(place, uri=name, path=path)
        with _kind(path).open(here, wanted) as table:
            for row in table.rows:
                if isinstance(row, Row):
                    yield row._replace(licence=licence)
                else:
                    yield row._replace(locator=f"{here.name}:{row.line}")


_KINDS: dict[str, SourceKind] = {
    ".parquet": Parquet(),
    ".jsonl": JsonLines(),
    ".jsonl.gz": JsonLines(),
    ".jsonl.zst": JsonLines(),
    ".csv": Delimited(".csv", b","),
    ".csv.gz": Delimited(".csv", b","),
    ".tsv": Delimited(".tsv", b"\t", literal_quotes=True),
    ".arrow": Arrow(),
}


def _kind(path: Path) -> SourceKind:
    return next(kind for ending, kind in _KINDS.items() if path.name.lower().endswith(ending))


def _find(place: Place) -> list[Path]:
    """Returns the tables of a data set, by name.

    Raises:
        DataError: There is none.
    """
    root = place.file
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    shown = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    tables = [name for name in shown if name.lower().endswith(tuple(_KINDS))]
    chosen = [name for name in tables if not place.files or matches(name, place.files)]
    if not chosen:
        there = f"It has {', '.join(tables[:5])}." if tables else f"A table ends in {', '.join(_KINDS)}."
        raise DataError(f"source `{place.uri}` has no table that is read.", hint=there)
    return [root / name for name in chosen]


def _head(folder: Path) -> str:
    """Returns the head of a folder's README: the lines between the first two `---`."""
    try:
        text = (folder / _README).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    match = _HEAD.match(text)
    return match[1] if match else ""


def _declared(folder: Path) -> str:
    match = _LICENCE.search(_head(folder))
    return match[1] if match else ""


dataset = Dataset()
