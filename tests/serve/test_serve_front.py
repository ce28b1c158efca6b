"""The front door: ports, signals, and the official `openai` client over a real socket."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import httpx
import numpy  # noqa: F401  so that there is something to limit
import openai
import pytest
from tests.serve.bank import INTENTS, WordReader, release
from threadpoolctl import threadpool_info, threadpool_limits

import freehold.feedback
from freehold.errors import UserError
from freehold.registry import Registry
from freehold.serve import Served, Settings, serve
from freehold.serve.front import bind, own_process
from freehold.serve.listener import Listener
from freehold.serve.rim import Rim
from freehold.task import Task

ROOT = Path(__file__).resolve().parents[2]


QUESTIONS: list[dict[str, object]] = [
    {"type": "predicate", "name": "urgent", "instructions": "Is it urgent?"},
    {
        "type": "choice",
        "name": "intent",
        "instructions": "What does the customer want?",
        "choices": [{"value": name} for name in INTENTS],
    },
    {
        "type": "score",
        "name": "mood",
        "instructions": "How glad are they?",
        "levels": [{"label": "angry"}, {"label": "calm"}, {"label": "glad"}],
    },
    {"type": "predicate", "name": "french", "instructions": "Is it French?"},
]


def check(decision: openai.types.Decision) -> None:
    predicate, choice, score, refusal = decision.answers
    assert decision.model == "banking@1"
    assert predicate.type == "predicate"
    assert predicate.probability == 0.9
    assert choice.type == "choice"
    assert (choice.choice, choice.confidence) == ("top_up", 0.8)
    assert score.type == "score"
    assert (score.score, [each.value for each in score.probabilities]) == (1.0, [0, 1, 2])
    assert (refusal.type, refusal.name) == ("refusal", "french")
    assert decision.usage.input_tokens == 5
    assert decision.model_validate_json(decision.model_dump_json()) == decision


def test_the_official_client_decides(url: str, shelf: Registry) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        decision = client.decisions.create(model="banking", input="top up now", questions=QUESTIONS)  # type: ignore[arg-type]
        check(decision)
        request = decision._request_id
        assert request is not None
        assert shelf.request(request) is not None
        assert [model.id for model in client.models.list()] == ["banking@1"]
        assert client.models.retrieve("banking").id == "banking@1"


def test_the_official_client_decides_asynchronously(url: str) -> None:
    async def decide() -> None:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            message = {"role": "user", "content": [{"type": "input_text", "text": "top up now"}]}
            made = [
                client.decisions.create(model="banking@1", input=[message], questions=QUESTIONS)  # type: ignore[arg-type,list-item]
                for _ in range(8)
            ]
            for decision in await asyncio.gather(*made):
                check(decision)

    asyncio.run(decide())


def test_the_official_client_understands_our_errors(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.decisions.create(model="banking@7", input="a", questions=QUESTIONS)  # type: ignore[arg-type]
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        assert missing.value.type == "invalid_request_error"
        with pytest.raises(openai.BadRequestError, match="at least 1 item"):
            client.decisions.create(model="banking", input="a", questions=[])


def test_a_port_that_is_taken_is_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} is taken") as caught:
            serve([], inbox=freehold.feedback, port=port)
    assert f"--port {port + 1}" in caught.value.hint


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70000, "`--port` is 70000; ports go from 0 to 65535."),
        ("no host", 0, "`--host` is 'no host', which this machine cannot listen on"),
        ("203.0.113.9", 0, "`--host` is '203.0.113.9', which this machine cannot listen on"),
    ],
)
def test_what_cannot_be_listened_on_is_named(host: str, port: int, message: str) -> None:
    with pytest.raises(UserError) as caught:
        bind(host, port)
    assert message in caught.value.message


def test_other_machines_are_kept_out_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FREEHOLD_TOKEN", raising=False)
    with pytest.raises(UserError, match="no token"):
        serve([], inbox=freehold.feedback, host="0.0.0.0", port=0)


SERVER = """
import sys
from pathlib import Path
import freehold.feedback
from freehold.registry import Registry
from freehold.serve import Served, serve
from tests.serve.bank import WordReader, make_task
with Registry.open(Path(sys.argv[1])) as shelf:
    served = Served(make_task(Path("banking")), shelf)
    tell = lambda url: print(url, flush=True)
    serve([served], inbox=freehold.feedback, port=0, open_reader=WordReader, tell=tell)
print("closed", flush=True)
"""


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_server_in_good_order(shelf: Registry, task: Task, signal: str) -> None:
    import signal as signals

    release(shelf, task)
    words = [sys.executable, "-c", SERVER, str(shelf.state)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.post(f"{url}/v1/tasks/banking", json={"text": "a"}).status_code == 200
        process.send_signal(getattr(signals, signal))
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "closed\n", "")


def test_a_request_that_is_open_at_shutdown_is_answered(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    app = make_app(Served(task, shelf), opened=readers)
    told: Future[str] = Future()
    server = Listener(app, settings=Settings(), tell=told.set_result, leave=app.leave)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bind("127.0.0.1", 0)]})
    thread.start()
    url = told.result(10)
    (reader,) = readers
    reader.asked.clear()  # it was asked when it was loaded
    reader.gate.clear()
    answer: Future[httpx.Response] = Future()
    ask = threading.Thread(
        target=lambda: answer.set_result(httpx.post(f"{url}/v1/tasks/banking", json={"text": "a"}))
    )
    ask.start()
    assert reader.asked.wait(10)
    server.should_exit = True
    reader.gate.set()
    assert answer.result(10).status_code == 200
    thread.join(10)
    ask.join(10)


def test_importing_the_package_loads_no_web_framework() -> None:
    code = (
        "import sys, freehold.serve, freehold.feedback;"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn', 'pydantic', 'sqlalchemy', 'numpy',"
        " 'prometheus_client', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_port_is_tcp_by_name_so_that_small_answers_are_sent_at_once() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_two_servers_cannot_share_a_port() -> None:
    with bind("127.0.0.1", 0) as first, socket.socket() as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            second.bind(first.getsockname())


@pytest.fixture
def garbage() -> Iterator[None]:
    """Lets the collector look through everything again."""
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("garbage")
def test_numpy_computes_on_the_thread_that_asks() -> None:
    with threadpool_limits(2, user_api="blas"):
        own_process()
        found = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
    assert found
    assert set(found) == {1}


@pytest.mark.usefixtures("garbage")
def test_what_was_loaded_is_not_looked_through_for_garbage_again() -> None:
    loaded = [object()]
    own_process()
    assert gc.get_freeze_count() > 1_000
    assert not any(each is loaded for each in gc.get_objects())
