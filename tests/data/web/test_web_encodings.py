"""Packed bytes: unpacked as they were, within limits, and never a crash."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web.encodings import BadEncodingError, unpack

TEXT = b"The quick brown fox. " * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]) + b"\0" * 7,
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstd(TEXT),
    "identity": TEXT,
    "": TEXT,
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
    "GZip": gzip.compress(TEXT) + b"what some servers send after it",
}


@pytest.mark.parametrize("encoding", PACKED)
def test_what_was_packed_comes_out(encoding: str) -> None:
    assert unpack(PACKED[encoding], encoding, most=len(TEXT), ratio=1000) == TEXT


def test_deflate_without_a_header_and_frames_in_a_row_come_out() -> None:
    assert unpack(raw_deflate(TEXT), "deflate", most=len(TEXT), ratio=1000) == TEXT
    assert unpack(zstd(TEXT) + zstd(b"more"), "zstd", most=1 << 20, ratio=1000) == TEXT + b"more"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_one_byte_more_than_the_limit_is_too_many(encoding: str) -> None:
    with pytest.raises(BadEncodingError, match="unpacks to more than 10,499 bytes"):
        unpack(PACKED[encoding], encoding, most=len(TEXT) - 1, ratio=1000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_cut_or_damaged_says_so(encoding: str) -> None:
    packed = PACKED[encoding]
    with pytest.raises(BadEncodingError, match=f"does not unpack \\({encoding}\\)"):
        unpack(packed[:-1], encoding, most=1 << 20, ratio=1000)
    with pytest.raises(BadEncodingError, match="does not unpack"):
        unpack(b"this is no packed text", encoding, most=1 << 20, ratio=1000)


def test_other_encodings_and_many_layers_are_refused() -> None:
    with pytest.raises(
        BadEncodingError, match="its encoding is 'compress', which is none of gzip, deflate, br, zstd"
    ):
        unpack(TEXT, "compress", most=1 << 20, ratio=100)
    with pytest.raises(BadEncodingError, match="packed 3 times"):
        unpack(TEXT, "gzip, gzip, gzip", most=1 << 20, ratio=100)


def gzip_bomb(size: int) -> bytes:
    """Returns members of a megabyte of zeros each, so many that they make `size`."""
    return gzip.compress(bytes(1 << 20), 9) * (size >> 20)


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip_bomb(5 << 30),
    "deflate": lambda: zlib.compress(bytes(1 << 28), 9),
    "br": lambda: brotli.compress(bytes(1 << 28), quality=5),
    "zstd": lambda: zstd(bytes(1 << 27)) * 8,
    "gzip, gzip": lambda: gzip.compress(gzip_bomb(5 << 30)),
}


@pytest.mark.parametrize("encoding", BOMBS)
def test_bombs_end_within_little_memory(encoding: str) -> None:
    bomb = BOMBS[encoding]()
    most = 10 << 20
    tracemalloc.start()
    try:
        with pytest.raises(BadEncodingError, match="unpacks to more than"):
            unpack(bomb, encoding, most=most, ratio=200)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * most


def test_the_ratio_ends_what_the_size_would_let_through() -> None:
    packed = gzip.compress(bytes(8 << 20), 9)
    with pytest.raises(BadEncodingError, match="unpacks to more than"):
        unpack(packed, "gzip", most=1 << 30, ratio=200)
    assert len(unpack(packed, "gzip", most=1 << 30, ratio=2000)) == 8 << 20


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.data())
def test_no_bytes_are_too_strange(encoding: str, data: st.DataObject) -> None:
    packed = bytearray(PACKED[encoding])
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadEncodingError):
        assert len(unpack(bytes(packed), encoding, most=1 << 20, ratio=1000)) <= 1 << 20
