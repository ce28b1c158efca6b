"""Other processes at the same registry: run as `python -m tests.registry.hands WORK STATE URL`.

`URL` is `sqlite` for the database in the state folder. Each kind of work prints JSON Lines for the test that
started it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.registry.made import below, describe, fill

from freehold.registry import Asking, Recorded, Registry, Review, Said
from freehold.registry.reviews import row_name
from freehold.task import ReviewRules

EVENTS = {
    "open",
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "fcntl.flock",
    "shutil.rmtree",
}


def die_at(border: int) -> None:
    """Kills this process at its `border`-th effect: before each touch of a file, around each statement."""
    seen = count(1)

    def step(*_details: object) -> None:
        if next(seen) == border:
            os.kill(os.getpid(), signal.SIGKILL)

    really_sync = os.fsync

    def sync(handle: Any) -> None:
        step()
        really_sync(handle)
        step()

    vars(os)["fsync"] = sync
    sys.addaudithook(lambda event, details: step() if event in EVENTS else None)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, moment, step)
    sa.event.listen(sa.Pool, "checkin", step)  # after a commit


def _result(folder: Path, number: int) -> Recorded:
    shared = {"same.txt": b"in every result", "sub/empty": b""}
    fill(folder, {**shared, "weights.bin": f"weights {number}".encode() * 1000})
    return describe(folder)


def record_killed(state: Path, url: str) -> None:
    """Records results, each in a process that is killed one border later than the one before it."""
    desk = Path(tempfile.mkdtemp(dir=state.parent))
    for border in count(1):
        shutil.rmtree(desk)
        recorded = _result(desk, border)
        if not (child := os.fork()):
            die_at(border)
            with Registry.open(state, url=url) as shelf:
                shelf.record(recorded, folder=desk)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        survived = not os.WIFSIGNALED(status)
        print(json.dumps({"border": border, "survived": survived, **_after(state, url, recorded, desk)}))
        if survived:
            return


def _after(state: Path, url: str, recorded: Recorded, desk: Path) -> dict[str, Any]:
    with Registry.open(state, url=url) as shelf:
        damaged = shelf.verify().damaged
        shelf.sweep()
        known = shelf.recall(recorded.key) is not None
        blob = shelf.blobs.path(recorded.files["weights.bin"])
        left = blob.exists() or (state / "results" / recorded.digest).exists()
        damaged += shelf.verify().damaged
        shelf.record(recorded, folder=desk)
    return {"known": known, "left": left, "damaged": damaged, "tmp": sorted(below(state / "tmp"))}


RULES = ReviewRules(overlap=2)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def _say(shelf: Registry, expert: str, id: str) -> str:
    said = [Said(id, {"intent": "card"})]
    return shelf.experts.answer("banking", said, expert=expert, rules=RULES, now=NOON)[0].result


def judge_killed(state: Path, url: str) -> None:
    """Answers as the second of two experts and takes it back, in processes killed one border later each."""
    for border in count(1):
        inputs = {"text": f"message {border}"}
        with Registry.open(state, url=url) as shelf:
            shelf.queue_reviews("banking", [Review(row_name(inputs), "banking", "intent", inputs, "cash", 0.5)])
            held = {
                expert: shelf.experts.take(Asking("banking", expert, RULES, NOON), limit=1).assignments[0].id
                for expert in ("ann", "bob")
            }
            _say(shelf, "ann", held["ann"])
        if not (child := os.fork()):
            with Registry.open(state, url=url) as shelf:
                die_at(border)
                _say(shelf, "bob", held["bob"])
                shelf.experts.undo("banking", expert="bob", rules=RULES, now=NOON)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        survived = not os.WIFSIGNALED(status)
        with Registry.open(state, url=url) as shelf:
            print(json.dumps({"border": border, "survived": survived, **_judged(shelf, inputs, held["bob"])}))
        if survived:
            return


def _judged(shelf: Registry, inputs: dict[str, str], id: str) -> dict[str, Any]:
    """Returns what is there of an item, and what comes of saying it once more; then ends it."""
    example = row_name(inputs)
    acts = [row.act for row in shelf.experts.ledger("banking", expert="bob") if row.example == example]
    corrections = [row.id for row in shelf.feedback("banking") if row.inputs == inputs]
    waits = example in {row.example for row in shelf.reviews("banking")}
    found = {"acts": acts, "corrections": len(corrections), "waits": waits, "again": _say(shelf, "bob", id)}
    if acts[-1:] == ["undo"]:
        [open_] = shelf.experts.take(Asking("banking", "bob", RULES, NOON), limit=5).assignments
        _say(shelf, "bob", open_.id)
    return {**found, "damaged": shelf.verify().damaged}


def promote(state: Path, url: str) -> None:
    """Promotes every version in turn, and takes back every third."""
    with Registry.open(state, url=url) as shelf:
        for turn in range(4):
            for release in shelf.models("banking"):
                shelf.promote(release, because=f"turn {turn}", who=str(os.getpid()))
                if release.version % 3 == 0:
                    shelf.rollback("banking", who=str(os.getpid()))


def begin(state: Path, url: str) -> None:
    """Opens, and records what everybody records."""
    with Registry.open(state, url=url) as shelf, tempfile.TemporaryDirectory(dir=state.parent) as folder:
        recorded = _result(Path(folder), 0)
        shelf.record(recorded, folder=Path(folder))
        shelf.fix_splits("banking", {"a": "test"})


def hold(state: Path, url: str) -> None:
    """Holds the run's lock until its standard input ends."""
    with Registry.open(state, url=url) as shelf, shelf.lock():
        print("held", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    work, folder, address = sys.argv[1:]
    kinds = {
        "record-killed": record_killed,
        "judge-killed": judge_killed,
        "promote": promote,
        "begin": begin,
        "hold": hold,
    }
    kinds[work](Path(folder), "" if address == "sqlite" else address)
