"""What is told of requests to an OpenTelemetry collector. Alone imports opentelemetry, and only where it is used.

Owns the spans: one a request by the conventions for HTTP, one a question to a model by those for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and one each time that a tier or the record had
a part in it. What was asked and answered is told only where that was wanted. Where nobody listens there are none.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from typing import TYPE_CHECKING

from freehold.errors import MissingExtraError
from freehold.serve.faults import Fault
from freehold.serve.jobs import Pass
from freehold.task import Prediction

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span
    from starlette.types import Scope

__all__ = ["METHODS", "RequestTrace", "Traces", "open_traces"]

_OPERATIONS = {"/v1/chat/completions": "chat", "/v1/embeddings": "embeddings"}
"""Routes whose operation the convention has a name for."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_CONTENTS = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_PATH_LENGTH = 200
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def open_traces() -> Traces | None:
    """Returns what tells the collector that the environment names; None where it names none.

    Raises:
        MissingExtraError: It names one, and the libraries are not installed.
    """
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or os.environ.get("OTEL_TRACES_EXPORTER") == "none" or not any(map(os.environ.get, _ENDPOINTS)):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise MissingExtraError("opentelemetry-sdk", "otel") from error
    name = os.environ.get("OTEL_SERVICE_NAME") or "freehold"
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider, contents=os.environ.get(_CONTENTS, "").lower() == "true")


class RequestTrace:
    """The spans of one request.

    Attributes:
        model: What the client calls the model that it asks; empty before that is known.
        passes: Where the parts that a question goes through are noted.
    """

    def __init__(self, traces: Traces, span: Span, *, scope: Scope) -> None:
        self.model = ""
        self.passes: list[Pass] = []
        self._traces = traces
        self._span = span
        self._scope = scope
        self._question: Span | None = None
        self._ended = 0

    @contextmanager
    def question(self, task: str, *, rows: int) -> Iterator[None]:
        """Covers a question to a model, until it is answered or is not."""
        from opentelemetry.trace import Status, StatusCode

        origin = time.time_ns() - time.perf_counter_ns()
        operation = _OPERATIONS.get(self._route, "predict")
        span = self._question = self._traces.begin_question(
            self._span, operation=operation, model=self.model or task, rows=rows
        )
        try:
            yield
        except Exception as error:
            kind = error.code if isinstance(error, Fault) else type(error).__qualname__
            span.set_attribute("error.type", kind)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            self._ended = time.time_ns()
            for each in self.passes:
                self._traces.tell_pass(span, each, origin=origin)

    def answered(self, inputs: Sequence[Mapping[str, str]], predictions: Sequence[Prediction]) -> None:
        """Notes which model answered, and what where that is wanted."""
        assert self._question is not None
        self._question.set_attribute("gen_ai.response.model", predictions[0].model)
        if len(predictions) == 1:
            self._question.set_attribute("gen_ai.response.id", predictions[0].request)
        if self._traces.contents:
            said = [{name: each.value for name, each in row.answers.items()} for row in predictions]
            self._question.set_attribute(
                "gen_ai.input.messages", _messages("user", [dict(each) for each in inputs])
            )
            self._question.set_attribute("gen_ai.output.messages", _messages("assistant", said))

    def embedded(self, model: str, *, dimension: int) -> None:
        """Notes which model's vectors were given."""
        assert self._question is not None
        self._question.set_attribute("gen_ai.response.model", model)
        self._question.set_attribute("gen_ai.embeddings.dimension.count", dimension)

    def used(self, tokens: int) -> None:
        """Notes how many tokens the question had."""
        if self._question is not None:
            self._question.set_attribute("gen_ai.usage.input_tokens", tokens)

    @property
    def _route(self) -> str:
        return getattr(self._scope.get("route"), "path", "")

    def end(self, *, status: int, request_id: str) -> None:
        """Ends the spans with what became of the request."""
        from opentelemetry.trace import Status, StatusCode

        if self._question is not None:
            self._question.end(self._ended)
        span = self._span
        if self._route:
            span.update_name(f"{self._scope['method']} {self._route}")
            span.set_attribute("http.route", self._route)
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("freehold.request.id", request_id)
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))


_current: ContextVar[RequestTrace | None] = ContextVar("trace", default=None)


class Traces:
    """The spans of one server.

    Args:
        provider: Where spans go; shut down with the server.
        contents: Whether inputs and answers are told.
    """

    def __init__(self, provider: TracerProvider, *, contents: bool = False) -> None:
        self.contents = contents
        self._provider = provider
        self._tracer = provider.get_tracer("freehold", version("freehold"))

    @property
    def current(self) -> RequestTrace | None:
        """The request that is being answered; None where none is, or it is not told of."""
        return _current.get()

    @contextmanager
    def request(self, scope: Scope) -> Iterator[RequestTrace]:
        """Covers one request; it goes on with the trace that its `traceparent` names."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        attributes = {
            "http.request.method": method,
            "url.path": scope["path"][:_PATH_LENGTH],
            "url.scheme": "http",
        }
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.start_as_current_span(
            method,
            context=extract(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # what an exception says may quote a body
        ) as span:
            trace = RequestTrace(self, span, scope=scope)
            before = _current.set(trace)
            try:
                yield trace
            finally:
                _current.reset(before)

    def begin_question(self, parent: Span, *, operation: str, model: str, rows: int) -> Span:
        """Returns the span of a question to a model of this process."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "freehold",
            "gen_ai.request.model": model,
            "freehold.rows": rows,
        }
        return self._tracer.start_span(
            f"{operation} {model}",
            context=set_span_in_context(parent),
            kind=SpanKind.INTERNAL,
            attributes=attributes,
        )

    def tell_pass(self, parent: Span, part: Pass, *, origin: int) -> None:
        """Tells of a part that a question went through, together with others maybe."""
        from opentelemetry.trace import set_span_in_context

        times = (origin + int(each * 1e9) for each in (part.begun, part.ended))
        span = self._tracer.start_span(
            part.tier,
            context=set_span_in_context(parent),
            attributes={"freehold.pass.rows": part.rows},
            start_time=next(times),
        )
        span.end(next(times))

    def close(self) -> None:
        """Tells what is left to be told."""
        self._provider.shutdown()


def _messages(role: str, contents: Sequence[object]) -> str:
    """Returns contents as messages of the convention, in JSON, one a row."""
    end = {"finish_reason": "stop"} if role == "assistant" else {}
    rows = [
        {"role": role, "parts": [{"type": "text", "content": json.dumps(each, ensure_ascii=False)}], **end}
        for each in contents
    ]
    return json.dumps(rows, ensure_ascii=False)
