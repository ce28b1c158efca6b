"""`freehold upstreams`: who is asked, what was spent, what would be sent; a key is never shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.app.conftest import Type
from tests.serve.faulty import Call, healthy, status, upstream

from freehold.registry import Budget, Registry, Spent

TASK = """\
[task]
name = "mail"
description = "Which desk?"
[input]
text = "string"
[output.intent]
kind = "choice"
labels = ["top_up", "transfer"]
[output.urgent]
kind = "predicate"
[router]
cost_per_month = 2
[[upstream]]
name = "cloud"
url = "URL"
model = "large"
trust = 0.9
key = "MAIL_TEST_KEY"
price = { input = 1.0, output = 10.0 }
"""
SECRET = "sk-hidden-0123"
ROW = json.dumps({"text": "hi"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAIL_TEST_KEY", SECRET)
    return write(tmp_path, "https://api.example.com/v1")


def write(folder: Path, url: str) -> Path:
    (folder / "task.toml").write_text(TASK.replace("URL", url))
    return folder


def test_what_was_spent_stands_against_the_budget(folder: Path, type_command: Type) -> None:
    month = datetime.now(UTC).strftime("%Y-%m")
    with Registry.open(folder / ".freehold") as shelf:
        shelf.reserve_spending("mail", Spent(3, 500, 250_000_000), upstream="cloud", month=month, budget=Budget())
    document = type_command("upstreams", folder, "--json").document
    assert document == {
        "task": "mail",
        "month": month,
        "upstreams": [
            {
                "name": "cloud",
                "url": "https://api.example.com/v1",
                "model": "large",
                "fields": ["intent", "urgent"],
                "trust": 0.9,
                "key": "MAIL_TEST_KEY",
                "calls": 3,
                "tokens": 500,
                "cost": 0.25,
            }
        ],
        "spent": {"calls": 3, "tokens": 500, "cost": 0.25},
        "budget": {"tokens": None, "cost": 2.0},
    }
    said = type_command("upstreams", folder)
    assert said.code == 0
    assert "This month: 0.25 of 2, 500 of any number of tokens." in said.out


def test_each_is_tried_once(folder: Path, type_command: Type) -> None:
    with upstream(values={"intent": "top_up", "urgent": True}) as server:
        write(folder, server.url)
        said = type_command("upstreams", folder, "--try", ROW, "--json")
        assert said.code == 0
        [trial] = said.document["trials"]
        assert (trial["outcome"], trial["values"]) == ("ok", {"intent": "top_up", "urgent": True})
        assert (trial["tokens"], trial["cost"]) == (110, 0.0002)
        assert said.document["spent"] == {"calls": 1, "tokens": 110, "cost": 0.0002}
        assert len(server.calls) == 1
        shown = type_command("upstreams", folder, "--try", ROW)
        assert '{"intent": "top_up", "urgent": true}' in shown.out
        server.fault = status("401 Who")
        failed = type_command("upstreams", folder, "--try", ROW)
        assert (failed.code, "refused" in failed.out) == (1, True)
    assert SECRET not in said.out + said.err + shown.out + shown.err + failed.out + failed.err


def test_a_dry_run_shows_what_would_be_sent_and_it_is(folder: Path, type_command: Type) -> None:
    sent: list[Call] = []

    async def noting(call: Call) -> None:
        sent.append(call)
        await healthy(call)

    with upstream(noting) as server:
        write(folder, server.url)
        said = type_command("upstreams", folder, "--try", ROW, "--dry-run", "--json")
        assert sent == []
        [request] = said.document["requests"]
        assert request["headers"]["authorization"] == "Bearer $MAIL_TEST_KEY"
        type_command("upstreams", folder, "--try", ROW)
        assert sent[0].body == request["body"]
        assert f"bearer {SECRET}" in sent[0].head.decode().lower()
    text = type_command("upstreams", folder, "--try", ROW, "--dry-run").out
    assert "POST http://127.0.0.1" in text
    assert "At most " in text
    assert SECRET not in text + said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dry-run"], "`--dry-run` shows what `--try` would send."),
        (["--try", "{"], "`--try` is not JSON."),
        (["--try", '{"txt": "a"}'], "does not have exactly the task's inputs"),
    ],
)
def test_mistakes(folder: Path, type_command: Type, words: list[str], message: str) -> None:
    said = type_command("upstreams", folder, *words)
    assert (said.code, message in said.err) == (2, True)


def test_a_key_that_is_missing_and_labels_that_nobody_knows(
    folder: Path, type_command: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_TEST_KEY")
    assert "`MAIL_TEST_KEY` is not set" in type_command("upstreams", folder, "--try", ROW).err
    text = (folder / "task.toml").read_text().replace('["top_up", "transfer"]', '"data"')
    (folder / "task.toml").write_text(text)
    assert "The labels of `intent` are in the data" in type_command("upstreams", folder, "--try", ROW).err


def test_a_task_without_any(folder: Path, type_command: Type) -> None:
    (folder / "task.toml").write_text(TASK.partition("[router]")[0])
    assert type_command("upstreams", folder, "--json").document == {"task": "mail", "upstreams": []}
    assert "asks nobody" in type_command("upstreams", folder).out


def test_serving_says_where_texts_go(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from freehold import serve
    from freehold.app.cli.entry import run_command

    monkeypatch.setattr(serve, "serve", lambda tasks, *, tell, **_: tell("http://127.0.0.1:8420"))
    assert run_command(["serve", str(folder)]) == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "Texts that the model of `mail` is not sure of go to https://api.example.com/v1 (cloud: large); "
        "that costs money, at most 2 a month."
    )
