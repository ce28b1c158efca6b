"""`kill -9` costs at most the stage that was running, whenever it comes.

A child process turns the toy line and dies at a chosen moment: at each event of a stage, or at a chosen call of
native code (which is every file operation, every database statement, and much in between).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from tests.line.toy_line import STAGES, make_task, turn_once

from freehold.errors import OperatorError
from freehold.registry import Registry
from freehold.task import Event, Task

SEED = 20_260_101
MOMENTS = 40


def in_child(work: Callable[[], None]) -> int:
    """Runs `work` in a forked process and returns how that ended: 0, or minus the signal's number."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the rim of a process of its own
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def count_calls(stop_at: int) -> Callable[[], int]:
    """Counts calls of native code from here on, and dies at one of them. Returns the counter."""
    calls = 0

    def see(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        if event == "c_call":
            calls += 1
            if calls == stop_at:
                die()

    sys.setprofile(see)
    return lambda: calls


@pytest.fixture(scope="module")
def empty_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state that is made and migrated, so that the moments fall into the run itself."""
    state = tmp_path_factory.mktemp("empty") / "state"
    Registry.open(state).close()
    return state


@pytest.fixture
def state(empty_state: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty_state, tmp_path / "state"))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return make_task(tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="module")
def undisturbed(task: Task, empty_state: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The digest of a run in peace, and how many calls of native code it made."""
    place = tmp_path_factory.mktemp("peace")
    turn_once(task, Path(shutil.copytree(empty_state, place / "warm")))  # what is loaded once counts no more
    state = Path(shutil.copytree(empty_state, place / "state"))

    def work() -> None:
        calls = count_calls(stop_at=0)
        digest, _ = turn_once(task, state)
        sys.setprofile(None)
        (place / "outcome").write_text(f"{digest} {calls()}")

    assert in_child(work) == 0
    digest, calls = (place / "outcome").read_text().split()
    return digest, int(calls)


def recorded(state: Path) -> set[str]:
    database = sqlite3.connect(state / "freehold.db")
    try:
        return {name for (name,) in database.execute("SELECT stage FROM stages")}
    finally:
        database.close()


def check_that_it_goes_on(task: Task, state: Path, *, digest: str) -> None:
    """Runs again after a kill: nothing recorded is done twice, the same comes out, nothing is orphaned."""
    kept = recorded(state)
    again, cached = turn_once(task, state)
    assert again == digest
    assert {name for name, recalled in cached.items() if recalled} == kept
    with Registry.open(state) as shelf:
        assert shelf.verify().damaged == ()
    assert list((state / "tmp").iterdir()) == []
    assert not (state / "work" / "toy").exists()


BORDERS = [(name, kind) for name in STAGES for kind in ("start", "done")]


@pytest.mark.parametrize(("name", "kind"), BORDERS, ids=[f"{name} {kind}" for name, kind in BORDERS])
def test_killed_at_a_border(name: str, kind: str, task: Task, state: Path, undisturbed: tuple[str, int]) -> None:
    def tell(event: Event) -> None:
        if (event.stage, event.kind) == (name, kind):
            die()

    assert in_child(lambda: void(turn_once(task, state, tell))) == -signal.SIGKILL
    done = STAGES[: STAGES.index(name) + (kind == "done")]
    assert recorded(state) == set(done)
    check_that_it_goes_on(task, state, digest=undisturbed[0])


@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_at_a_random_moment(number: int, task: Task, state: Path, undisturbed: tuple[str, int]) -> None:
    digest, calls = undisturbed
    moment = random.Random(SEED + number).randrange(1, calls * 49 // 50)

    def work() -> None:
        count_calls(stop_at=moment)
        turn_once(task, state)

    assert in_child(work) == -signal.SIGKILL, f"moment {moment} of {calls} did not come"
    check_that_it_goes_on(task, state, digest=digest)


def test_killed_again_and_again(task: Task, state: Path, undisturbed: tuple[str, int]) -> None:
    """Each run gets a little further than the one before; in the end the work is done."""
    digest, calls = undisturbed
    step, dice = calls // 12, random.Random(SEED)

    def work() -> None:
        count_calls(stop_at=step + dice.randrange(step))
        turn_once(task, state)

    for _ in range(8):
        dice.random()
        in_child(work)
    check_that_it_goes_on(task, state, digest=digest)


def test_a_second_run_is_told_who_holds_the_state(task: Task, state: Path) -> None:
    def work() -> None:
        with pytest.raises(OperatorError, match=f"process {os.getppid()}"):
            turn_once(task, state)

    with Registry.open(state) as shelf, shelf.lock():
        assert in_child(work) == 0


def void(value: object) -> None:
    """Drops a value."""
