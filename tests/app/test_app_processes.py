"""Commands as processes: what they load, how they stop, how they serve."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

# Where the tests are a shell's background job, Ctrl-C is ignored by them and by whatever they start.
CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
START = [sys.executable, "-c", f"{CTRL_C}from freehold.app.cli import main; main()"]
LOADED = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=open(sys.argv.pop(1), "w")))
from freehold.app.cli import main
main(sys.argv[2:])
"""


def loaded_by(report: Path, *words: object) -> set[str]:
    """Returns the modules that a command had loaded when it ended."""
    program = [sys.executable, "-c", LOADED, str(report), *map(str, words)]
    done = subprocess.run(program, check=False, timeout=120, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return {name.partition(".")[0] for name in report.read_text().split()}


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_is_light(words: list[str], tmp_path: Path) -> None:
    heavy = {"torch", "transformers", "onnxruntime", "sqlalchemy", "starlette", "numpy", "pyarrow", "sklearn"}
    assert loaded_by(tmp_path / "modules", *words) & heavy == set()


def test_a_run_without_news_loads_no_models(turned: Path, tmp_path: Path) -> None:
    loaded = loaded_by(tmp_path / "modules", "run", turned, "--json")
    heavy = {"torch", "transformers", "onnxruntime", "onnx", "pyarrow", "sklearn", "scipy", "peft", "rensa"}
    assert loaded & heavy == set()
    assert "sqlalchemy" in loaded


def test_ctrl_c_stops_a_run_that_goes_on_later(turned: Path, tmp_path: Path) -> None:
    desk = shutil.copytree(turned, tmp_path / "desk", ignore=shutil.ignore_patterns(".freehold"))
    process = subprocess.Popen(
        [*START, "run", str(desk)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("label.annotate: done"):
            process.send_signal(signal.SIGINT)
            break
    rest, said = process.communicate(timeout=120)[::-1]
    assert process.returncode == 130, rest
    assert "Stopped. What was finished is kept" in rest
    assert "Traceback" not in rest
    assert said == ""
    assert list((desk / ".freehold" / "work").rglob("folder")) == []
    planned = subprocess.run([*START, "run", str(desk), "--dry-run", "--json"], check=True, capture_output=True)
    states = [stage["state"] for stage in json.loads(planned.stdout)["stages"]]
    assert states[:2] == ["recorded", "recorded"]


def test_serve_answers_until_it_is_stopped(turned: Path) -> None:
    process = subprocess.Popen(
        [*START, "serve", str(turned), "--port", "0", "--json"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["tasks"] == ["desk"]
        request = urllib.request.Request(
            f"{ready['url']}/v1/tasks/desk",
            data=json.dumps({"text": "where is my parcel"}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["answers"]["area"]["value"] == "delivery"
        mapped = Path(f"/proc/{process.pid}/maps")
        assert "/ray/" not in (mapped.read_text() if mapped.exists() else ""), (
            "a local server loads nothing of Ray"
        )
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()
    assert b"Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A disk of 2 MB, where the system lets us have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("this user may not mount a tmpfs")
    return disk


def test_a_full_disk_is_the_operators_to_mend(turned: Path, small_disk: Path) -> None:
    filler = small_disk / "filler"
    try:
        with filler.open("wb") as file:
            file.write(b"x" * 1_700_000)
        command = [*START, "run", str(turned), "--state", str(small_disk / "state"), "--json"]
        done = subprocess.run(command, check=False, timeout=300, capture_output=True)
        assert done.returncode == 2, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        error = json.loads(done.stdout)["error"]
        assert error["type"] == "StorageError"
        assert "full" in error["message"]
        filler.unlink()
        os.sync()
        verified = subprocess.run(
            [*START, "verify", str(turned), "--state", str(small_disk / "state")], check=False, capture_output=True
        )
        assert verified.returncode == 0, verified.stdout.decode()
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=False)


def test_the_review_page_opens_in_the_browser(turned: Path, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    program = tmp_path / "browser.py"
    program.write_text(f"import sys\nopen({str(opened)!r}, 'w').write(sys.argv[1])\n")
    process = subprocess.Popen(
        [*START, "review", str(turned), "--open", "--port", "0", "--json"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "BROWSER": f"{sys.executable} {program} %s"},
    )
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["url"].endswith("/review/desk")
        with urllib.request.urlopen(ready["url"], timeout=10) as page:
            assert b'data-task="desk"' in page.read()
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 0, said
    assert f"Review desk at {ready['url']}" in said
    assert opened.read_text() == ready["url"]
