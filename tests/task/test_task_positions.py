from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.task.toml_text import literal, quoted

from freehold.task.positions import Place, find_lines

CASES: list[tuple[str, Place, int]] = [
    ("a = 1\nb = 2", ("b",), 2),
    ("# c = 1\n\n  c = 1 # d = 2\nd = 3", ("d",), 4),
    ("[a]\nb = 1\n[c]\nb = 2", ("c", "b"), 4),
    ("[a.b]\nc = 1", ("a", "b", "c"), 2),
    ("[a.\"b c\"]\n'd' = 1", ("a", "b c", "d"), 2),
    ("[ a . b ]\nc . d = 1", ("a", "b", "c", "d"), 2),
    ("[[s]]\nx = 1\n[[s]]\nx = 2", ("s", 1, "x"), 4),
    ("[[s]]\n[s.t]\nx = 1\n[[s]]\n[s.t]\nx = 2", ("s", 1, "t", "x"), 6),
    ("a = { b = 1, c = { d = 2 } }\ne = 3", ("a", "c", "d"), 1),
    ("a = [\n  1,\n  2, # two\n  3,\n]\nb = 1", ("a", 2), 4),
    ("a = [\n  1,\n]\nb = 1", ("b",), 4),
    ('a = """\nb = 1\n"""\nb = 2', ("b",), 4),
    ("a = '''\nb = 1\n'''\nb = 2", ("b",), 4),
    ('a = """x"""""\nb = 2', ("b",), 2),
    ('a = "\\"" # "\nb = 2', ("b",), 2),
    ("a = 'x\\'\nb = 2", ("b",), 2),
    ("a = 1979-05-27 07:32:00\nb = 2", ("b",), 2),
    ("a = [[1, 2], [\n3]]\nb = 2", ("a", 1, 0), 2),
    ('a = "x#y" \nb = 2', ("b",), 2),
    ('"\\u0061" = 1', ("a",), 1),
    ("x = [{a = 1},\n {a = 2}]", ("x", 1, "a"), 2),
]


@pytest.mark.parametrize(("text", "place", "line"), CASES)
def test_finds_the_line_of_a_place(text: str, place: Place, line: int) -> None:
    tomllib.loads(text)
    assert find_lines(text)[place] == line


def places(value: Any, at: Place = ()) -> set[Place]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ({at} if at else set()).union(*(places(item, (*at, key)) for key, item in below))


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=6)
VALUES = st.recursive(
    st.booleans() | st.integers(-99, 99) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_finds_every_place_and_no_other(document: dict[str, Any]) -> None:
    text = "\n".join(f"{quoted(key)} = {literal(value)}" for key, value in document.items())
    assert tomllib.loads(text) == document
    assert set(find_lines(text)) == places(document)
