"""Bytes as they were before they were sent: gzip, deflate, Brotli and Zstandard unpacked, within a limit.

Owns the limit to size and ratio, so that a reply of a few megabytes cannot become gigabytes: unpacking goes in
small steps and stops at the first byte too many. The only module that imports brotli; zstandard is also
imported by `streams.py`. Knows nothing of HTTP.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = ["ACCEPTED", "BadEncodingError", "unpack"]

ACCEPTED = "gzip, deflate, br, zstd"
"""What can be unpacked, as a request says it."""

_PIECE = 1 << 14
_STEP = 1 << 18
_FREE = 1 << 20
_MOST_LAYERS = 2


class BadEncodingError(ValueError):
    """Bytes that do not unpack, or to too much; the text says why."""


class _Stream(Protocol):
    """One kind of packing, undone step by step."""

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """Yields what a piece unpacks to, in bounded steps."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the end was reached."""
        ...


def unpack(body: bytes, encoding: str, *, most: int, ratio: int) -> bytes:
    """Returns the bytes that were packed.

    Args:
        body: As they were sent.
        encoding: The value of `Content-Encoding`.
        most: The most bytes that may come out.
        ratio: How many times more than went in may come out; what is below a megabyte always may.

    Raises:
        BadEncodingError: Too many would come out, they are damaged, or the encoding is unknown.
    """
    names = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
    if len(names) > _MOST_LAYERS:
        raise BadEncodingError(f"it is packed {len(names)} times")
    for name in reversed(names):
        if name not in _MAKERS:
            raise BadEncodingError(f"its encoding is {name[:40]!r}, which is none of {ACCEPTED}")
        body = _unpack(body, name, most=min(most, max(_FREE, ratio * len(body))))
    if len(body) > most:
        raise BadEncodingError(f"it has more than {most:,} bytes")
    return body


def _unpack(body: bytes, name: str, *, most: int) -> bytes:
    if not body:
        return body
    made = bytearray()
    stream = _MAKERS[name](body)
    try:
        for start in range(0, len(body), _PIECE):
            for step in stream.unpack(body[start : start + _PIECE]):
                made += step
                if len(made) > most:
                    raise BadEncodingError(f"it unpacks to more than {most:,} bytes")
    except _faults() as error:
        raise BadEncodingError(f"it does not unpack ({name}): {str(error) or type(error).__name__}") from None
    if not stream.whole:
        raise BadEncodingError(f"it does not unpack ({name}): its end is missing")
    return bytes(made)


class _Zlib:
    """gzip of one or many members, or deflate with or without its header."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._member = zlib.decompressobj(wbits)
        self._begun = False

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._member.eof:
                piece = piece.lstrip(b"\0")  # some pad the end
                if self._wbits != 31 or not piece.startswith(b"\x1f"):
                    return
                self._member = zlib.decompressobj(self._wbits)
            step = self._member.decompress(piece, _STEP)
            piece = self._member.unconsumed_tail or self._member.unused_data
            yield step
        while not self._member.eof and (step := self._member.decompress(b"", _STEP)):
            yield step

    @property
    def whole(self) -> bool:
        return self._member.eof


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._stream = brotli.Decompressor()

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        yield self._stream.process(piece, output_buffer_limit=_STEP)
        while not self._stream.can_accept_more_data():
            yield self._stream.process(b"", output_buffer_limit=_STEP)

    @property
    def whole(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstandard:
    """Frames, one after another."""

    def __init__(self) -> None:
        import zstandard

        # RFC 9659: a window of 8 MB is the most that a receiver has to bear.
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=8 << 20)
        self._frame = self._unpacker.decompressobj(write_size=_STEP)

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        # A block unpacks to at most 128 kB, so that few bytes at once bound what one call gives back.
        for start in range(0, len(piece), 64):
            part = piece[start : start + 64]
            while part:
                if self._frame.eof:
                    self._frame = self._unpacker.decompressobj(write_size=_STEP)
                yield self._frame.decompress(part)
                part = self._frame.unused_data if self._frame.eof else b""

    @property
    def whole(self) -> bool:
        return bool(self._frame.eof)


def _deflate(body: bytes) -> _Zlib:
    """Returns what undoes deflate: with the header that it should have, or the raw stream that some send."""
    headed = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _Zlib(15 if headed else -15)


_MAKERS: dict[str, Callable[[bytes], _Stream]] = {
    "gzip": lambda body: _Zlib(31),
    "x-gzip": lambda body: _Zlib(31),
    "deflate": _deflate,
    "br": lambda body: _Brotli(),
    "zstd": lambda body: _Zstandard(),
}


def _faults() -> tuple[type[Exception], ...]:
    import sys

    known: list[type[Exception]] = [zlib.error]
    for name, fault in (("brotli", "error"), ("zstandard", "ZstdError")):
        if name in sys.modules:
            known.append(getattr(sys.modules[name], fault))
    return tuple(known)
