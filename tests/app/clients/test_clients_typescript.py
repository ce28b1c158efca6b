"""The TypeScript client: its types under tsc, and under node its way to a running server and back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.app.clients.odd_desk import ANSWERS, INPUTS, LINES, MAIL, ODD, SUBJECT, TEXT, page_example, serving
from tests.app.clients.scripted import Reply, scripted
from tests.typescript import TypeScript

from freehold.app.clients import write_client

Ask = Callable[..., Any]

STRICTER = (
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--noPropertyAccessFromIndexSignature",
    "--noUnusedLocals",
    "--noUnusedParameters",
    "--verbatimModuleSyntax",
    "--erasableSyntaxOnly",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, and the program that uses it."""
    made = tmp_path_factory.mktemp("clients")
    text = write_client(SUBJECT, "typescript", version="1.2.3")
    (made / "odd_desk_client.ts").write_text(text, encoding="utf-8")
    use = (Path(__file__).parent / "use.ts").read_text(encoding="utf-8")
    row = dict(zip(INPUTS, (TEXT, "y"), strict=True))
    values = {"ODD": ODD, "LINES": LINES, "ROW": row, "N": SUBJECT.fields[-1].name}
    for name, value in values.items():
        before, _, after = use.partition(f"/*{name}*/")
        while after:
            end = after.index(";")
            use = f"{before}{json.dumps(value)}{after[end:]}"
            before, _, after = use.partition(f"/*{name}*/")
    (made / "use.ts").write_text(use, encoding="utf-8")
    (made / "package.json").write_text('{"type": "module"}')
    return made


@pytest.fixture(scope="module")
def compiled(folder: Path, typescript: TypeScript) -> Path:
    """The folder, after the compiler has found nothing wrong."""
    shared = ("--strict", "--target", "es2022", "--module", "nodenext")
    compile_(typescript, *shared, *STRICTER, "use.ts", folder=folder)
    return folder


@pytest.fixture
def ask(compiled: Path, typescript: TypeScript) -> Ask:
    """Runs the program and returns what it printed."""

    def run(what: str, url: str, *, environment: dict[str, str] | None = None, **options: Any) -> Any:
        words = [typescript.node, "use.js", what, url, json.dumps(options)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
        done = subprocess.run(
            words, cwd=compiled, env={**kept, **(environment or {})}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def compile_(typescript: TypeScript, *words: str, folder: Path) -> None:
    done = subprocess.run([typescript.tsc, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_types_are_the_tasks_own(compiled: Path) -> None:
    """The compiler has checked them, the marked lines too."""
    assert (compiled / "use.js").exists()


def test_an_older_language_will_do(folder: Path, typescript: TypeScript, tmp_path: Path) -> None:
    shutil.copy(folder / "odd_desk_client.ts", tmp_path / "odd_desk_client.ts")
    words = ("--strict", "--noEmit", "--target", "es2020", "--lib", "es2020,dom", "odd_desk_client.ts")
    compile_(typescript, *words, folder=tmp_path)


def test_the_page_is_right(typescript: TypeScript, tmp_path: Path) -> None:
    (tmp_path / "mail_client.ts").write_text(write_client(MAIL, "typescript", version=""), encoding="utf-8")
    (tmp_path / "page.ts").write_text(page_example("typescript"), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    words = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "page.ts")
    compile_(typescript, *words, folder=tmp_path)


def test_the_way_to_a_server_and_back(ask: Ask, tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        found = ask("talk", url)
    answers = {name: answer.to_json() for name, answer in ANSWERS.items()}
    expected = {"task": "odd-desk", "model": "odd-desk@1", "request": "ts-1", "answers": answers}
    assert found["prediction"] == expected
    assert found["covered"] == ["now"]
    assert (found["ids"], found["none"]) == (["ts-2.0", "ts-2.1"], 0)
    assert (found["taken"], found["rejected"], found["withdrawn"]) == (1, [1], 1)
    shared = {"name": "FreeholdError", "told": True, "id": True}
    assert found["again"] == {**shared, "status": 404, "code": "feedback_not_found", "param": "id"}
    assert found["missing"] == {**shared, "status": 400, "code": "missing_input", "param": INPUTS[1]}
    assert found["broken"] == {**shared, "status": 500, "code": "internal_error", "param": ""}


def test_keys_are_sent(ask: Ask, tmp_path: Path) -> None:
    with serving(tmp_path, token="so secret") as url:
        assert ask("ask", url)["found"]["code"] == "invalid_token"
        assert ask("ask", url, apiKey="so secret")["found"]["task"] == "odd-desk"
        assert ask("ask", url, environment={"FREEHOLD_TOKEN": "so secret"})["found"]["task"] == "odd-desk"


BUSY = Reply.fault(503, "overloaded")
LIMITED = Reply.fault(429, "rate_limit_exceeded", retry_after="1")


def test_a_busy_server_is_asked_again(ask: Ask) -> None:
    with scripted([BUSY, LIMITED, Reply()]) as script:
        found = ask("ask", script.url)
        assert found["found"]["model"] == "odd-desk@1"
        assert len(script.times) == 3
        assert script.times[-1] - script.times[0] >= 1


@pytest.mark.parametrize(
    ("reply", "options", "asked", "code"),
    [
        (Reply.fault(500, "internal_error"), {}, 1, "internal_error"),
        (Reply(502, {}, "<html>"), {}, 1, "unreadable"),
        (Reply.fault(429, "rate_limit_exceeded", retry_after="60"), {}, 1, "rate_limit_exceeded"),
        (Reply.fault(503, "overloaded", retry_after="0"), {"retries": 2}, 3, "overloaded"),
        (Reply.fault(503, "overloaded"), {"timeoutMs": 1000, "retries": 99}, None, "overloaded"),
        (Reply(delay=30), {"timeoutMs": 300}, None, "timeout"),
    ],
)
def test_what_fails_is_thrown_in_time(
    reply: Reply, options: dict[str, Any], asked: int | None, code: str, ask: Ask
) -> None:
    with scripted([reply]) as script:
        found = ask("ask", script.url, **options)
        assert found["seconds"] < 5
        assert found["found"]["code"] == code
        assert found["found"]["status"] == (0 if code == "timeout" else reply.status)
        assert asked is None or len(script.times) == asked


def test_a_server_that_is_not_there(ask: Ask) -> None:
    with scripted([Reply()]) as script:
        pass
    found = ask("ask", script.url)["found"]
    assert (found["status"], found["code"]) == (0, "unreachable")
