"""`freehold serve --on ray`: the real command with two replicas on this machine, from its start to its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from tests.app.conftest import Type
from tests.app.test_app_processes import START
from tests.serve.bank import admit
from tests.serve.batched import begin, lines, packed, result, wait

from freehold.registry import Registry
from freehold.task import folder_files, load_task

ROUTE = "/v1/tasks/desk"
TEXTS = {
    "where is my parcel": "delivery",
    "please check the invoice": "billing",
    "who changed my login": "account",
}
ASKED = 120
LINES = 1_000


@dataclass
class Running:
    """The command while it runs."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path
    before: frozenset[Path] = frozenset()

    def family(self) -> dict[int, str]:
        """Returns the processes that the command has started, and those have, with their names."""
        done = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], check=True, capture_output=True, text=True)
        rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
        found: dict[int, str] = {self.process.pid: "freehold"}
        for pid, parent, *name in rows * 4:  # a child may stand above its parent
            if int(parent) in found and "defunct" not in str(name):
                found.setdefault(int(pid), " ".join(name))
        return found

    def homes(self) -> set[Path]:
        """Returns the folders with certificates, keys and Ray's logs that came since the command was started."""
        return set(Path("/tmp").glob("freehold-*/key.pem")) - self.before

    def replicas(self) -> set[int]:
        return {pid for pid, name in self.family().items() if name.startswith("ray::ServeReplica")}

    def post(self, text: str) -> httpx.Response:
        return httpx.post(f"{self.url}{ROUTE}", json={"text": text}, timeout=60)

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Asks over eight connections; all are answered, and right. Repeats where it is told to try again."""

        def one(number: int) -> dict[str, Any]:
            text = list(TEXTS)[number % len(TEXTS)]
            while (said := self.post(text)).status_code == 503:
                assert said.json()["error"]["code"] == "not_ready"
                time.sleep(float(said.headers["retry-after"]) / 10)
            assert said.status_code == 200, said.text
            found: dict[str, Any] = said.json()
            assert found["answers"]["area"]["value"] == TEXTS[text]
            assert said.headers.get_list("x-request-id") == [found["request"]]
            return found

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(count)))

    def counts(self, seen: dict[str, int]) -> dict[str, int]:
        """Notes how much the replica that answers this time has predicted, by its own name in `seen`."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        replica = re.search(r'freehold_process_info\{pid="(\d+)"\}', text)
        assert replica is not None
        made = re.findall(r"^freehold_predictions_total\{.*\} ([\d.]+)$", text, re.M)
        seen[replica[1]] = sum(int(float(each)) for each in made)
        return seen


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError


def start(folder: Path, *words: str) -> Running:
    command = [*START, "serve", str(folder), "--on", "ray", "--port", "0", "--rate", "0", "--json", *words]
    before = frozenset(Path("/tmp").glob("freehold-*/key.pem"))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, cwd=folder.parent
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate(timeout=60)[1].decode())
    return Running(process, json.loads(line)["url"], folder, before)


def starting(folder: Path) -> Running:
    """Starts the command, and returns in the midst of its start."""
    command = [*START, "serve", str(folder), "--on", "ray", "--port", "0", "--replicas", "1"]
    running = Running(subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True), "", folder)
    wait_until(lambda: any("gcs_server" in name for name in running.family().values()))
    return running


def ended(running: Running, family: dict[int, str]) -> bytes:
    """Waits for the command's end, and for that of all that it started; returns what it said."""
    _, said = running.process.communicate(timeout=120)
    wait_until(lambda: not any(_lives(pid) for pid in family))
    return said


def _lives(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return done.stdout.strip() not in ("", "Z", "Zs", "Zl")


@pytest.fixture(scope="module")
def running(turned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(shutil.copytree(turned, tmp_path_factory.mktemp("replicas") / "desk"))
    server = start(folder)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
            server.process.communicate(timeout=120)


def test_two_replicas_answer_at_one_address(running: Running) -> None:
    assert len(running.replicas()) == 2
    found = running.ask(ASKED)
    assert len({each["request"] for each in found}) == ASKED
    with Registry.open(running.folder / ".freehold") as shelf:
        recorded = {each.id for each in shelf.requests("desk", limit=10 * ASKED)}
    assert {each["request"] for each in found} <= recorded, "what each answered is in the one record"
    seen: dict[str, int] = {}
    wait_until(lambda: len(running.counts(seen)) == 2)
    assert {int(pid) for pid in seen} == running.replicas()
    assert min(seen.values()) > 0
    assert sum(seen.values()) == ASKED


def test_both_follow_the_champion(running: Running) -> None:
    task = load_task(running.folder)
    with Registry.open(running.folder / ".freehold") as shelf:
        champion = shelf.champion("desk")
        assert champion is not None
        folder = champion.artifact.folder
        files = {name: (folder / name).read_bytes() for name in folder_files(folder)}
        admit(shelf, task, {**files, "NOTE": b"the second"})
    wait_until(lambda: {each["model"] for each in running.ask(20)} == {"desk@2"})
    assert {each["model"] for each in running.ask(ASKED)} == {"desk@2"}


def test_the_others_answer_where_one_is_killed_and_finish_its_batch_line_by_line(running: Running) -> None:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=9) as client:
        texts = list(TEXTS)
        asked = lines(LINES, url=ROUTE, body=lambda number: {"text": texts[number % len(texts)]})
        batch = begin(client, packed(asked), endpoint=ROUTE)
        killed = min(running.replicas())
        os.kill(killed, signal.SIGKILL)
        assert len(running.ask(ASKED)) == ASKED
        batch = wait(client, batch, patience=120)
        found = result(client, batch.output_file_id)
    assert [each["custom_id"] for each in found] == [each["custom_id"] for each in asked]
    wait_until(lambda: len(running.replicas() - {killed}) == 2)
    seen: dict[str, int] = {}
    wait_until(lambda: len(running.counts(seen)) == 2)
    assert {int(pid) for pid in seen} == running.replicas()


def test_sigterm_lets_open_requests_finish_and_leaves_nobody(running: Running) -> None:
    family, body = running.family(), json.dumps({"text": "where is my parcel"}).encode()
    assert len(running.homes()) == 1
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
    connection.putrequest("POST", ROUTE)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body[:5])
    assert httpx.get(f"{running.url}/readyz", timeout=60).status_code == 200  # so the other one is known, too
    running.process.send_signal(signal.SIGTERM)
    wait_until(lambda: httpx.get(f"{running.url}/readyz", timeout=60).status_code == 503)
    connection.send(body[5:])
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.load(answer)["answers"]["area"]["value"] == "delivery"
    connection.close()
    said = ended(running, family)
    assert running.process.returncode == 0, said.decode()
    assert b"Traceback" not in said
    assert running.homes() == set()


@pytest.mark.slow
@pytest.mark.parametrize("early", [True, False])
def test_ctrl_c_ends_it_too(turned: Path, tmp_path: Path, early: bool) -> None:
    """The terminal sends it to every process of the group."""
    folder = Path(shutil.copytree(turned, tmp_path / "desk"))
    running = start(folder) if not early else starting(folder)
    try:
        family = running.family()
        os.killpg(running.process.pid, signal.SIGINT)
        said = ended(running, family)
    finally:
        running.process.kill()
    assert running.process.returncode == (130 if early else 0), said.decode()
    assert b"Traceback" not in said


@pytest.mark.slow
def test_it_ends_where_ray_does(turned: Path, tmp_path: Path) -> None:
    running = start(Path(shutil.copytree(turned, tmp_path / "desk")))
    try:
        family = running.family()
        os.kill(next(pid for pid, name in family.items() if "/raylet/raylet" in name), signal.SIGKILL)
        said = ended(running, family)
    finally:
        running.process.kill()
    assert running.process.returncode == 2, said.decode()
    assert said.splitlines()[-2] == b"Ray ended, and the replicas with it."  # behind what its processes said
    assert running.homes() == set()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--replicas", "2"], "`--replicas` is for `--on ray`", "freehold serve --on ray --replicas 2"),
        (["--on", "ray", "--replicas", "0"], "`--replicas` is 0; it is a number from 1 to 64.", ""),
        (["--on", "ray", "--rate", "-1"], "`--rate` is -1.0", ""),
        (["--on", "ray", "--port", "70000"], "ports go from 0 to 65535", ""),
        (["--on", "ray", "--host", "0.0.0.0"], "there is no token and no key", "freehold keys create"),
        (["--on", "moon"], "moon", "ray"),
    ],
)
def test_mistakes(desk: Path, type_command: Type, words: list[str], message: str, hint: str) -> None:
    said = type_command("serve", desk, *words)
    assert said.code == 2
    assert message in said.err
    assert hint in said.err


def test_without_ray_it_is_said_how_to_install_it(
    desk: Path, type_command: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = type_command("serve", desk, "--on", "ray")
    assert said.code == 2
    assert "`ray` is not installed." in said.err
    assert "pip install 'freehold[ray]'" in said.err
