"""Git repositories as sources: the files of a revision (`git:PATH@REV`), or its commits (`git-log:PATH@REV`).

Owns how git is asked. Objects are read and nothing is checked out, so that no hook and no filter of the
repository runs. Files come by name as from a folder, code as well as documents; the columns of commits are
`text` (the message), `subject`, `author`, `time`, `commit` and `files`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from freehold.data.documents import DOCUMENT_ENDINGS, DocumentReader
from freehold.data.folders import COLUMNS, choose, read_files
from freehold.data.kept_documents import KeptDocuments
from freehold.data.sources import BadRow, Place, Row, Table
from freehold.data.trees import FILE_LIMIT, File, Wanted
from freehold.errors import DataError
from freehold.task import digest

__all__ = ["CODE_ENDINGS", "commits", "repository"]

CODE_ENDINGS = tuple(
    f".{ending}"
    for ending in [
        "c",
        "cc",
        "cpp",
        "cs",
        "css",
        "cxx",
        "dart",
        "ex",
        "exs",
        "go",
        "h",
        "hpp",
        "hs",
        "java",
        "jl",
        "js",
        "json",
        "jsx",
        "kt",
        "lua",
        "m",
        "mjs",
        "php",
        "pl",
        "proto",
        "py",
        "pyi",
        "r",
        "rb",
        "rs",
        "scala",
        "sh",
        "sql",
        "swift",
        "toml",
        "ts",
        "tsx",
        "vue",
        "xml",
        "yaml",
        "yml",
        "zig",
    ]
)
"""The endings of the files that are read as code."""

_FORM = re.compile(r"(?P<kind>git|git-log):(?P<path>.+?)(?:@(?P<revision>[^@]+))?")
_SECONDS = 600
_LICENCE = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n*]+?)[ \t]*(?:\*/|-->)?[ \t]*$", re.MULTILINE)
_HEAD = 2000
_FIELDS = ("%H", "%an", "%aI", "%s", "%B")


class _Revision(NamedTuple):
    """A revision of a repository on this machine."""

    folder: Path
    commit: str

    def ask(self, *words: str) -> bytes:
        return _git(self.folder, *words)


@dataclass(frozen=True, slots=True)
class Repository:
    """The files of a revision."""

    written: str = "git:FOLDER[@REVISION]"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.uri.startswith("git:")

    def digest(self, place: Place) -> str:
        return digest([_find(place).commit, list(place.files)])

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        revision = _find(place)
        listed = _list_files(revision, choose(place, DOCUMENT_ENDINGS + CODE_ENDINGS))
        if not listed:
            hint = 'Name those that are to be read: files = ["*.txt"].'
            raise DataError(f"source `{place.uri}` has no file that is a document or code.", hint=hint)
        with DocumentReader() as reader, _blobs(revision) as load:
            files = (File(each.name, partial(load, each.blob), each.refused) for each in listed)
            rows = read_files(files, place, reader=KeptDocuments(reader, folder=place.kept))
            yield Table(COLUMNS, map(_declared, rows))


@dataclass(frozen=True, slots=True)
class Commits:
    """The commits that a revision has behind it, the newest first."""

    written: str = "git-log:FOLDER[@REVISION]"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return place.uri.startswith("git-log:")

    def digest(self, place: Place) -> str:
        return _find(place).commit

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        columns = ("text", "subject", "author", "time", "commit", "files")
        yield Table(columns, _commits(_find(place), place))


def _declared(row: Row | BadRow) -> Row | BadRow:
    """Returns a file's row with the licence that its first lines declare."""
    if isinstance(row, BadRow):
        return row
    match = _LICENCE.search(str(row.cells["text"])[:_HEAD])
    return row._replace(licence=match[1].strip()) if match else row


def _find(place: Place) -> _Revision:
    """Returns the revision that a place names.

    Raises:
        DataError: There is no such repository or no such revision, or git is not installed.
    """
    match = _FORM.fullmatch(place.uri)
    if match is None:
        raise DataError(
            f"source `{place.uri}` names no repository.", hint="Write git:FOLDER or git:FOLDER@REVISION."
        )
    folder, revision = place.folder / Path(match["path"]).expanduser(), match["revision"] or "HEAD"
    if not folder.is_dir():
        raise DataError(f"source `{place.uri}` is not there.", hint=f"There is no folder `{folder}`.")
    try:
        top = _git(folder, "rev-parse", "--absolute-git-dir").decode().strip()
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except DataError as error:
        if "not a git repository" in str(error):
            raise DataError(f"source `{place.uri}`: `{folder}` is no git repository.") from error
        if error.message.startswith("git has"):
            hint = f"`git -C {folder} log --oneline` lists them."
            raise DataError(f"source `{place.uri}` has no revision {revision!r}.", hint=hint) from error
        raise
    return _Revision(Path(top), commit.decode().strip())


class _Listed(NamedTuple):
    """A file of a revision, and the name of its content."""

    name: str
    blob: str
    refused: str


def _list_files(revision: _Revision, wanted: Wanted) -> list[_Listed]:
    listed = revision.ask("ls-tree", "-r", "-z", "--long", "--full-tree", revision.commit)
    files = []
    for entry in listed.split(b"\0")[:-1]:
        head, _, raw = entry.partition(b"\t")
        mode, kind, name, size = head.decode().split()
        path = raw.decode(errors="replace")
        hidden = any(part.startswith(".") for part in path.split("/"))
        if kind == "blob" and mode != "120000" and not hidden and wanted(path):
            refused = f"it is longer than {FILE_LIMIT:,} bytes" if int(size) > FILE_LIMIT else ""
            files.append(_Listed(path, name, refused))
    return sorted(files)


@contextmanager
def _blobs(revision: _Revision) -> Iterator[Callable[[str], bytes]]:
    """Opens what gives contents by their names: one git for all of them."""
    command, environment = _command(revision.folder, "cat-file", "--batch")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        asking, answering = process.stdin, process.stdout
        assert asking is not None
        assert answering is not None

        def load(name: str) -> bytes:
            asking.write(name.encode() + b"\n")
            asking.flush()
            head = answering.readline().split()
            if len(head) != 3:
                raise ValueError("it is damaged (git does not have its content)")
            return answering.read(int(head[2]) + 1)[:-1]

        try:
            yield load
        finally:
            process.kill()


def _commits(revision: _Revision, place: Place) -> Iterator[Row | BadRow]:
    form = "%x1e" + "%x1f".join(_FIELDS) + "%x1f"
    told = revision.ask("log", f"--format={form}", "--name-only", "-z", "--no-renames", revision.commit)
    for number, entry in enumerate(told.decode(errors="replace").split("\x1e")[1:], start=1):
        commit, author, time, subject, message, names = entry.split("\x1f", 5)
        files = [name.strip("\n") for name in names.split("\0") if name.strip("\n")]
        cells: dict[str, object] = {
            "text": message.strip(),
            "subject": subject,
            "author": author,
            "time": time,
            "commit": commit,
            "files": "\n".join(files),
        }
        yield Row(number, f"{place.name}:{commit[:12]}", cells, subject[:200], author=author, time=time)


def _git(folder: Path, *words: str) -> bytes:
    """Returns what git answers.

    Raises:
        DataError: git is not installed, takes too long, or says no.
    """
    command, environment = _command(folder, *words)
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, env=environment)
    except FileNotFoundError as error:
        raise DataError("git is not installed, which reads repositories.", hint="Install git.") from error
    except subprocess.TimeoutExpired as error:
        raise DataError(f"git has not answered within {_SECONDS} s.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise DataError(f"git has said no: {said[-1] if said else f'exit {done.returncode}'}.")
    return done.stdout


def _command(folder: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    """Returns a call of git and its environment: no settings but the repository's, and no other program."""
    settings = (
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "log.showSignature=false",
        "protocol.allow=never",
    )
    command = ["git", "-C", str(folder), *(word for each in settings for word in ("-c", each)), *words]
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    closed = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    return command, kept | closed | {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


repository = Repository()
commits = Commits()
