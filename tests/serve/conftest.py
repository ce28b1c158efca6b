"""What the tests of the server share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

import freehold.feedback
from freehold.registry import Registry
from freehold.serve import Served, Settings, create_app
from freehold.serve.rim import Rim
from freehold.task import Task, Upstream

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.serve.bank import Client, WordExplainer, WordReader, listening, make_task, release
from tests.serve.routed import Desk, Open, routed


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path / "banking")


@pytest.fixture
def make_app() -> Callable[..., Rim]:
    """Returns a maker of apps over word readers; `opened` collects the readers."""

    def make(
        *served: Served,
        opened: list[WordReader] | None = None,
        explainer: WordExplainer | None = None,
        panel: Any = None,
        **changes: Any,
    ) -> Rim:
        def open_reader(folder: Path, *, threads: int = 0) -> WordReader:
            reader = WordReader(folder, threads=threads)
            if opened is not None:
                opened.append(reader)
            return reader

        settings = Settings(**{"poll_seconds": 0.02, "threads": 1, **changes})
        return create_app(
            served,
            inbox=freehold.feedback,
            settings=settings,
            open_reader=open_reader,
            explainer=explainer,
            panel=panel,
        )

    return make


@pytest.fixture
def client(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Iterator[Client]:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), explainer=WordExplainer())) as opened:
        yield opened


@pytest.fixture
def url(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Iterator[str]:
    """The URL of a server that runs in a thread."""
    release(shelf, task)
    with listening(make_app(Served(task, shelf))) as told:
        yield told


@pytest.fixture
def ask(url: str) -> Iterator[openai.OpenAI]:
    """The official client of that server."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def opened(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Open:
    """Returns what runs a server whose task has upstreams."""

    @contextmanager
    def run(*upstreams: Upstream, **changes: Any) -> Iterator[Desk]:
        with routed(shelf, task, make_app, upstreams=upstreams, **changes) as desk:
            yield desk

    return run
