"""The probe that finds heavy imports finds them."""

from __future__ import annotations

import re

import pytest
from bench.startup import HEAVY, loaded


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["-c", "pass"], []),
        (["-c", "import freehold"], []),
        (["-c", "import sqlalchemy"], ["sqlalchemy"]),
        (["-c", "import sys; sys.argv[1:] == ['--help'] or 1 / 0; raise SystemExit(0)", "--help"], []),
    ],
)
def test_probe(words: list[str], found: list[str]) -> None:
    assert loaded(words) == found


def test_every_heavy_library_is_one_that_freehold_depends_on() -> None:
    from importlib.metadata import requires

    names = [re.match(r"[\w-]+", line) for line in requires("freehold") or []]
    declared = {name.group().lower().replace("-", "_") for name in names if name}
    aliases = {"sklearn": "scikit_learn"}
    assert {aliases.get(name, name) for name in HEAVY} <= declared
