"""What all tests share: a registry on each database, and an environment that is nobody's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `tests.…` can be imported however pytest is started

if TYPE_CHECKING:
    from freehold.registry import Registry

pytest_plugins = ["tests.postgres", "tests.small", "tests.turned", "tests.typescript"]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps a developer's own state and database out of the tests."""
    for name in ("FREEHOLD_DB", "FREEHOLD_STATE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database; empty for SQLite in the state folder."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def shelf(tmp_path: Path, database_url: str) -> Iterator[Registry]:
    """An empty registry, once on SQLite and once on PostgreSQL."""
    from freehold.registry import Registry

    with Registry.open(tmp_path / "state", url=database_url) as opened:
        yield opened
