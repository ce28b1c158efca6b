"""`kill -9` at any moment of a real turn: the next run goes on, and ends where an undisturbed run ends.

Each case turns the same small task in a process of its own, kills it, and runs it again. A kill at a stage's
border is told by the run itself; the random moments are spread over the time that an undisturbed turn takes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.turned import make_folder

from freehold.line import STAGES

pytestmark = pytest.mark.slow

MOMENTS = 20
SEED = 20_260_102
START = [sys.executable, "-c", "from freehold.app.cli import main; main()"]
BORDERS = [f"{stage}: {word}" for stage in STAGES for word in ("started", "done")]


class Peace(NamedTuple):
    """An undisturbed turn: what came out, and how many seconds the process took."""

    document: dict[str, Any]
    seconds: float


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task folder, with enough rows for both rungs of the ladder to be tried."""
    return make_folder(tmp_path_factory.mktemp("original") / "desk", rows=280)


@pytest.fixture(scope="module")
def peace(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Peace:
    folder = Path(shutil.copytree(original, tmp_path_factory.mktemp("peace") / "desk"))
    began = time.monotonic()
    return Peace(run(folder), time.monotonic() - began)


@pytest.fixture
def desk(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "desk"))


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*START, "run", str(folder), "--json", "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FREEHOLD_THREADS": "1"},
    )


def run(folder: Path) -> dict[str, Any]:
    """Runs to the end and returns the document."""
    process = start(folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


def recorded(folder: Path) -> set[str]:
    """Returns the stages that the database knows."""
    database = folder / ".freehold" / "freehold.db"
    if not database.exists():
        return set()
    connection = sqlite3.connect(database)
    try:
        return {name for (name,) in connection.execute("SELECT stage FROM stages")}
    except sqlite3.OperationalError:  # killed before the tables were there
        return set()
    finally:
        connection.close()


def check_that_it_goes_on(folder: Path, peace: Peace) -> None:
    kept = recorded(folder)
    document = run(folder)
    assert document["release"] == peace.document["release"]
    assert metrics(document) == metrics(peace.document)
    assert {stage["name"] for stage in document["stages"] if stage["cached"]} == kept
    verified = subprocess.run([*START, "verify", str(folder), "--json"], check=False, capture_output=True)
    assert json.loads(verified.stdout)["damaged"] == []
    assert [path for path in (folder / ".freehold" / "work").rglob("*") if path.is_file()] == []
    again = run(folder)
    assert all(stage["cached"] for stage in again["stages"])


def metrics(document: dict[str, Any]) -> object:
    return document["verdict"]["fields"]


def kill_when(process: subprocess.Popen[str], here: Callable[[str], bool]) -> None:
    """Kills a run as soon as it says a certain line."""
    assert process.stderr is not None
    for line in process.stderr:
        if here(line):
            process.kill()
            break
    process.communicate()


@pytest.mark.parametrize("border", BORDERS)
def test_killed_at_a_border(border: str, desk: Path, peace: Peace) -> None:
    process = start(desk)
    kill_when(process, lambda line: line.startswith(border))
    assert process.returncode in (-signal.SIGKILL, 0)
    stage, _, word = border.partition(": ")
    done = set(STAGES[: STAGES.index(stage) + (word == "done")])
    assert done <= recorded(desk)
    check_that_it_goes_on(desk, peace)


@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_at_a_random_moment(number: int, desk: Path, peace: Peace) -> None:
    slice_ = peace.seconds / MOMENTS
    moment = slice_ * (number + random.Random(SEED + number).random())
    process = start(desk)
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0)
    check_that_it_goes_on(desk, peace)
