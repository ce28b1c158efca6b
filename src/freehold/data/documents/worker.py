"""The process that reads documents: `python -m freehold.data.documents.worker`, spoken to by `reader`.

Owns the other end of the conversation and the limits that the process sets itself before it sees a byte of
anybody's. A job is the lengths of format and data (two unsigned 32-bit numbers, big-endian), then both; a reply is
a length and JSON: `{"documents": [...]}` or `{"reason": ...}`. The process ends with its input.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

from freehold.data.documents.document import Document, UnreadableError
from freehold.data.documents.formats import parse

__all__ = ["JOB", "MEMORY", "REPLY", "TEXT_LIMIT"]

JOB = struct.Struct(">II")
REPLY = struct.Struct(">I")

MEMORY = 4 << 30
"""Bytes of address space that the process may have. Most of it is libraries that are mapped, not used."""

TEXT_LIMIT = 20_000_000
"""The most characters that the documents of one file may have together."""


def _limit() -> None:
    """No more memory than `MEMORY`, no file written, no picture of the memory left behind."""
    try:
        import resource
    except ImportError:  # Windows: the time limit alone
        return
    for what, bound in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (bound, bound))


def _serve(jobs: BinaryIO, replies: BinaryIO) -> None:
    while head := jobs.read(JOB.size):
        form, data = (jobs.read(size) for size in JOB.unpack(head))
        reply = json.dumps(_answer(form.decode(), data)).encode()
        replies.write(REPLY.pack(len(reply)) + reply)
        replies.flush()


def _answer(form: str, data: bytes) -> dict[str, object]:
    try:
        documents = parse(form, data)
    except UnreadableError as reason:
        return {"reason": str(reason)}
    except MemoryError:
        return {"reason": "it needs more memory than a document may"}
    except Exception as error:  # noqa: BLE001 - the rim of a worker: parsers of strangers' formats raise anything
        return {"reason": f"it is damaged ({type(error).__name__})"}
    if sum(len(each.text) for each in documents) > TEXT_LIMIT:
        return {"reason": f"its text is longer than {TEXT_LIMIT:,} characters"}
    return {"documents": [_plain(each) for each in documents]}


def _plain(document: Document) -> list[object]:
    """Returns a document as JSON has it; halves of surrogate pairs, which UTF-8 cannot hold, become marks."""
    return [each.encode(errors="replace").decode() if isinstance(each, str) else each for each in document]


def _main() -> None:
    _limit()
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a parser prints is no reply
    _serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    _main()
