"""Reads documents in a process of its own, so that a bad one harms nothing.

Owns that process: it is started with the first document, killed where one takes too long, and started again after
it died. Text files, which nothing needs to parse, are read here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Timer
from types import TracebackType
from typing import IO, Any

from freehold.data.documents.document import Document, UnreadableError
from freehold.data.documents.formats import find_format
from freehold.data.documents.worker import JOB, REPLY

__all__ = ["SECONDS", "DocumentReader"]

SECONDS = 60.0
"""How long one file may take."""

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")
"""What the process sees of the environment: no key and no password."""


class DocumentReader:
    """Reads documents, one after the other; close it, or use it in a `with`.

    Args:
        seconds: How long one file may take.

    Example:
        >>> with DocumentReader() as reader:
        ...     reader.read("note.txt", b"Bring milk.")[0].text
        'Bring milk.'
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DocumentReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def read(self, name: str, data: bytes) -> list[Document]:
        """Returns the documents in a file, usually one.

        Args:
            name: The file's name; its ending tells the format. One without a known ending is read as text.

        Raises:
            UnreadableError: It cannot be read; the reason is the error's text.
        """
        form = find_format(name) or "text"
        if not data.strip():
            raise UnreadableError("it is empty")
        if form == "text":
            return [Document(_decode(data))]
        return self._ask(form, data)

    def _ask(self, form: str, data: bytes) -> list[Document]:
        process = self._process or self._start()
        late = Timer(self._seconds, process.kill)
        late.start()
        try:
            reply = _converse(process, form.encode(), data)
        except (OSError, EOFError) as error:
            alive = late.is_alive()
            self.close()
            raise UnreadableError(self._why(process, in_time=alive)) from error
        finally:
            late.cancel()
        if "reason" in reply:
            raise UnreadableError(str(reply["reason"]))
        return [Document(*each) for each in reply["documents"]]

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "freehold.data.documents.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
        return self._process

    def _why(self, process: subprocess.Popen[bytes], *, in_time: bool) -> str:
        if not in_time:
            return f"reading it takes longer than {self._seconds:g} s"
        code = process.returncode
        if code is not None and code < 0:
            with suppress(ValueError):
                return f"its parser died of {signal.Signals(-code).name}"
        return "its parser died"


def _converse(process: subprocess.Popen[bytes], form: bytes, data: bytes) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(JOB.pack(len(form), len(data)) + form)
    process.stdin.write(data)
    process.stdin.flush()
    (size,) = REPLY.unpack(_take(process.stdout, REPLY.size))
    reply: dict[str, Any] = json.loads(_take(process.stdout, size))
    return reply


def _take(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _decode(data: bytes) -> str:
    """Returns the text of a text file, which is UTF-8 unless it begins with the mark of UTF-16."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise UnreadableError("it is not the UTF-16 that its first bytes say") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not UTF-8: byte {data[error.start]:#04x} at {error.start}") from error
    if "\0" in text:
        raise UnreadableError("it has a NUL byte")
    return text
