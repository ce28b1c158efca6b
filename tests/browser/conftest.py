"""A browser, a server that can be killed, and experts who press keys.

Skipped where there is no Playwright (`pip install freehold[browser]`) or no Chromium (`FREEHOLD_CHROMIUM`, else
the path's `chromium`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.browser.desk import fill, make_tasks

from freehold.registry import LedgerRow, Registry

ROOT = Path(__file__).resolve().parents[2]


class Desk:
    """A server in a process of its own, which can be killed and started again where it was."""

    def __init__(self, home: Path, *, overlap: int = 1) -> None:
        self.home = home
        self.overlap = overlap
        self.tasks = {task.name: task for task in make_tasks(home / "desk", overlap=overlap)}
        self.shelf = Registry.open(home / "state")
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def fill(self, task: str, texts: Sequence[str], *, suggested: bool = True) -> None:
        fill(self.shelf, self.tasks[task], texts, suggested=suggested)

    def start(self) -> None:
        port = self.url.rpartition(":")[2] or "0"
        words = [str(self.home / "state"), str(self.home / "desk"), port, str(self.overlap)]
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.desk", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def close(self) -> None:
        self.kill()
        self.shelf.close()

    def ledger(self, task: str) -> list[LedgerRow]:
        return self.shelf.experts.ledger(task)


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**options: Any) -> Desk:
        made.append(Desk(tmp_path / f"home{len(made)}", **options))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install freehold[browser]")
    program = shutil.which(os.environ.get("FREEHOLD_CHROMIUM", "chromium"))
    if program is None:
        pytest.skip("no `chromium` on the path; FREEHOLD_CHROMIUM names another")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


class Expert:
    """Somebody at a browser of their own."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.page = context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def open(self, url: str, *, name: str = "") -> None:
        self.page.goto(url)
        if name:
            self.page.wait_for_selector("#name-dialog[open]")
            self.press(*name, "Enter")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, selector: str) -> None:
        """Presses Tab until the focus is there."""
        passed = []
        for _ in range(60):
            passed.append(self.page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self.press("Tab")
        raise AssertionError(f"Tab does not lead to {selector}, but to {passed}")

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def wait_for_item(self, text: str = "") -> None:
        self.page.wait_for_selector("#item:not([hidden]):not([inert])")
        if text:
            self.page.locator(".text", has_text=text).first.wait_for()

    def wait_until_said(self, text: str) -> None:
        self.page.locator("#said, #trouble", has_text=text).first.wait_for()


@pytest.fixture
def make_expert(browser: Any) -> Iterator[Callable[..., Expert]]:
    made: list[Expert] = []

    def make(**options: Any) -> Expert:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(20_000)
        made.append(Expert(context))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
        assert each.problems == []
