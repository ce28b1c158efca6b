"""The Python client: its types under mypy, and its way to a running server and back."""

from __future__ import annotations

import email.utils
import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.app.clients.odd_desk import ANSWERS, INPUTS, LINES, MAIL, ODD, SUBJECT, TEXT, page_example, serving
from tests.app.clients.scripted import Reply, scripted

from freehold.app.clients import write_client

ROW = dict(zip(INPUTS, (TEXT, "y"), strict=True))

TYPED = """
from typing import Literal
from typing_extensions import assert_type
from odd_desk_client import *

def ask(client: Client) -> None:
    prediction = client.predict(ROW)
    answers = prediction.answers
    assert_type(answers["class"].value, Literal[ODD, LINES, "plain"])
    assert_type(answers["class"].probabilities["plain"], float)
    assert_type(answers["a-b"].value, list[Literal["card", "parcel"]])
    assert_type(answers["a_b"].value, bool)
    assert_type(answers["a_b"].probabilities["true"], float)
    assert_type(answers["mood"].value, Literal[-1, 0, 1])
    assert_type(answers["mood"].probabilities["-1"], float)
    assert_type(answers["price"].value, float)
    assert_type(answers["price"].interval, tuple[float, float] | None)
    assert_type(answers["1st"].value, list[Span[Literal["when", ODD]]])
    assert_type(answers["1st"].value[0].label, Literal["when", ODD])
    assert_type(answers["note"].value, str)
    assert_type(answers[N].value, Literal["True", "None"])
    assert_type(client.predict_many([ROW, ROW]), list[Prediction])
    client.correct("r", {"class": ODD, "a-b": ["card"], "mood": 0, "1st": [Span("when", 0, 3, "now")]})
    client.add_example(ROW, {"a_b": False, "price": 3, "note": "x"})
    client.rate("r", "up")
    client.give_feedback([{"request": "r", "rating": 0.5}, {"inputs": ROW, "correct": {"class": "plain"}}])

    client.predict({"text": "x"})  # type: ignore[typeddict-item]
    client.predict({**ROW, "more": "x"})  # type: ignore[typeddict-unknown-key]
    client.correct("r", {"class": "plane"})  # type: ignore[typeddict-item]
    client.correct("r", {"klass": "plain"})  # type: ignore[typeddict-unknown-key]
    client.correct("r", {"mood": 2})  # type: ignore[typeddict-item]
    client.correct("r", {"1st": [Span("then", 0, 3, "now")]})  # type: ignore[arg-type]
    client.rate("r", "sideways")  # type: ignore[arg-type]
    answers["klass"]  # type: ignore[typeddict-item]
    answers["class"].probabilities["plane"]  # type: ignore[index]
    if answers["class"].value == "plane":  # type: ignore[comparison-overlap]
        pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clients")
    text = write_client(SUBJECT, "python", version="1.2.3")
    (made / "odd_desk_client.py").write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def made(folder: Path) -> Iterator[Any]:
    """The client's module."""
    spec = importlib.util.spec_from_file_location("odd_desk_client", folder / "odd_desk_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("odd")) as told:
        yield told


def test_types_are_the_tasks_own(folder: Path) -> None:
    """Wrong lines are marked; a mark that mypy does not need is a mistake to it."""
    rows = "{" + ", ".join(f"{name!r}: 'x'" for name in INPUTS) + "}"
    named = {
        "{**ROW, ": f"{rows[:-1]}, ",
        "ROW": rows,
        "ODD": repr(ODD),
        "LINES": repr(LINES),
        "[N]": '["it\'s \\"n\\"\\n"]',
    }
    text = TYPED
    for name, value in named.items():
        text = text.replace(name, value)
    (folder / "use.py").write_text(text, encoding="utf-8")
    (folder / "mail_client.py").write_text(write_client(MAIL, "python", version=""), encoding="utf-8")
    (folder / "page.py").write_text(page_example("python"), encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-version=3.10"]
    done = subprocess.run(
        [*words, "use.py", "odd_desk_client.py", "page.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "Success: no issues found in 3 source files\n", done.stdout + done.stderr


def test_every_kind_of_answer_comes_back(made: Any, url: str) -> None:
    with made.Client(url) as client:
        prediction = client.predict(ROW, request="ask-1")
        assert (prediction.task, prediction.model, prediction.request) == ("odd-desk", "odd-desk@1", "ask-1")
        assert list(prediction.answers) == list(ANSWERS)
        for name, answer in ANSWERS.items():
            found = prediction.answers[name]
            [span] = found.value if name == "1st" else [None]
            assert found.value == ([made.Span(ODD, 2, 5, "now")] if span else answer.value)
            for part in ("confidence", "probabilities", "abstained", "in_scope", "interval", "tier"):
                assert getattr(found, part) == getattr(answer, part)
        many = client.predict_many([ROW, ROW], request="ask-2")
        assert [each.request for each in many] == ["ask-2.0", "ask-2.1"]
        assert client.predict_many([]) == []


def test_feedback_is_given_and_taken_back(made: Any, url: str) -> None:
    with made.Client(url, maker="ana") as client:
        request = client.predict(ROW).request
        right = {"class": ODD, "a-b": ["parcel"], "a_b": False, "mood": 1, "price": 3, "note": "x"}
        receipt = client.correct(request, {**right, "1st": [made.Span("when", 2, 5, "now")]})
        assert (len(receipt.accepted), receipt.rejected) == (1, ())
        client.rate(request, "down")
        client.rate(request, 0.5)
        client.report_outcome(request, {"paid": [True, None]})
        client.add_example(ROW, {"class": "plain"})
        rows = [{"request": request, "rating": "up"}, {"request": "nobody's", "rating": "up"}]
        receipt = client.give_feedback(rows)
        assert (len(receipt.accepted), [each.index for each in receipt.rejected]) == (1, [1])
        assert client.withdraw(receipt.batch) == 1
        with pytest.raises(made.FreeholdError) as caught:
            client.withdraw(receipt.batch)
        assert (caught.value.status, caught.value.code, caught.value.param) == (404, "feedback_not_found", "id")


@pytest.mark.parametrize(
    ("row", "status", "code", "param"),
    [
        ({"text": "x"}, 400, "missing_input", INPUTS[1]),
        ({**ROW, "more": "x"}, 400, "unknown_input", "more"),
        ({**ROW, "text": "\ud800"}, 400, "invalid_json", ""),
        ({**ROW, "text": "boom"}, 500, "internal_error", ""),
        ({**ROW, "text": "x" * (1 << 21)}, 413, "body_too_large", ""),
    ],
)
def test_what_the_server_refuses_is_raised(
    row: dict[str, str], status: int, code: str, param: str, made: Any, url: str
) -> None:
    with made.Client(url) as client, pytest.raises(made.FreeholdError) as caught:
        client.predict(row)
    error = caught.value
    assert (error.status, error.code, error.param) == (status, code, param)
    assert error.message
    assert error.request


def test_keys_are_sent(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path, token="so secret") as url:
        with made.Client(url) as client, pytest.raises(made.FreeholdError) as caught:
            client.predict(ROW)
        assert caught.value.code == "invalid_token"
        with made.Client(url, api_key="so secret") as client:
            assert client.predict(ROW)
        monkeypatch.setenv("FREEHOLD_TOKEN", "so secret\n")
        with made.Client(url) as client:
            assert client.predict(ROW)
    with pytest.raises(ValueError, match="`api_key` has characters") as told:
        made.Client(api_key="so\nsecret")
    assert "secret" not in str(told.value)


BUSY = Reply.fault(503, "overloaded")
LIMITED = Reply.fault(429, "rate_limit_exceeded", retry_after="1")


@pytest.mark.parametrize(
    ("replies", "asked", "least"),
    [
        ([BUSY, LIMITED, Reply()], 3, 1.0),
        ([Reply.fault(503, "overloaded", retry_after=email.utils.formatdate(time.time() + 2)), Reply()], 2, 0.0),
        ([Reply.fault(503, "overloaded", retry_after="soon"), Reply()], 2, 0.0),
    ],
)
def test_a_busy_server_is_asked_again(replies: list[Reply], asked: int, least: float, made: Any) -> None:
    with scripted(replies) as script, made.Client(script.url) as client:
        assert client.predict(ROW).model == "odd-desk@1"
        assert len(script.times) == asked
        assert script.times[-1] - script.times[0] >= least


@pytest.mark.parametrize(
    ("reply", "options", "asked", "code"),
    [
        (Reply.fault(500, "internal_error"), {}, 1, "internal_error"),
        (Reply.fault(400, "invalid_input"), {}, 1, "invalid_input"),
        (Reply(502, {}, "<html>"), {}, 1, "unreadable"),
        (Reply(200, {}, "[]"), {}, 1, "unreadable"),
        (Reply.fault(429, "rate_limit_exceeded", retry_after="60"), {}, 1, "rate_limit_exceeded"),
        (Reply.fault(429, "rate_limit_exceeded", retry_after="9" * 400), {}, 1, "rate_limit_exceeded"),
        (Reply.fault(503, "overloaded", retry_after="0"), {"retries": 2}, 3, "overloaded"),
        (Reply.fault(503, "overloaded"), {"timeout": 1.0, "retries": 99}, None, "overloaded"),
        (Reply(delay=30), {"timeout": 0.3}, None, "timeout"),
    ],
)
def test_what_fails_is_raised_in_time(
    reply: Reply, options: dict[str, Any], asked: int | None, code: str, made: Any
) -> None:
    with scripted([reply]) as script, made.Client(script.url, **options) as client:
        begun = time.monotonic()
        with pytest.raises(made.FreeholdError) as caught:
            client.predict(ROW)
        assert time.monotonic() - begun < 5
        assert caught.value.code == code
        assert caught.value.status == (0 if code == "timeout" else reply.status)
        assert asked is None or len(script.times) == asked


def test_connections_are_kept_and_made_again(made: Any) -> None:
    replies = [Reply(), Reply(), Reply(close=True), Reply()]
    with scripted(replies) as script, made.Client(script.url) as client:
        for _ in range(3):
            client.predict(ROW)
        assert script.connections == 1
        time.sleep(0.2)
        client.predict(ROW)
        assert script.connections == 2
    with pytest.raises(made.FreeholdError) as caught:
        made.Client(script.url).predict(ROW)
    assert (caught.value.code, caught.value.status) == ("unreachable", 0)


def test_threads_share_a_client(made: Any, url: str) -> None:
    found: list[str] = []

    def ask(number: int) -> None:
        found.extend(client.predict(ROW, request=f"t{number}-{n}").request for n in range(5))

    with made.Client(url) as client:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(found) == sorted(f"t{number}-{n}" for number in range(8) for n in range(5))


@pytest.mark.parametrize("url", ["127.0.0.1:8420", "ftp://x", "http://", ""])
def test_a_url_has_its_form(url: str, made: Any) -> None:
    with pytest.raises(ValueError, match="it has the form"):
        made.Client(url)
