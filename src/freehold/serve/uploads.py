"""From the body of an upload to a file on disk, as it comes in. The only module that imports python_multipart.

Owns the form: a part `file`, written as it is read, and small fields beside it. Knows nothing of where files lie.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from freehold.serve.faults import Fault

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["Upload", "read_upload"]

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a client that sends no form is told so itself

_FIELD_BYTES = 4_096
_MOST_PARTS = 8
_NAME_LENGTH = 255
_SLACK = 64 * 1024
"""What a form may have around its file."""


class Upload(NamedTuple):
    """What a form said beside the bytes of its file."""

    filename: str
    fields: dict[str, str]


async def read_upload(
    chunks: AsyncIterator[bytes],
    *,
    content_type: str,
    limit: int,
    write: Callable[[bytes], Awaitable[None]],
) -> Upload:
    """Reads a form to its end; the bytes of its `file` are written as they come.

    Args:
        limit: The most bytes of the file.

    Raises:
        Fault: 400 where this is no such form, 413 as soon as the limit is passed.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        _refuse("A file is uploaded as `multipart/form-data` with the parts `purpose` and `file`.")
    form, read = _Form(), 0
    parser = MultipartParser(boundary, form.callbacks())
    try:
        async for chunk in chunks:
            read += len(chunk)
            if read > limit + _SLACK:
                raise _too_large(limit)
            parser.write(chunk)
            if form.size > limit:
                raise _too_large(limit)
            if form.data:
                await write(form.take())
        parser.finalize()
    except FormParserError:
        _refuse("The body is not `multipart/form-data`.")
    return form.upload()


class _Form:
    """What the parser finds."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.size = 0
        self._filename: str | None = None
        self._fields: dict[str, bytearray] = {}
        self._name = ""
        self._header, self._value, self._disposition = bytearray(), bytearray(), bytearray()
        self._parts = 0
        self._ended = False

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add,
            "on_end": self._end,
        }

    def take(self) -> bytes:
        """Returns what of the file was read and not written yet."""
        taken = bytes(self.data)
        self.data.clear()
        return taken

    def upload(self) -> Upload:
        if not self._ended:
            _refuse("The body ends before the form does.")
        if self._filename is None:
            raise Fault(400, "`file` is missing.", code="missing_value", param="file")
        shown = "".join(c if c.isprintable() else "\ufffd" for c in self._filename)[:_NAME_LENGTH]
        fields = {name: bytes(value).decode("utf-8", "replace") for name, value in self._fields.items()}
        return Upload(shown or "file", fields)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            _refuse(f"The form has more than {_MOST_PARTS} parts.")
        self._disposition = bytearray()

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = bytearray(), bytearray()

    def _end_headers(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(bytes(self._disposition))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "file":
            if self._filename is not None:
                _refuse("The form has `file` twice.")
            self._filename = options.get(b"filename", b"").decode("utf-8", "replace")
        else:
            self._fields[self._name] = bytearray()

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self.data += data[start:end]
            self.size += end - start
            return
        field = self._fields[self._name]
        field += data[start:end]
        if len(field) > _FIELD_BYTES:
            _refuse(f"The field {self._name[:60]!r} is longer than {_FIELD_BYTES:,} bytes.")

    def _end(self) -> None:
        self._ended = True


def _too_large(limit: int) -> Fault:
    return Fault(
        413, f"The file is larger than the limit of {limit:,} bytes.", code="body_too_large", param="file"
    )


def _refuse(message: str) -> NoReturn:
    raise Fault(400, message, code="invalid_value", param="file")
