"""A task's folder with a shelf, empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.workplace import Shelf, Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path, Shelf())
