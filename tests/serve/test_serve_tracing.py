"""Traces: one span a request, one a question, one a tier; nothing of what was said, unless that is wanted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.serve.bank import Client, WordReader, listening, release

import freehold.feedback
from freehold.errors import MissingExtraError
from freehold.registry import Registry
from freehold.serve import Served, Settings, create_app
from freehold.serve.tracing import Traces, open_traces
from freehold.task import Task

ROUTE = "/v1/tasks/banking"
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = "my lost card is 4242"


class Told:
    """A client of a server that tells what it does, and what it has told."""

    def __init__(self, client: Client, exporter: InMemorySpanExporter) -> None:
        self.client = client
        self._exporter = exporter

    def spans(self) -> dict[str, ReadableSpan]:
        """Returns what was told since it was last asked, by name."""
        found = self._exporter.get_finished_spans()
        self._exporter.clear()
        assert len({each.name for each in found}) == len(found)
        return {each.name: each for each in found}


@pytest.fixture
def open_told(shelf: Registry, task: Task) -> Iterator[Callable[..., Told]]:
    release(shelf, task)
    opened = ExitStack()

    def make(*, contents: bool = False) -> Told:
        provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        app = create_app(
            [Served(task, shelf)],
            inbox=freehold.feedback,
            settings=Settings(poll_seconds=0.02, threads=1),
            open_reader=WordReader,
            traces=Traces(provider, contents=contents),
        )
        return Told(opened.enter_context(Client(app)), exporter)

    with opened:
        yield make


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_is_told_with_its_question_and_its_tiers(open_told: Callable[..., Told]) -> None:
    told = open_told()
    told.client.post(ROUTE, {"text": SECRET}, headers={"x-request-id": "ask-1"})
    spans = told.spans()
    assert set(spans) == {"POST /v1/tasks/{task}", "predict banking", "static", "champion", "record"}
    request, question = spans["POST /v1/tasks/{task}"], spans["predict banking"]
    assert (request.kind, question.kind) == (SpanKind.SERVER, SpanKind.INTERNAL)
    assert attributes(request) == {
        "http.request.method": "POST",
        "url.path": ROUTE,
        "url.scheme": "http",
        "http.route": "/v1/tasks/{task}",
        "http.response.status_code": 200,
        "freehold.request.id": "ask-1",
    }
    assert attributes(question) == {
        "gen_ai.operation.name": "predict",
        "gen_ai.provider.name": "freehold",
        "gen_ai.request.model": "banking",
        "gen_ai.response.model": "banking@1",
        "gen_ai.response.id": "ask-1",
        "freehold.rows": 1,
    }
    assert (request.parent, question.parent) == (None, request.context)
    for name in ("static", "champion", "record"):
        assert spans[name].parent == question.context
        assert attributes(spans[name]) == {"freehold.pass.rows": 1}
    ordered = [spans[name] for name in ("static", "champion", "record")]
    times = [time or 0 for each in ordered for time in (each.start_time, each.end_time)]
    assert times == sorted(times)
    outer = [question.start_time or 0, question.end_time or 0]
    assert outer[0] - 1_000_000 <= times[0] <= times[-1] <= outer[1] + 1_000_000, "in nanoseconds"


def test_what_the_static_tier_answers_has_no_span_of_the_encoder(open_told: Callable[..., Told]) -> None:
    told = open_told()
    told.client.post(ROUTE, {"text": "surely lost"})
    assert set(told.spans()) == {"POST /v1/tasks/{task}", "predict banking", "static", "record"}


def test_a_trace_of_the_caller_goes_on(open_told: Callable[..., Told]) -> None:
    told = open_told()
    told.client.post(ROUTE, {"text": "a"}, headers={"traceparent": CALLER})
    spans = told.spans()
    parent = spans["POST /v1/tasks/{task}"].parent
    assert parent is not None
    assert (f"{parent.trace_id:032x}", f"{parent.span_id:016x}") == tuple(CALLER.split("-")[1:3])
    assert {f"{each.context.trace_id:032x}" for each in spans.values() if each.context} == {CALLER.split("-")[1]}


def test_what_the_caller_does_not_sample_is_not_told(open_told: Callable[..., Told]) -> None:
    told = open_told()
    assert told.client.post(ROUTE, {"text": "a"}, headers={"traceparent": CALLER[:-1] + "0"}).status_code == 200
    assert told.spans() == {}


@pytest.mark.parametrize("sent", ["", "00-0-0-01", "\u00ff" * 40, "a" * 9000])
def test_a_trace_that_is_none_begins_a_new_one(open_told: Callable[..., Told], sent: str) -> None:
    told = open_told()
    headers = {"traceparent": sent.encode("latin-1")}
    assert told.client.post(ROUTE, {"text": "a"}, headers=headers).status_code == 200
    assert told.spans()["POST /v1/tasks/{task}"].parent is None


@pytest.mark.parametrize(
    ("path", "body", "name", "found"),
    [
        (
            "/v1/chat/completions",
            {"model": "banking@1", "messages": [{"role": "user", "content": SECRET}]},
            "chat banking@1",
            {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.request.model": "banking@1"},
        ),
        (
            "/v1/embeddings",
            {"model": "banking", "input": [SECRET, "b"]},
            "embeddings banking",
            {
                "gen_ai.operation.name": "embeddings",
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.embeddings.dimension.count": 3,
                "gen_ai.response.model": "banking@1",
                "freehold.rows": 2,
            },
        ),
        (
            "/v1/systemone",
            {"model": "banking", "state": SECRET, "questions": {"urgent": {"type": "noul"}}},
            "predict banking",
            {"gen_ai.usage.input_tokens": 7},
        ),
    ],
)
def test_each_door_has_its_operation_and_its_tokens(
    open_told: Callable[..., Told], path: str, body: Any, name: str, found: dict[str, Any]
) -> None:
    told = open_told()
    assert told.client.post(path, body).status_code == 200
    spans = told.spans()
    assert found.items() <= attributes(spans[name]).items()
    assert "lost card" not in str([span.to_json() for span in spans.values()])


def test_contents_are_told_only_where_that_is_wanted(open_told: Callable[..., Told]) -> None:
    told = open_told()
    told.client.post(ROUTE, [{"text": SECRET}, {"text": "boom?"}])
    told.client.post(f"{ROUTE}/feedback", {"inputs": {"text": SECRET}, "correct": {"urgent": True}})
    spans = told.spans()
    # Without ids: in their random digits anything may stand.
    shown = str([(each.name, attributes(each), each.events, each.status.description) for each in spans.values()])
    assert "4242" not in shown
    assert "lost_card" not in shown
    assert "boom" not in shown
    wanted = open_told(contents=True)
    wanted.client.post(ROUTE, [{"text": SECRET}, {"text": "top up"}])
    found = attributes(wanted.spans()["predict banking"])
    asked = json.loads(found["gen_ai.input.messages"])
    said = json.loads(found["gen_ai.output.messages"])
    assert [each["role"] for each in asked + said] == ["user", "user", "assistant", "assistant"]
    assert json.loads(asked[0]["parts"][0]["content"]) == {"text": SECRET}
    assert json.loads(said[1]["parts"][0]["content"])["intent"] == "top_up"
    assert said[0]["finish_reason"] == "stop"


def test_errors_are_told_and_mistakes_of_clients_are_none(open_told: Callable[..., Told]) -> None:
    told = open_told()
    assert told.client.post(ROUTE, {"text": "boom"}).status_code == 500
    spans = told.spans()
    for name, kind in (("POST /v1/tasks/{task}", "500"), ("predict banking", "RuntimeError")):
        assert spans[name].status.status_code is StatusCode.ERROR
        assert attributes(spans[name])["error.type"] == kind
        assert spans[name].events == ()
    assert told.client.post(ROUTE, {"txt": "a"}).status_code == 400
    (mistaken,) = told.spans().values()
    assert mistaken.status.status_code is StatusCode.UNSET
    assert attributes(mistaken)["http.response.status_code"] == 400
    assert told.client.get("/nowhere").status_code == 404
    assert set(told.spans()) == {"GET"}


def test_probes_are_not_told(open_told: Callable[..., Told]) -> None:
    told = open_told()
    for path in ("/livez", "/readyz"):
        assert told.client.get(path).status_code == 200
    assert told.spans() == {}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nobody_is_told_unless_a_collector_is_named(
    monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str]
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    assert open_traces() is None


def test_a_collector_without_the_libraries_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(MissingExtraError) as caught:
        open_traces()
    assert "freehold[otel]" in caught.value.hint


def test_a_server_that_tells_nobody_loads_no_opentelemetry(tmp_path: Path) -> None:
    code = (
        "import sys; import freehold.feedback; from freehold.serve import create_app;"
        "create_app([], inbox=freehold.feedback);"
        "from freehold.serve.tracing import open_traces; assert open_traces() is None;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_collector_is_sent_the_spans(shelf: Registry, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the protocol itself: what is left is sent when the server ends."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    got: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    release(shelf, task)
    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
        app = create_app(
            [Served(task, shelf)], inbox=freehold.feedback, open_reader=WordReader, traces=open_traces()
        )
        with listening(app) as url:
            assert httpx.post(f"{url}{ROUTE}", json={"text": "a"}).status_code == 200
        collector.shutdown()
        thread.join(10)
    sent = ExportTraceServiceRequest.FromString(b"".join(got))
    (resource,) = sent.resource_spans
    assert "freehold" in [each.value.string_value for each in resource.resource.attributes]
    names = {span.name for scope in resource.scope_spans for span in scope.spans}
    assert {"POST /v1/tasks/{task}", "predict banking", "record"} <= names
