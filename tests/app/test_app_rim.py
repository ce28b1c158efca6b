"""Whatever goes wrong becomes a message, a hint and an exit code; a user never sees a traceback."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.app.cli.rim import explain, guarded
from freehold.errors import (
    CheckError,
    DataError,
    FreeholdError,
    IntegrityError,
    MissingExtraError,
    Mistake,
    NotFoundError,
    OperatorError,
    PluginError,
    StorageError,
    TaskFileError,
    UserError,
)


class WrapperError(Exception):
    """An error around another one, as database libraries have it."""

    def __init__(self, orig: BaseException) -> None:
        super().__init__("wrapped")
        self.orig = orig


def full_database() -> sqlite3.OperationalError:
    problem = sqlite3.OperationalError("database or disk is full")
    problem.sqlite_errorcode = sqlite3.SQLITE_FULL
    return problem


def behind(cause: BaseException) -> Exception:
    problem = RuntimeError("a library gave up")
    problem.__cause__ = cause
    return problem


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/mnt/weights")

TROUBLES: list[tuple[BaseException, int, str, str]] = [
    (UserError("Mended by you.", hint="Do this."), 2, "UserError", "Mended by you."),
    (TaskFileError("task.toml", [Mistake(3, "wrong")]), 2, "TaskFileError", "task.toml:3: wrong"),
    (DataError("bad"), 2, "DataError", "bad"),
    (NotFoundError("gone"), 2, "NotFoundError", "gone"),
    (CheckError("found"), 1, "CheckError", "found"),
    (IntegrityError("damaged"), 1, "IntegrityError", "damaged"),
    (OperatorError("away"), 2, "OperatorError", "away"),
    (StorageError("full"), 2, "StorageError", "full"),
    (MissingExtraError("ray", "ray"), 2, "MissingExtraError", "`ray` is not installed"),
    (PluginError("broken"), 3, "PluginError", "broken"),
    (FreeholdError("other"), 3, "FreeholdError", "other"),
    (MemoryError(), 2, "MemoryError", "no memory left"),
    (FULL, 2, "StorageError", "The disk is full (while writing `/mnt/weights`)."),
    (OSError(errno.EDQUOT, "quota"), 2, "StorageError", "The disk is full."),
    (full_database(), 2, "StorageError", "The disk is full."),
    (WrapperError(full_database()), 2, "StorageError", "The disk is full."),
    (behind(FULL), 2, "StorageError", "/mnt/weights"),
    (behind(MemoryError()), 2, "MemoryError", "no memory"),
    (PermissionError(errno.EACCES, "Permission denied", "/root/x"), 2, "StorageError", "`/root/x` may not be"),
    (ZeroDivisionError("division by zero"), 3, "ZeroDivisionError", "division by zero"),
    (sqlite3.OperationalError("no such table"), 3, "OperationalError", "no such table"),
]


@pytest.mark.parametrize(("problem", "code", "kind", "words"), TROUBLES)
def test_everything_has_a_code_and_words(problem: BaseException, code: int, kind: str, words: str) -> None:
    trouble = explain(problem)
    assert (trouble.code, trouble.type) == (code, kind)
    assert words in trouble.message


def failing(problem: BaseException) -> int:
    @guarded
    def command(as_json: bool = False) -> int:
        raise problem

    return command(as_json=True)


@pytest.mark.parametrize(("problem", "code", "kind", "words"), TROUBLES)
def test_scripts_get_a_document(
    problem: BaseException, code: int, kind: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(problem) == code
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert set(error) == {"message", "type", "hint"}
    assert error["type"] == kind
    assert words in said.err
    assert ("Traceback" in said.err) == (code == 3)


def test_an_interrupt_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


# what only a process of its own shows

PROGRAM = [sys.executable, "-c", "from freehold.app.cli import main; main()"]


def start(*words: object, **streams: int) -> subprocess.CompletedProcess[bytes]:
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **streams}
    return subprocess.run([*PROGRAM, *map(str, words)], check=False, timeout=120, **kept)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def broken_pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["doctor", "--json"], ["run", "/nowhere", "--json"]])
def test_nobody_reads_on(words: list[str], broken_pipe: int) -> None:
    done = start(*words, stdout=broken_pipe)
    assert done.returncode == (2 if "run" in words else 141)
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["doctor"], ["doctor", "--json"]])
def test_the_disk_is_full_where_the_output_goes(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = start(*words, stdout=full.fileno())
        assert done.returncode == 2
        assert done.stderr.startswith(b"The disk is full.")
        assert b"Traceback" not in done.stderr
        assert start(*words, stdout=full.fileno(), stderr=full.fileno()).returncode == 2


def test_closed_streams_do_not_matter() -> None:
    line = " ".join([f"'{PROGRAM[0]}'", "-c", f"'{PROGRAM[2]}'", "--version", "<&-", ">&-", "2>&-"])
    assert subprocess.run(["sh", "-c", line], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["rnu"], "Did you mean 'run'"),
        (["run", "--nope"], "No such option: --nope"),
        (["run", "a", "b"], "unexpected extra argument"),
        (["evaluate"], "Missing option '--data'"),
        (["init"], "Missing argument"),
        (["serve", "--port", "many"], "--port"),
        ([], ""),
    ],
)
def test_usage_errors_exit_with_2(words: list[str], message: str) -> None:
    done = start(*words)
    assert done.returncode == 2
    assert message in done.stderr.decode() + done.stdout.decode()
    if words:
        document = json.loads(start(*words, "--json").stdout)
        assert document["error"]["type"] == "UsageError"
        assert document["error"]["hint"].startswith("Type: freehold")
