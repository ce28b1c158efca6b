"""Bad input as a user meets it: one message that names the place, exit code 2, never a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.turned import TASK_FILE

from freehold.app.cli.entry import run_command

HEADER = b"text,area,urgent\n"
BROKEN = (
    b"\xff\xfe bad,billing,true\n"
    b"only two,billing\n"
    b"a,b,c,d,e\n"
    b"nul\x00here,billing,true\n"
    b"a late refund,billing,maybe\n"
    + b"x" * 10_000_000
    + b",billing,true\n"
    + b'"an open quote,billing,true\nthe last refund,billing,true\n'
)

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def type_command(capsys: pytest.CaptureFixture[str]) -> Type:
    """Types one command, in this process: its exit code, stdout and stderr."""

    def type_it(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_command([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return type_it


def task_file(*changes: tuple[str, str]) -> bytes:
    """Returns the task file with words replaced."""
    text = TASK_FILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text.encode()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("rows.csv", None, "`rows.csv` is not there"),
        ("rows.csv", b"", "`rows.csv` is empty"),
        ("rows.csv", HEADER, "`rows.csv` has no rows"),
        ("rows.csv", b"\0" * 5000, "rows.csv:1: the header cannot be read: the row has a NUL byte"),
        ("rows.csv", b"text,aera,urgent\na,b,true\n", "no column `area` (did you mean `aera`?)"),
        ("rows.csv", HEADER.decode().encode("utf-16"), "`rows.csv` is UTF-16"),
        ("rows.csv", HEADER + b"only two,billing\n", "rows.csv:2: too few columns"),
        ("rows.csv", HEADER + b"a,,\nb,,\n", "no row has one"),
        ("task.toml", None, "has no task.toml"),
        ("task.toml", b"\xff[task]", "task.toml:1: byte 0xff is not UTF-8"),
        ("task.toml", task_file(("[goal]", "[[[")), "task.toml:20: not TOML"),
        ("task.toml", task_file(("licence", "license")), "task.toml:18: unknown key `license`"),
        ("task.toml", task_file(('"data"', '["p", "q"]')), "rows.csv:2: `area` has no label"),
        ("task.toml", task_file(("licence", 'split = "test"\nlicence')), "test rows teach nothing"),
        ("base/config.json", b"{bad", "config.json` is not JSON"),
        ("base/model.safetensors", None, "has no `model.safetensors`"),
    ],
)
def test_bad_files_are_refused_by_place(
    file: str, content: bytes | None, message: str, turned: Path, tmp_path: Path, type_command: Type
) -> None:
    folder = shutil.copytree(turned, tmp_path / "desk", ignore=shutil.ignore_patterns(".freehold"))
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    code, _, said = type_command("run", folder, "--quiet")
    assert (code, message in said) == (2, True), said


@pytest.mark.parametrize("state", ["file", "file/under", "/proc/nowhere"])
def test_a_state_folder_that_cannot_be_is_refused(
    state: str, turned: Path, tmp_path: Path, type_command: Type
) -> None:
    (tmp_path / "file").write_text("x")
    code, _, said = type_command("run", turned, "--state", tmp_path / state, "--quiet")
    assert (code, "cannot be used" in said) == (2, True), said


def test_good_rows_are_kept_beside_broken_ones(turned: Path, tmp_path: Path, type_command: Type) -> None:
    folder = shutil.copytree(turned, tmp_path / "desk")
    with (folder / "rows.csv").open("ab") as rows:
        rows.write(BROKEN)
    code, out, said = type_command("run", folder, "--quiet", "--json")
    assert code in (0, 1), said
    code, out, said = type_command("report", folder, "--json")
    refused = json.loads(out)["refused"]
    listed = [json.loads(line) for line in Path(refused["path"]).read_text().splitlines()]
    assert [(row["source"], row["line"]) for row in listed] == [("rows.csv", line) for line in range(162, 169)]
    assert refused["count"] == len(listed)
    assert type_command("verify", folder)[0] == 0
