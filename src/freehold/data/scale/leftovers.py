"""What a run has on the disk while it goes on, and what runs that were killed have left there.

Owns names that tell whose something is: a process's number. Knows nothing of what is kept.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from freehold.errors import StorageError

__all__ = ["replacing", "scratch"]

_PREFIX = ".freehold-scale-"


@contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """Gives an empty folder below a place, which is deleted at the end.

    Raises:
        StorageError: It cannot be made.
    """
    _sweep(place)
    try:
        folder = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place)
    except OSError as error:
        raise StorageError(f"a folder in `{place}` could not be made: {error.strerror}.") from error
    with folder as name:
        yield Path(name)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Gives a place to write to, which becomes the target once it is on the disk."""
    _sweep(target.parent)
    unfinished = target.with_name(f"{_PREFIX}{os.getpid()}-{target.name}")
    try:
        yield unfinished
        _sync(unfinished)
        unfinished.replace(target)
        _sync(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sweep(place: Path) -> None:
    """Deletes what processes that are gone have left."""
    for old in place.glob(f"{_PREFIX}*"):
        owner = old.name[len(_PREFIX) :].partition("-")[0]
        if owner.isdigit() and not _is_running(int(owner)):
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
