from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.data.workplace import Work

from freehold.data import SOURCES, Place, Refused
from freehold.errors import DataError
from freehold.task import Example, Source

CODE = "# SPDX-License-Identifier: MIT\nx = 1\n"


def git(folder: Path, *words: str) -> str:
    named = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *named, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def made(work: Work) -> Work:
    """A repository `code` with two commits; the first is tagged `v1`."""
    work.put("code/src/a.py", CODE)
    work.put("code/docs/b.md", "Read me.")
    work.put("code/picture.png", b"\x89PNG\xff")
    work.put("code/.hidden.md", "no")
    folder = work.folder / "code"
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin\n\nWith two files.")
    git(folder, "tag", "v1")
    work.put("code/src/a.py", CODE + "y = 2\n")
    git(folder, "commit", "-q", "-a", "-m", "Go on")
    return work


def read(work: Work, source: Source) -> list[Example]:
    rows = work.read(source)
    assert [row for row in rows if isinstance(row, Refused)] == []
    return [row for row in rows if isinstance(row, Example)]


def test_a_revision_is_read_as_it_was(made: Work) -> None:
    old = read(made, Source("git:code@v1", {"intent": "label"}))
    assert [(row.inputs["text"], row.outputs["intent"], row.passport.locator) for row in old] == [
        ("Read me.", "docs", "git:code@v1/docs/b.md:1"),
        (CODE.strip(), "src", "git:code@v1/src/a.py:1"),
    ]
    assert [row.passport.licence for row in old] == ["", "MIT"]
    new = read(made, Source("git:code", {"intent": "label"}))
    assert new[1].inputs["text"].endswith("y = 2")


def test_what_is_not_committed_is_not_read(made: Work) -> None:
    made.put("code/src/a.py", "broken")
    made.put("code/src/new.py", "new")
    assert "broken" not in {row.inputs["text"] for row in read(made, Source("git:code", {}))}
    assert len(read(made, Source("git:code", {}, files=("*.py",)))) == 1


def test_commits_are_rows(made: Work) -> None:
    last, first = read(made, Source("git-log:code", {"text": "text", "intent": "files"}))
    assert first.inputs["text"] == "Begin\n\nWith two files."
    assert last.outputs == {"intent": "src/a.py"}
    assert (first.passport.author, len(first.passport.time)) == ("Ada", len("2026-01-01T00:00:00+00:00"))
    assert first.passport.locator.startswith("git-log:code:")
    assert [row.inputs["text"] for row in read(made, Source("git-log:code@v1", {}))] == [first.inputs["text"]]


def test_the_digest_is_that_of_the_revision(made: Work) -> None:
    kind = SOURCES.get("git.v1")
    place = Place.of("git:code@v1", folder=made.folder)
    before = kind.digest(place)
    git(made.folder / "code", "commit", "-q", "--allow-empty", "-m", "Empty")
    assert kind.digest(place) == before
    assert kind.digest(Place.of("git:code", folder=made.folder)) != before


def test_no_program_of_the_repository_runs(made: Work) -> None:
    folder = made.folder / "code"
    mark = made.folder / "ran"
    for name in ("core.fsmonitor", "diff.external", "filter.x.smudge", "core.pager", "gpg.program"):
        git(folder, "config", name, f"touch {mark}; false")
    made.put("code/.gitattributes", "*.py filter=x\n")
    git(folder, "add", ".gitattributes")
    mark.unlink(missing_ok=True)
    read(made, Source("git:code", {}))
    read(made, Source("git-log:code", {}))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("git:none", "source `git:none` is not there.*There is no folder"),
        ("git:code@v9", "source `git:code@v9` has no revision 'v9'.*lists them"),
        ("git:code@--help", "has no revision '--help'"),
        ("git:plain", "is no git repository"),
        ("git:", "source `git:` names no repository.*Write git:FOLDER"),
    ],
)
def test_what_is_no_repository_says_so(made: Work, uri: str, message: str) -> None:
    made.put("plain/a.txt", "a")
    with pytest.raises(DataError, match=f"(?s){message}"):
        made.read(uri)
