from __future__ import annotations

import os
from pathlib import Path

import pytest

from freehold.errors import UserError
from freehold.line import state_folder, thread_count


@pytest.mark.parametrize(
    ("state", "variable", "expected"),
    [
        (Path("/mine"), "/other", "/mine"),
        (Path("/mine"), "", "/mine"),
        (None, "/other", "/other"),
        (None, "", "task/.freehold"),
    ],
)
def test_state_folder(state: Path | None, variable: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_STATE", variable)
    assert state_folder(Path("task"), state=state) == Path(expected)


def test_thread_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FREEHOLD_THREADS", raising=False)
    assert 1 <= thread_count() <= (os.cpu_count() or 1)
    monkeypatch.setenv("FREEHOLD_THREADS", "3")
    assert thread_count() == 3


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", " "])
def test_thread_count_refuses(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_THREADS", value)
    with pytest.raises(UserError, match=r"`FREEHOLD_THREADS` is .* whole number, 1 or more"):
        thread_count()
