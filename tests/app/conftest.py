"""A task folder that was turned once, and a way to type commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from freehold.app.cli.entry import run_command


class Said(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


Type = Callable[..., Said]


@pytest.fixture
def type_command(capsys: pytest.CaptureFixture[str]) -> Type:
    """Types one command, in this process, and returns what it said."""

    def type_it(*words: object) -> Said:
        capsys.readouterr()
        code = run_command([str(word) for word in words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return type_it


@pytest.fixture
def desk(turned: Path, tmp_path: Path) -> Path:
    """A copy of the turned folder, state and all."""
    return Path(shutil.copytree(turned, tmp_path / "desk"))
