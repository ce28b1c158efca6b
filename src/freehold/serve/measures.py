"""What the server counts, for Prometheus.

Owns the names of the metrics. Each server has its own collector registry, so that two in one process do not
mix.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from freehold.serve.champions import Slot
from freehold.serve.faults import Code
from freehold.task import Prediction

__all__ = ["CONTENT_TYPE_LATEST", "Measures"]

_REFUSALS: frozenset[Code] = frozenset(
    {
        "host_not_allowed",
        "invalid_token",
        "missing_scope",
        "origin_not_allowed",
        "rate_limit_exceeded",
        "task_not_allowed",
    }
)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measures:
    """The counters of one server."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "freehold_http_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "freehold_http_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self._predictions = Counter(
            "freehold_predictions", "Predictions made.", ["task", "model"], registry=registry
        )
        self._abstained = Counter(
            "freehold_abstained", "Answers below the field's bar.", ["task", "field"], registry=registry
        )
        self._tiers = Counter(
            "freehold_answers_by_tier", "Answers of each tier.", ["task", "field", "tier"], registry=registry
        )
        self._model_seconds = Histogram(
            "freehold_model_seconds", "Time in the model.", ["task"], buckets=_SECONDS, registry=registry
        )
        self._feedback = Counter("freehold_feedback", "Rows of feedback.", ["task", "result"], registry=registry)
        self._refused = Counter("freehold_refused", "Requests not let in.", ["reason"], registry=registry)
        self._version = Gauge(
            "freehold_champion_version", "Version that answers; 0: none.", ["task"], registry=registry
        )
        self._failures = Gauge(
            "freehold_load_failures", "Champions that could not be loaded.", ["task"], registry=registry
        )

    def count_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request. `route` is a template, never a path, so that the series stay few."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_predictions(self, predictions: Iterable[Prediction], *, seconds: float) -> None:
        """Counts what one forward pass said."""
        task = ""
        for each in predictions:
            task = each.task
            self._predictions.labels(each.task, each.model).inc()
            for name, answer in each.answers.items():
                if answer.tier:
                    self._tiers.labels(each.task, name, answer.tier).inc()
                if answer.abstained:
                    self._abstained.labels(each.task, name).inc()
        if task:
            self._model_seconds.labels(task).observe(seconds)

    def count_feedback(self, task: str, *, accepted: int, rejected: int, withdrawn: int = 0) -> None:
        """Counts rows of feedback."""
        for result, count in (("accepted", accepted), ("rejected", rejected), ("withdrawn", withdrawn)):
            self._feedback.labels(task, result).inc(count)

    def count_refused(self, reason: Code) -> None:
        """Counts a request that was not let in; anything else that went wrong is no refusal."""
        if reason in _REFUSALS:
            self._refused.labels(reason).inc()

    def render(self, slots: Iterable[Slot]) -> bytes:
        """Returns everything in the text format of Prometheus."""
        for slot in slots:
            loaded = slot.loaded
            self._version.labels(slot.task.name).set(loaded.release.version if loaded else 0)
            self._failures.labels(slot.task.name).set(slot.failures)
        return generate_latest(self._registry)
