from __future__ import annotations

import pytest

from freehold.task import nearest, suggest

KNOWN = ["name", "labels", "description", "Lost_Card"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lables", "labels"),
        ("LABELS", "labels"),
        ("lost_card", "Lost_Card"),
        ("desc", "description"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_nearest(word: str, expected: str) -> None:
    assert nearest(word, KNOWN) == expected


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("nam", KNOWN, "; did you mean `name`?"),
        ("zzz", ["a", "b"], "; allowed: `a`, `b`."),
        ("zzz", [], "."),
    ],
)
def test_suggest(word: str, known: list[str], expected: str) -> None:
    assert suggest(word, known) == expected
