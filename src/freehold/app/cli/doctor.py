"""`freehold doctor`: whether this machine has what the line needs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.errors import FreeholdError

__all__ = ["Finding", "doctor"]

_LIBRARIES = ("torch", "transformers", "peft", "onnxruntime", "sqlalchemy", "starlette")
_MEMORY_NEEDED = 2 << 30
_DISK_NEEDED = 1 << 30


class Finding(NamedTuple):
    """One thing that was looked at. `value` says what was found, or what to do where it is not well."""

    name: str
    well: bool
    value: str


def doctor(folder: Folder = Path(), state: State = None, as_json: AsJson = False) -> int:
    """Check the machine, the libraries, the base weights, the state and the database."""
    findings = list(_findings(folder, state))
    well = all(finding.well for finding in findings)
    if as_json:
        print_document({"well": well, "findings": [finding._asdict() for finding in findings]})
    else:
        rows = [("ok" if each.well else "WRONG", each.name, each.value) for each in findings]
        print_table(("", "what", "found"), rows)
        print_line("All is well." if well else "Something is wrong; see above.")
    return Code.DONE if well else Code.FAILED_CHECK


def _findings(folder: Path, state: Path | None) -> Iterator[Finding]:
    from freehold.line import state_folder, thread_count

    place = state_folder(folder, state=state)
    yield Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} at {sys.executable}")
    yield _attempt("cores", lambda: f"{os.cpu_count()}, of which {thread_count()} are used")
    yield _memory()
    yield _disk(place)
    for library in _LIBRARIES:
        yield _library(library)
    yield _attempt("base weights", lambda: _base(folder))
    yield _attempt("state", lambda: _writable(place))
    yield _attempt("database", lambda: _database(place))


def _attempt(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except FreeholdError as problem:
        return Finding(name, False, str(problem))
    except OSError as problem:
        return Finding(name, False, f"{problem.strerror}: `{problem.filename}`")


def _memory() -> Finding:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding("memory", size >= _MEMORY_NEEDED, f"{size / (1 << 30):.1f} GiB (2 are needed)")


def _disk(place: Path) -> Finding:
    free = shutil.disk_usage(_nearest(place)).free
    return Finding("disk", free >= _DISK_NEEDED, f"{free / (1 << 30):.1f} GiB free (1 is needed)")


def _library(name: str) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, f"not installed. Type: pip install {name}")


def _base(folder: Path) -> str:
    from freehold.engine import find_base
    from freehold.task import TASK_FILE, load_task

    name = load_task(folder).base if (folder / TASK_FILE).is_file() else "minilm"
    base = find_base(name, relative_to=folder)
    return f"{base.name} in {base.folder}, sha256 as published" if name == "minilm" else f"{base.name}"


def _writable(place: Path) -> str:
    """Writes and removes a file next to where the state is, without making the state."""
    import tempfile

    with tempfile.NamedTemporaryFile(dir=_nearest(place)) as file:
        file.write(b"freehold")
        file.flush()
        os.fsync(file.fileno())
    return f"{place}, can be written" if place.is_dir() else f"{place}, not there yet, can be made"


def _database(place: Path) -> str:
    from freehold.registry import Registry

    if not place.is_dir() and not os.environ.get("FREEHOLD_DB"):
        return "SQLite, made by the first run"
    with Registry.open(place) as shelf:
        shelf.champion_version("doctor")  # any question will do
    return "PostgreSQL or other, by FREEHOLD_DB: answers" if os.environ.get("FREEHOLD_DB") else "SQLite: answers"


def _nearest(place: Path) -> Path:
    """Returns the nearest folder above a path that is there."""
    place = place.absolute()
    while not place.is_dir():
        place = place.parent
    return place
