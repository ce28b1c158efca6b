"""A place to crawl into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.data.web.crawls import Crawls, crawling


@pytest.fixture
def crawls(tmp_path: Path) -> Iterator[Crawls]:
    with crawling(tmp_path) as here:
        yield here
