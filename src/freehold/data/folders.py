"""Sources that are made of documents: a folder, a zip or tar file, or one document by itself.

Each document is a row, a mailbox as many rows as it has messages. Offers the columns `text`, `label` (the name of
the first sub-folder; empty for files that lie in the root), `path`, `title`, `author`, `time` and `language`.
Files whose endings say that they are no documents are left out, unless the source's `files` names them; so is
whatever begins with a dot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from freehold.data.documents import DOCUMENT_ENDINGS, Document, DocumentReader, UnreadableError, find_format
from freehold.data.kept_documents import KeptDocuments
from freehold.data.sources import ROW_LIMIT, BadRow, Place, Row, Table, raw_text
from freehold.data.streams import has_ending, hash_file
from freehold.data.trees import TAR_ENDINGS, File, Wanted, matches, open_tar, open_zip, walk_folder
from freehold.errors import DataError
from freehold.task import digest

__all__ = ["COLUMNS", "Tree", "folder_tree", "read_files", "single_document", "tar_tree", "zip_tree"]

COLUMNS = ("text", "label", "path", "title", "author", "time", "language")

_Opening = Callable[[Place, Wanted], AbstractContextManager[Iterator[File]]]


@dataclass(frozen=True, slots=True)
class Tree:
    """A source of many documents.

    Args:
        written: How its URIs are written.
        claim: Tells whether a place is such a tree.
        opening: Opens it.
    """

    written: str
    claim: Callable[[Place], bool]
    opening: _Opening
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return self.claim(place)

    def digest(self, place: Place) -> str:
        with self.opening(place, choose(place)) as files:
            return digest([[file.name, _hash(file)] for file in _some(files, place)])

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        with self.opening(place, choose(place)) as files, _reader(place) as reader:
            yield Table(COLUMNS, read_files(_some(files, place), place, reader=reader))


def choose(place: Place, endings: tuple[str, ...] = DOCUMENT_ENDINGS) -> Wanted:
    """Returns what tells which files are read: those that the source's `files` names, or those with an ending."""
    globs = place.files
    if globs:
        return lambda name: matches(name, globs)
    return lambda name: name.lower().endswith(endings)


def _some(files: Iterable[File], place: Place) -> Iterator[File]:
    """Yields the files.

    Raises:
        DataError: There is none.
    """
    none = True
    for file in files:
        none = False
        yield file
    if none:
        what = "that " + (f"matches {' or '.join(place.files)}" if place.files else "is a document")
        hint = f'Documents end in {", ".join(DOCUMENT_ENDINGS)}; name others with files = ["*.log"].'
        raise DataError(f"source `{place.uri}` has no file {what}.", hint=hint)


def _hash(file: File) -> str:
    if file.refused:
        return file.refused
    try:
        return hashlib.sha256(file.load()).hexdigest()
    except ValueError as reason:
        return str(reason)


@contextmanager
def _reader(place: Place) -> Iterator[KeptDocuments]:
    with DocumentReader() as reader:
        yield KeptDocuments(reader, folder=place.kept)


def read_files(files: Iterable[File], place: Place, *, reader: KeptDocuments) -> Iterator[Row | BadRow]:
    """Yields a row for each document; a file that cannot be read is a bad row."""
    for file in files:
        data, locator = b"", f"{_place_file(file.name, place)}:1"
        try:
            if file.refused:
                raise UnreadableError(file.refused)
            data = file.load()
            for document in reader.read(file.name, data):
                yield document_row(document, name=file.name, place=place)
        except (UnreadableError, ValueError) as reason:
            yield BadRow(1, name_reason(file.name, str(reason)), raw_text(data), locator)


def document_row(document: Document, *, name: str, place: Place) -> Row | BadRow:
    """Returns a document as a row.

    Args:
        name: Its path below the root of its source; empty where the source is the document.
    """
    if len(document.text.encode()) > ROW_LIMIT and not place.chunk:
        reason = f"it is longer than {ROW_LIMIT:,} bytes; `chunk = 200` would split it"
        locator = f"{_place_file(name, place)}:{document.part or 1}"
        return BadRow(1, name_reason(name or place.name, reason), document.text[:200], locator)
    label = name.partition("/")[0] if "/" in name else ""
    cells: dict[str, object] = {
        "text": document.text,
        "label": label,
        "path": name or place.name,
        "title": document.title,
        "author": document.author,
        "time": document.time,
        "language": document.language,
    }
    return Row(
        1,
        f"{_place_file(name, place)}:{document.part or 1}",
        cells,
        document.text[:200],
        licence=document.licence,
        author=document.author,
        time=document.time,
    )


def _place_file(name: str, place: Place) -> str:
    """Returns what stands before the number in the locator of a file's row."""
    return f"{place.name.rstrip('/')}/{name}" if name else place.name


def name_reason(name: str, reason: str) -> str:
    """Returns why a file is refused, with its name: "it is empty" becomes "`a.txt` is empty"."""
    name = name if name.isprintable() else name.encode("unicode_escape").decode()
    return f"`{name}` {reason[3:]}" if reason.startswith("it ") else f"`{name}`: {reason}"


@dataclass(frozen=True, slots=True)
class _Single:
    """One document as a source."""

    written: str = "FILE.pdf"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.path is not None and not place.path.is_dir() and bool(find_format(place.path.name))

    def digest(self, place: Place) -> str:
        return hash_file(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        hash_file(place)
        file = File("", place.file.read_bytes)
        with _reader(place) as reader:
            yield Table(COLUMNS, _read_single(file, place, reader=reader))


def _read_single(file: File, place: Place, *, reader: KeptDocuments) -> Iterator[Row | BadRow]:
    try:
        for document in reader.read(place.file.name, file.load()):
            yield document_row(document, name="", place=place)
    except UnreadableError as reason:
        raise DataError(f"source {name_reason(place.uri, str(reason))}.") from reason


def _is_folder(place: Place) -> bool:
    return place.path is not None and (place.path.is_dir() or place.uri.endswith("/"))


def _is_tar(place: Place) -> bool:
    return place.path is not None and not place.path.is_dir() and place.path.name.lower().endswith(TAR_ENDINGS)


@contextmanager
def _open_folder(place: Place, wanted: Wanted) -> Iterator[Iterator[File]]:
    yield iter(walk_folder(place, wanted))


folder_tree = Tree("FOLDER/", _is_folder, _open_folder)
zip_tree = Tree("FILE.zip", lambda place: has_ending(place, ".zip"), open_zip)
tar_tree = Tree("FILE.tar[.gz|.bz2|.xz]", _is_tar, open_tar)
single_document = _Single()
