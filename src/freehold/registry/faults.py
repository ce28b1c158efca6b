"""What the database's and the file system's errors mean to the person at the keyboard.

Owns the translation into `freehold.errors`; raises nothing by itself.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from freehold.errors import FreeholdError, IntegrityError, StorageError

__all__ = ["explain", "full", "storing"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FREE_SPACE = "Free some space, or choose another folder with --state or FREEHOLD_STATE, and run it again."
_DATABASE_AWAY = "Check that it is up and that FREEHOLD_DB is right, then try again."


def full(folder: Path) -> StorageError:
    """Returns the error for a full disk under `folder`."""
    return StorageError(f"The disk that holds `{folder}` is full.", hint=_FREE_SPACE)


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Turns the file system's refusals into errors that name the folder.

    Raises:
        StorageError: The disk is full, or the folder cannot be read or written.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise full(folder) from error
        raise StorageError(
            f"`{error.filename or folder}` cannot be used: {error.strerror or error}.",
            hint=_writable(folder),
        ) from error


def explain(
    error: sa.exc.SQLAlchemyError, *, name: str, folder: Path, secrets: Sequence[str] = ()
) -> FreeholdError | None:
    """Returns what a database's error means, or None where it is a bug of ours.

    Args:
        error: As SQLAlchemy raised it.
        name: The database as it may be shown.
        folder: The state folder, whose disk may be the full one.
        secrets: What must not be in the message.
    """
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    for secret in secrets:
        text = text.replace(secret, "***")
    low = text.lower()
    if _is_full(error, text=low, folder=folder):
        return full(folder)
    if isinstance(error, sa.exc.TimeoutError) or "database is locked" in low:
        return StorageError(f"The database `{name}` stays busy.", hint="Try again when other runs are done.")
    if any(sign in low for sign in ("malformed", "not a database", "no such table", "no such column")):
        return IntegrityError(
            f"The database `{name}` is damaged: {text}.",
            hint="Restore it from a copy, or move it away and type: freehold run",
        )
    if any(sign in low for sign in ("readonly database", "unable to open database file")):
        return StorageError(f"The database `{name}` cannot be used: {text}.", hint=_writable(folder))
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return StorageError(f"The database `{name}` cannot be used: {text}.", hint=_DATABASE_AWAY)
    return None


def _writable(folder: Path) -> str:
    return f"Make `{folder}` a folder that you may write to, or choose another with --state."


def _is_full(error: sa.exc.SQLAlchemyError, *, text: str, folder: Path) -> bool:
    if "database or disk is full" in text or getattr(getattr(error, "orig", None), "sqlstate", "") == "53100":
        return True
    # SQLite says no more than this when it cannot grow its shared-memory file.
    return "disk i/o error" in text and shutil.disk_usage(folder).free < 1 << 16
