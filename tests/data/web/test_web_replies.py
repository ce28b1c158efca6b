"""Replies: read within limits, whatever a server sends, and the same from the archive."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web.connections import FetchError
from freehold.data.web.pacing import Pace, Paces, back_off, read_retry_after
from freehold.data.web.replies import Limits, Reply, read_block, read_socket

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def sent(pieces: Iterable[bytes]) -> Iterator[socket.socket]:
    """A socket into which somebody sends pieces, then hangs up."""
    here, there = socket.socketpair()

    def send() -> None:
        with there:
            try:
                for piece in pieces:
                    there.sendall(piece)
            except OSError:
                return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    with here:
        yield here
    thread.join()


def read(*pieces: bytes, size: int = 1000, between: float = 5.0, whole: float = 5.0) -> Reply:
    with sent(pieces) as opened:
        return read_socket(opened, Limits(size, between, time.monotonic() + whole))


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (OK + b"\r\nabc", b"abc"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", b"abc"),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", b"a"),
    ],
)
def test_bodies_in_every_form_and_again_from_the_archive(wire: bytes, body: bytes) -> None:
    reply = read(*(wire[place : place + 1] for place in range(len(wire))))
    assert (reply.status, reply.body, reply.block) == (200, body, wire)
    assert read_block(reply.block) == reply


def test_headers_are_read_by_name_and_in_order() -> None:
    letters = b"X-8: \xc3\xa9\r\nX-1: \xe9\r\n"
    reply = read(OK + b"Link: a\r\nX-Folded: one\r\n  two\r\nlink: b\r\n" + letters + b"\r\n")
    assert (reply.all("link"), reply.header("x-folded"), reply.header("none")) == (["a", "b"], "one two", "")
    assert reply.header("x-8") == reply.header("x-1") == "é"


@pytest.mark.parametrize(
    ("wire", "reason", "passing"),
    [
        (OK + b"Content-Length: 5\r\n\r\nabc", "the reply is cut off", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "the reply is cut off", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab", "the reply is cut off", True),
        (OK + b"Content-Length: 2000\r\n\r\n", "it has more than 1,000 bytes", False),
        (OK + b"\r\n" + b"a" * 1001, "it has more than 1,000 bytes", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 5000, "it has more than 1,000 bytes", False),
        (OK + b"X: " + b"a" * 70_000 + b"\r\n\r\n", "it is no HTTP", False),
        (OK + b"X: a\r\n" * 101 + b"\r\n", "it is no HTTP", False),
        (OK + (b"X: " + b"a" * 60_000 + b"\r\n") * 20 + b"\r\n", "its head is too large", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, "its head is too large", False),
        (b"SSH-2.0-OpenSSH\r\n", "it is no HTTP", False),
        (b"HTTP/1.1 abc\r\n\r\n", "it is no HTTP", False),
        (b"", "the reply is cut off", True),
    ],
)
def test_what_is_too_much_or_nothing_ends(wire: bytes, reason: str, passing: bool) -> None:
    with pytest.raises(FetchError) as caught:
        read(wire)
    assert caught.value.reason.startswith(reason)
    assert caught.value.passing == passing


def trickle(every: float) -> Iterator[bytes]:
    yield OK + b"Content-Length: 1000\r\n\r\n"
    while True:
        time.sleep(every)
        yield b"a"


@pytest.mark.parametrize(("between", "whole"), [(5.0, 0.15), (0.1, 5.0)])
def test_a_trickle_ends_by_the_clock(between: float, whole: float) -> None:
    pieces = trickle(0.02 if whole < 1 else 0.6)
    with sent(pieces) as opened, pytest.raises(FetchError, match="it takes too long") as caught:
        read_socket(opened, Limits(1000, between, time.monotonic() + whole))
    assert caught.value.passing


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    for block in (data, OK + data, OK + b"Transfer-Encoding: chunked\r\n\r\n" + data):
        with suppress(FetchError):
            assert len(read_block(block).body) <= len(block)


NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("99999999999999999999", 7 * 86_400.0),
        ("Sun, 01 Nov 2026 00:02:00 GMT", 120.0),
        ("Sunday, 01-Nov-26 00:02:00 GMT", 120.0),
        ("Sat, 31 Oct 2026 00:00:00 GMT", 0.0),
        ("Sun, 01 Nov 2099 00:00:00 GMT", 7 * 86_400.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert read_retry_after(text, now=NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_is_too_strange(text: str) -> None:
    found = read_retry_after(text, now=NOW)
    assert found is None or 0 <= found <= 7 * 86_400


@given(st.integers(1, 10_000), st.floats(0.001, 10))
def test_waits_double_within_bounds(tries: int, first: float) -> None:
    assert first * 0.75 <= back_off(tries, first=first) <= 375
    assert back_off(2, first=first) > back_off(1, first=first)


def test_a_host_is_ready_a_delay_after_the_end_of_its_reply() -> None:
    pace = Pace(delay=2.0)
    pace.end(10.0)
    assert pace.ready == 12.0
    pace.pause(20.0)
    pace.end(15.0)
    assert pace.ready == 20.0


def test_hosts_are_told_apart() -> None:
    paces = Paces(delay=1.0, begun=float("-inf"))
    paces.of("a").is_busy = True
    paces.of("b").end(10.0)
    wakes = {"a": 0.0, "b": 0.0, "c": 12.0}
    assert [paces.ready(wakes, now=now) for now in (10.5, 11.0, 12.0)] == [[], ["b"], ["b", "c"]]
    assert [paces.next_ready(wakes, now=now) for now in (10.5, 11.0)] == [0.5, 0.0]
    assert paces.next_ready({"a": 0.0}, now=11.0) is None
    assert Paces(delay=1.0, begun=100.0).of("c").ready == 101.0
