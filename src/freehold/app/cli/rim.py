"""The rim of the program: whatever goes wrong becomes a message, a hint and an exit code."""

from __future__ import annotations

import errno
import functools
import io
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, ParamSpec, TextIO

from freehold.app.cli.options import Code
from freehold.app.cli.paper import print_document, remark
from freehold.errors import FreeholdError

__all__ = ["Trouble", "at_the_rim", "explain", "guarded", "prepare_streams", "report_trouble"]

P = ParamSpec("P")


class Trouble(NamedTuple):
    """What went wrong, for a person and for a script."""

    message: str
    type: str
    hint: str
    code: int


def guarded(command: Callable[P, int]) -> Callable[P, int]:
    """Returns a command that answers with an exit code whatever happens in it."""

    @functools.wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> int:
        return at_the_rim(lambda: command(*args, **kwargs), as_json=bool(kwargs.get("as_json")))

    return call


def at_the_rim(work: Callable[[], int], *, as_json: bool) -> int:
    """Does something and returns its exit code, or says what went wrong and returns the code for that."""
    try:
        code = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return report_trouble(Trouble("Interrupted.", "Interrupted", "", Code.INTERRUPTED), as_json=as_json)
    except BrokenPipeError:
        _silence(sys.stdout)
        return int(Code.PIPE_CLOSED)
    except Exception as problem:  # noqa: BLE001 - the rim: nothing above this can say it better
        trouble = explain(problem)
        if trouble.code == Code.BUG:
            traceback.print_exception(problem)
        return report_trouble(trouble, as_json=as_json)
    return code


def explain(problem: BaseException) -> Trouble:
    """Returns what to say about an exception, and the exit code that goes with who must act."""
    kind = type(problem).__name__
    if isinstance(problem, FreeholdError):
        return Trouble(problem.message, kind, problem.hint, problem.exit_code)
    for cause in _causes(problem):
        if isinstance(cause, MemoryError):
            hint = "Close other programs, or run with fewer threads: FREEHOLD_THREADS=1."
            return Trouble("The machine has no memory left.", "MemoryError", hint, Code.MISTAKE)
        if _is_disk_full(cause):
            where = getattr(cause, "filename", None)
            place = f" (while writing `{where}`)" if where else ""
            hint = "Free some space, or put the state elsewhere with --state. What was recorded is kept."
            return Trouble(f"The disk is full{place}.", "StorageError", hint, Code.MISTAKE)
        if isinstance(cause, PermissionError) and cause.filename:
            message = f"`{cause.filename}` may not be read or written: {cause.strerror}."
            return Trouble(message, "StorageError", "Check its owner and mode.", Code.MISTAKE)
    hint = "This is a bug in Freehold. Please report it with the lines above."
    return Trouble(f"{kind}: {problem}", kind, hint, Code.BUG)


def report_trouble(trouble: Trouble, *, as_json: bool) -> int:
    """Says it on stderr, and as a document on stdout where JSON was asked for. Returns the exit code."""
    try:
        if as_json:
            error = {"message": trouble.message, "type": trouble.type, "hint": trouble.hint}
            print_document({"error": error})
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout)
    red, dim, off = ("\x1b[31m", "\x1b[2m", "\x1b[0m") if _is_colourful() else ("", "", "")
    try:
        remark(f"{red}{trouble.message}{off}")
        if trouble.hint:
            remark(f"{dim}{trouble.hint}{off}")
    except OSError:
        _silence(sys.stderr)
    return int(trouble.code)


def prepare_streams() -> None:
    """Makes every standard stream usable: one that was closed leads nowhere, one that cannot say é says so."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_colourful() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _silence(stream: TextIO) -> None:
    """Points a broken stream nowhere, so that the interpreter's last flush stays silent too."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """Yields an exception and what lies behind it, database wrappers included."""
    seen: set[int] = set()
    current: BaseException | None = problem
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = getattr(current, "orig", None)
        current = inner if isinstance(inner, BaseException) else current.__cause__


def _is_disk_full(problem: BaseException) -> bool:
    if isinstance(problem, sqlite3.OperationalError):
        return getattr(problem, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)
