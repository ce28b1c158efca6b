"""Trees of files: a folder, a zip or tar file, a git revision; each gives its files by name, and their bytes.

Owns what is looked at and what is refused: names that lead out of the tree, links, devices, files that are packed
beyond reason. Nothing is ever unpacked onto the disk. Knows nothing of formats.
"""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from freehold.data.sources import Place
from freehold.data.streams import find_file, reading
from freehold.errors import DataError

__all__ = [
    "FILE_LIMIT",
    "TAR_ENDINGS",
    "TREE_LIMIT",
    "File",
    "Wanted",
    "matches",
    "open_tar",
    "open_zip",
    "walk_folder",
]

FILE_LIMIT = 100_000_000
"""The most bytes that one file of a tree may have."""

TREE_LIMIT = 10_000_000_000
"""The most bytes that a packed tree may come to, unpacked."""

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

Wanted = Callable[[str], bool]
"""Tells by a file's name below the root, with `/`, whether it is to be read."""


class File(NamedTuple):
    """One file of a tree.

    Attributes:
        name: Its path below the root, with `/`.
        load: Returns its bytes.
        refused: Why it is not read; empty where it is.
    """

    name: str
    load: Callable[[], bytes]
    refused: str = ""


def matches(name: str, globs: tuple[str, ...]) -> bool:
    """Tells whether a path matches one of the patterns: `*.md` by its last part, `guide/*` from the root."""
    last = name.rsplit("/", 1)[-1]
    return any(fnmatchcase(name if "/" in glob else last, glob) for glob in globs)


def walk_folder(place: Place, wanted: Wanted) -> list[File]:
    """Returns the files below a folder, sorted by name; whatever begins with a dot is left out.

    Links to files are followed, links to folders are not.

    Raises:
        DataError: There is no such folder.
    """
    root = place.file
    if not root.is_dir():
        raise DataError(f"source `{place.uri}` is not there.", hint=f"There is no folder `{root}`.")
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            below_root = path.relative_to(root).as_posix()
            if not name.startswith(".") and wanted(below_root) and path.is_file():
                found.append(File(below_root, _loading(path, place), _too_large(path.stat().st_size)))
    return sorted(found, key=lambda file: file.name)


def _loading(path: Path, place: Place) -> Callable[[], bytes]:
    def load() -> bytes:
        with reading(Place(f"{place.uri.rstrip('/')}/{path.name}", path)):
            return path.read_bytes()

    return load


@contextmanager
def open_zip(place: Place, wanted: Wanted) -> Iterator[Iterator[File]]:
    """Opens a zip file.

    Raises:
        DataError: It is missing or damaged as a whole.
    """
    path = find_file(place)
    try:
        with reading(place), path.open("rb") as file, zipfile.ZipFile(file) as packed:
            yield _zip_files(packed, wanted)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise DataError(f"source `{place.uri}` is damaged: {str(error).rstrip('.')}.") from error


def _zip_files(packed: zipfile.ZipFile, wanted: Wanted) -> Iterator[File]:
    allowance = _Allowance()
    for info in sorted(packed.infolist(), key=lambda each: each.filename):
        if not info.filename or info.is_dir() or not _is_shown(info.filename) or not wanted(info.filename):
            continue
        refused = _odd_name(info.filename) or allowance.refuse(info.file_size)
        if info.flag_bits & 1:
            refused = "it is protected by a password"
        elif stat.S_ISLNK(info.external_attr >> 16):
            refused = "it is a link"

        def load(info: zipfile.ZipInfo = info) -> bytes:
            with packed.open(info) as member:
                return _bounded(member)

        yield File(info.filename, load, refused)


@contextmanager
def open_tar(place: Place, wanted: Wanted) -> Iterator[Iterator[File]]:
    """Opens a tar file, packed or not. Its files come in the order in which they lie.

    Raises:
        DataError: It is missing or damaged.
    """
    path = find_file(place)
    try:
        with reading(place), tarfile.open(path, "r:*") as packed:
            yield _tar_files(packed, wanted)
    except (tarfile.TarError, ValueError) as error:
        raise DataError(f"source `{place.uri}` is damaged: {str(error).rstrip('.')}.") from error


def _tar_files(packed: tarfile.TarFile, wanted: Wanted) -> Iterator[File]:
    allowance = _Allowance()
    for info in packed:
        if info.isdir() or not _is_shown(info.name) or not wanted(info.name):
            continue
        refused = _odd_name(info.name) or allowance.refuse(info.size)
        if not info.isreg():
            refused = "it is a link" if info.issym() or info.islnk() else "it is no plain file"

        def load(info: tarfile.TarInfo = info) -> bytes:
            member = packed.extractfile(info)
            assert member is not None
            with member:
                return _bounded(member)

        yield File(info.name, load, refused)


class _Allowance:
    """How much a packed tree may still come to."""

    def __init__(self) -> None:
        self._left = TREE_LIMIT

    def refuse(self, size: int) -> str:
        """Returns why a file of this size is refused; empty where it is not."""
        reason = _too_large(size)
        if not reason and size > self._left:
            reason = f"the files before it come to {TREE_LIMIT:,} bytes already"
        self._left -= 0 if reason else size
        return reason


def _too_large(size: int) -> str:
    return f"it is longer than {FILE_LIMIT:,} bytes" if size > FILE_LIMIT else ""


def _bounded(member: IO[bytes]) -> bytes:
    """Returns the bytes of a packed file, which may be more than its entry says.

    Raises:
        ValueError: They are too many, or damaged; the reason is the error's text.
    """
    try:
        data = member.read(FILE_LIMIT + 1)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, NotImplementedError) as error:
        raise ValueError(f"it is damaged ({str(error).rstrip('.') or type(error).__name__})") from error
    if len(data) > FILE_LIMIT:
        raise ValueError(_too_large(len(data)))
    return data


def _is_shown(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not any(part.startswith(".") and part not in (".", "..") for part in parts)


def _odd_name(name: str) -> str:
    """Returns what is wrong with a name in a packed tree; empty where nothing is."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        return "its name leads out of the archive"
    return "its name has a control character" if any(ord(mark) < 32 for mark in name) else ""
