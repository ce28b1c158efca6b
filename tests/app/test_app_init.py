from __future__ import annotations

from pathlib import Path

import pytest
from tests.app.conftest import Type

from freehold.app.cli.initialise import _TEMPLATES
from freehold.data import Refused, read_rows
from freehold.task import load_task

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(folder.name for folder in (ROOT / "examples").iterdir() if (folder / "task.toml").is_file())


def test_a_new_task_is_ready_to_run(type_command: Type, tmp_path: Path) -> None:
    said = type_command("init", tmp_path / "my-task", "--json")
    assert (said.code, said.document) == (0, {"path": str(tmp_path / "my-task")})
    task = load_task(tmp_path / "my-task")
    assert task.name == "my-task"
    [source] = task.sources
    rows = list(read_rows(source, folder=task.folder, inputs=tuple(task.inputs), fields=task.fields))
    assert len(rows) == 64
    assert not any(isinstance(row, Refused) for row in rows)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_can_be_copied(name: str, type_command: Type, tmp_path: Path) -> None:
    """What is shipped in the package is what stands in `examples/`."""
    said = type_command("init", tmp_path / "mine", "--example", name)
    assert said.code == 0
    assert "freehold run" in said.out
    assert load_task(tmp_path / "mine").name == "mine"
    shipped, original = _TEMPLATES / name / "task.toml", ROOT / "examples" / name / "task.toml"
    assert shipped.read_bytes() == original.read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["taken"], "`taken` exists and is not empty"),
        (["file"], "`file` exists and is not empty"),
        (["My Task"], "'My Task' cannot name a task"),
        (["-x-"], "No such option"),
        (["new", "--example", "nope"], "There is no example called 'nope'"),
        (["file/new"], "`file/new` cannot be written"),
    ],
)
def test_init_refuses(
    words: list[str], message: str, type_command: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    said = type_command("init", *words, "--json")
    assert said.code == 2
    assert message in said.document["error"]["message"]
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"


def test_init_fills_an_empty_folder(type_command: Type, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert type_command("init", tmp_path / "here").code == 0
