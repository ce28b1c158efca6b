"""`freehold teachers`: who labels, how good each is, and what asking would take."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.label.fake_endpoint import serving
from tests.label.test_label_teachers import classify
from tests.small import AREAS, make_examples

from freehold.app.cli.entry import run_command

TASK = """\
[task]
name = "desk"
base = "minilm"
[input]
text = "string"
[output.area]
kind = "choice"
labels = ["account", "billing", "delivery"]
[[source]]
uri = "rows.csv"
licence = "CC0-1.0"
split = "train"
"""
TEACHERS = """
[[teacher]]
name = "cloud"
url = "{url}"
model = "m"
price = {{ input = 1.0, output = 2.0 }}
[[teacher]]
name = "words"
patterns = "words.csv"
[label]
budget = 0.5
"""


def make_folder(folder: Path, teachers: str) -> Path:
    (folder / "task.toml").write_text(TASK + teachers)
    with (folder / "rows.csv").open("w", newline="") as file:
        rows = [
            (each.inputs["text"], each.outputs["area"] if n % 3 else "")
            for n, each in enumerate(make_examples(90))
        ]
        csv.writer(file).writerows([("text", "area"), *rows])
    lines = [f"{word},area,{area}" for word, area in AREAS.items() if word != "card"]
    (folder / "words.csv").write_text("\n".join(["pattern,field,value", *lines]))
    return folder


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:
    assert run_command([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_task_without_teachers_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(make_folder(tmp_path, ""))
    assert run("teachers", folder, capsys=capsys) == {"task": "desk", "teachers": []}
    assert run_command(["teachers", folder]) == 0
    assert "there is no [[teacher]]" in capsys.readouterr().out


def test_a_run_asks_and_the_command_shows_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(classify) as cloud:
        folder = str(make_folder(tmp_path, TEACHERS.format(url=cloud.url)))
        first = run("teachers", folder, "--dry-run", capsys=capsys)
        assert cloud.bodies == []
        [remote, here] = first["estimates"]
        assert (here["calls"], first["budget"]["cost"]) == (0, 0.5)
        assert run("teachers", folder, capsys=capsys)["teachers"][0]["accuracy"] is None
        assert cloud.bodies == []
        assert run_command(["run", folder, "--quiet", "--json"]) in (0, 1)
        capsys.readouterr()
        asked = len(cloud.bodies)
        assert asked == remote["calls"]
        found = run("teachers", folder, capsys=capsys)
        by_name = {each["teacher"]: each for each in found["teachers"]}
        assert by_name["cloud"]["accuracy"]["value"] == 1.0
        assert by_name["words"]["answered"] < by_name["words"]["asked"] == by_name["cloud"]["answered"]
        assert found["spent"]["cloud"] == {
            "calls": asked,
            "tokens": 110 * asked,
            "cost": pytest.approx(120e-6 * asked),
        }
        assert run_command(["teachers", folder]) == 0
        shown = capsys.readouterr().out
        assert "(committee)" in shown
        assert run("teachers", folder, "--dry-run", capsys=capsys)["estimates"][0]["calls"] == 0
        assert run_command(["teachers", folder, "--dry-run"]) == 0
        assert "nobody is asked now" in capsys.readouterr().out
        assert run_command(["run", folder, "--quiet", "--json"]) in (0, 1)
        assert len(cloud.bodies) == asked, "nothing had changed"


def test_a_killed_run_goes_on_and_pays_nothing_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def slow(body: Any) -> Any:
        time.sleep(0.05)
        return classify(body)

    with serving(slow) as cloud:
        teachers = TEACHERS.format(url=cloud.url).replace('model = "m"', 'model = "m"\nparallel = 2')
        folder = str(make_folder(tmp_path, teachers))
        whole = run("teachers", folder, "--dry-run", capsys=capsys)["estimates"][0]["calls"]
        command = [sys.executable, "-c", "from freehold.app.cli import main; main()", "run", folder, "--quiet"]
        with subprocess.Popen(command, env={**os.environ}) as process:
            while len(cloud.bodies) < 10 and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        before = len(cloud.bodies)
        assert 10 <= before < whole
        assert run_command(["run", folder, "--quiet", "--json"]) in (0, 1)
        capsys.readouterr()
        assert len(cloud.bodies) <= whole + 2, "but for those that were on their way"
        spent = run("teachers", folder, capsys=capsys)["spent"]["cloud"]
    assert spent == {"calls": whole, "tokens": 110 * whole, "cost": pytest.approx(120e-6 * whole)}
