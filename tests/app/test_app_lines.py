"""Lines are numbered as an editor numbers them, however the bytes arrive."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from freehold.app.cli import predict
from freehold.app.cli.predict import read_lines


class Dribble(io.BytesIO):
    """A stream whose bytes arrive in pieces of a few bytes."""

    def __init__(self, data: bytes, *, size: int) -> None:
        super().__init__(data)
        self.size = size

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(self.size)


@given(st.binary(), st.integers(1, 9))
def test_lines_do_not_depend_on_pieces(data: bytes, size: int) -> None:
    lines = [line for piece in read_lines(Dribble(data, size=size)) for line in piece]
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert lines == list(enumerate(expected, start=1))


def test_a_line_that_is_too_long_is_not_kept() -> None:
    data = b"a" * 10_000_000 + b"\nb"
    [(first, start), (second, rest)] = [
        line for piece in read_lines(Dribble(data, size=1 << 16)) for line in piece
    ]
    assert (first, second, rest) == (1, 2, b"b")
    assert predict._LONGEST < len(start) <= predict._LONGEST + 1 + (1 << 16)
