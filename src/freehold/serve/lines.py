"""The lines of a batch: requests in, answers out.

Owns both shapes and the limits on the first, as functions over a file. Knows nothing of models, nor of where the
files lie.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from freehold.serve.bodies import parse
from freehold.serve.faults import Fault
from freehold.serve.inputs import named
from freehold.task import Json

__all__ = [
    "ENDPOINTS",
    "TASK",
    "Checked",
    "Line",
    "Wrong",
    "answer_line",
    "check_lines",
    "read_lines",
    "unasked_line",
]

ENDPOINTS = ("/v1/decisions", "/v1/systemone", "/v1/chat/completions", "/v1/embeddings")
TASK = re.compile(r"/v1/tasks/([a-z0-9-]+(?:@[0-9]{1,9})?)")
_MOST_WRONG = 100
_ID_LENGTH = 512
_AROUND = 16 * 1024
"""What a line may have around its body."""


class Line(NamedTuple):
    """One request.

    Attributes:
        number: Where it stands in the file, from 1.
        end: Where the next line begins, in bytes.
    """

    number: int
    custom_id: str
    body: Json
    end: int


class Wrong(NamedTuple):
    """What is wrong with a file, and in which line; None where in none."""

    code: str
    message: str
    param: str | None
    line: int | None

    def to_json(self) -> dict[str, Json]:
        """Returns it in OpenAI's shape."""
        return dict(self._asdict())


class Checked(NamedTuple):
    """How many requests a file has, and everything that is wrong with it, or the first hundred things."""

    total: int
    wrong: Sequence[Wrong]


def check_lines(path: Path, *, endpoint: str, most: int, size: int) -> Checked:
    """Reads a whole file.

    Args:
        most: The most lines.
        size: The most bytes of a body.
    """
    wrong: list[Wrong] = []
    seen: dict[str, int] = {}
    total = 0
    with path.open("rb") as file:
        for number, raw in _raw_lines(file, size=size):
            total += 1
            if total > most:
                wrong.append(Wrong("too_many_lines", f"The file has more than {most:,} requests.", None, number))
            if len(wrong) >= _MOST_WRONG or total > most:
                break
            try:
                custom_id = _read(raw, number=number, endpoint=endpoint, size=size)[0]
            except _WrongError as error:
                wrong.append(error.wrong)
                continue
            if (first := seen.setdefault(custom_id, number)) != number:
                message = f"`custom_id` {custom_id[:60]!r} stands in line {first} already."
                wrong.append(Wrong("duplicate_custom_id", message, "custom_id", number))
    if not total:
        wrong.append(Wrong("empty_file", "The file has no requests.", None, None))
    return Checked(total, wrong)


def read_lines(path: Path, *, start: int, line: int, endpoint: str, size: int) -> Iterator[Line]:
    """Yields the requests of a file that was checked.

    Args:
        start: Where to begin, in bytes.
        line: How many lines come before.
    """
    with path.open("rb") as file:
        file.seek(start)
        for number, raw in _raw_lines(file, size=size, before=line):
            custom_id, body = _read(raw, number=number, endpoint=endpoint, size=size)
            yield Line(number, custom_id, body, file.tell())


def answer_line(line: Line, *, id: str, request: str, status: int, body: bytes) -> bytes:
    """Returns what a file of answers or errors says of one request.

    Args:
        body: JSON without line ends.
    """
    head = json.dumps({"id": id, "custom_id": line.custom_id}, ensure_ascii=False)[:-1].encode()
    response = json.dumps({"status_code": status, "request_id": request})[:-1].encode()
    return b'%s, "response": %s, "body": %s}, "error": null}\n' % (head, response, body)


def unasked_line(line: Line, *, id: str, code: str, message: str) -> bytes:
    """Returns what a file of errors says of a request that was not made."""
    error = {"code": code, "message": message}
    shown = {"id": id, "custom_id": line.custom_id, "response": None, "error": error}
    return json.dumps(shown, ensure_ascii=False).encode() + b"\n"


class _WrongError(Exception):
    def __init__(self, code: str, message: str, param: str | None, line: int) -> None:
        super().__init__(message)
        self.wrong = Wrong(code, message, param, line)


def _raw_lines(file: IO[bytes], *, size: int, before: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yields lines that are not blank, each with its number; of one that is too long only the beginning."""
    most = size + _AROUND
    while raw := file.readline(most + 1):
        before += 1
        rest = raw
        while len(rest) > most and not rest.endswith(b"\n"):
            rest = file.readline(most + 1)
        if raw.strip():
            yield before, raw


def _read(raw: bytes, *, number: int, endpoint: str, size: int) -> tuple[str, Json]:
    """Returns a line's custom id and body."""
    if len(raw) > size + _AROUND:
        raise _WrongError("line_too_large", f"The line is larger than {size + _AROUND:,} bytes.", None, number)
    try:
        value = parse(raw)
    except Fault as fault:
        message = fault.message.replace("The body", "The line", 1)
        raise _WrongError("invalid_json_line", message, None, number) from None
    if not isinstance(value, dict):
        message = f"A line is an object with `custom_id`, `method`, `url` and `body`, not {named(value)}."
        raise _WrongError("invalid_json_line", message, None, number)
    custom_id = value.get("custom_id")
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= _ID_LENGTH:
        message = f"`custom_id` is a string of 1 to {_ID_LENGTH} characters."
        raise _WrongError("invalid_custom_id", message, "custom_id", number)
    if value.get("method") != "POST":
        raise _WrongError("invalid_method", "`method` is `POST`.", "method", number)
    if value.get("url") != endpoint:
        raise _WrongError("invalid_url", f"`url` is the batch's endpoint, `{endpoint}`.", "url", number)
    _check_body(value, endpoint, number)
    return custom_id, value["body"]


def _check_body(value: dict[str, Json], endpoint: str, number: int) -> None:
    body = value.get("body")
    many = isinstance(body, list) and TASK.fullmatch(endpoint) is not None
    if not many and not isinstance(body, dict):
        raise _WrongError("invalid_body", "`body` is an object.", "body", number)
    if isinstance(body, dict) and endpoint == "/v1/chat/completions" and body.get("stream"):
        raise _WrongError("invalid_body", "A batch has no streams: leave `stream` out.", "body.stream", number)
