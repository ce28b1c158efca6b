"""The loop as a user sees it, over HTTP and the command line: ask, correct, turn, ask again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from tests.small import make_examples
from tests.turned import make_folder

WRONG = "the kettle you posted is cold"
PARAPHRASES = [
    "your posted kettle is cold",
    "a cold kettle came in the post",
    "kettle cold, and it came from you",
    "the kettle I got from you stays cold",
    "cold kettle from your post",
    "you posted me a cold kettle",
    "kettle arrived, kettle cold",
    "why is the posted kettle cold",
    "the kettle in the post was cold",
    "it is cold, the kettle you posted",
]


class Desk(NamedTuple):
    """A served task folder."""

    folder: Path
    web: httpx.Client

    def ask(self, text: str) -> Any:
        """Asks one question; returns the prediction."""
        answer = self.web.post("/v1/tasks/desk", json={"text": text})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def correct(self, text: str, area: str) -> None:
        """Asks and posts a correction of the answer."""
        body = {"request": self.ask(text)["request"], "correct": {"area": area}}
        answer = self.web.post("/v1/tasks/desk/feedback", json=body, headers={"x-maker": "ana"})
        assert answer.status_code == 200, answer.text

    def run(self) -> tuple[int, Any]:
        """Turns the line; returns the exit code and the document."""
        done = freehold("run", self.folder, "--json")
        return done.returncode, json.loads(done.stdout)

    def wait_for(self, model: str) -> None:
        """Waits until the server answers with a model."""
        deadline = time.monotonic() + 60
        while self.ask("where is my parcel")["model"] != model:
            assert time.monotonic() < deadline, f"{model} was never picked up"
            time.sleep(0.2)


def freehold(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freehold", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = make_folder(tmp_path / "desk", rows=240)
    assert freehold("run", folder).returncode == 0
    log = (tmp_path / "log").open("w+")
    command = [sys.executable, "-m", "freehold", "serve", str(folder), "--port", "0"]
    environment = {**os.environ, "FREEHOLD_THREADS": "1"}
    server = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, env=environment)
    try:
        with httpx.Client(base_url=_address(log.name, server), timeout=30) as web:
            yield Desk(folder, web)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
        log.close()


def _address(log: str, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"http://[0-9.]+:\d+", Path(log).read_text()):
            return found.group()
        time.sleep(0.1)
    raise AssertionError(f"the server did not start: {Path(log).read_text()}")


def test_a_correction_becomes_a_better_model_and_an_absurd_one_does_not(desk: Desk) -> None:
    first = desk.ask(WRONG)
    assert first["model"] == "desk@1"
    right = next(a for a in ("delivery", "billing", "account") if a != first["answers"]["area"]["value"])
    for text in (WRONG, *PARAPHRASES):
        desk.correct(text, right)

    code, document = desk.run()
    assert code == 0, document["verdict"]["reasons"]
    assert document["release"]["version"] == 2
    desk.wait_for("desk@2")
    assert desk.ask(WRONG)["answers"]["area"]["value"] == right
    models = json.loads(freehold("models", desk.folder, "--json").stdout)["models"]
    assert len({model["digest"] for model in models}) == 2
    lineage = json.loads(freehold("report", desk.folder, "--json").stdout)["lineage"]
    assert len(lineage["corrections"]) == 11

    code, document = desk.run()
    assert code == 0
    assert all(stage["cached"] for stage in document["stages"]), "nothing has changed"

    others = {"delivery": "billing", "billing": "account", "account": "delivery"}
    absurd = [
        {"inputs": dict(e.inputs), "correct": {"area": others[str(e.outputs["area"])]}} for e in make_examples(240)
    ]
    batch = desk.web.post("/v1/tasks/desk/feedback", json=absurd).json()["batch"]
    code, document = desk.run()
    assert code == 1
    assert document["release"] is None
    assert any("significantly worse" in reason for reason in document["verdict"]["reasons"])
    time.sleep(1)
    assert desk.ask(WRONG)["model"] == "desk@2", "the old model keeps serving"

    assert freehold("feedback", desk.folder, "--withdraw", batch).returncode == 0
    code, document = desk.run()
    assert code == 0
    assert document["release"]["version"] == 2, "without the absurd batch everything is as it was"
    assert freehold("verify", desk.folder).returncode == 0
