"""What the server counts, for Prometheus.

Owns the names of the metrics. Each server has its own collector registry, so that two in one process do not
mix.
"""

from __future__ import annotations

import os
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from freehold.serve.breakers import BreakerState
from freehold.serve.champions import Slot
from freehold.serve.faults import Code
from freehold.serve.gauges import DriftGauges
from freehold.task import Prediction

__all__ = ["CONTENT_TYPE_LATEST", "Measures"]

_REFUSALS: frozenset[Code] = frozenset(
    {
        "host_not_allowed",
        "invalid_token",
        "missing_scope",
        "origin_not_allowed",
        "overloaded",
        "rate_limit_exceeded",
        "task_not_allowed",
    }
)
_STATES: tuple[BreakerState, ...] = ("closed", "half_open", "open")
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measures:
    """The counters of one server.

    Attributes:
        follow: Says whose answers are compared with those that the gate saw.
    """

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        _name_process(registry)
        self._drift = DriftGauges(registry)
        self.follow = self._drift.follow
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
            "freehold_model_seconds", "Time of a pass.", ["task", "tier"], buckets=_SECONDS, registry=registry
        )
        self._batch = Histogram(
            "freehold_batch_rows", "Rows of a pass.", ["task", "tier"], buckets=_ROWS, registry=registry
        )
        self._dropped = Counter(
            "freehold_dropped", "Requests left before they were read.", ["task"], registry=registry
        )
        self._waiting = Gauge("freehold_waiting_requests", "Requests not answered yet.", registry=registry)
        self._feedback = Counter("freehold_feedback", "Rows of feedback.", ["task", "result"], registry=registry)
        self._refused = Counter("freehold_refused", "Requests not let in.", ["reason"], registry=registry)
        self._version = Gauge(
            "freehold_champion_version", "Version that answers; 0: none.", ["task"], registry=registry
        )
        self._failures = Gauge(
            "freehold_load_failures", "Champions that could not be loaded.", ["task"], registry=registry
        )
        self._kept: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._add_upstreams(registry)

    def _add_upstreams(self, registry: CollectorRegistry) -> None:
        labels = ["task", "upstream"]
        self._upstreams = Counter(
            "freehold_upstream_requests", "Upstreams asked, or not.", [*labels, "outcome"], registry=registry
        )
        self._upstream_seconds = Histogram(
            "freehold_upstream_seconds", "Time of a call.", labels, buckets=_SECONDS, registry=registry
        )
        self._cost = Counter("freehold_upstream_cost", "What calls cost.", labels, registry=registry)
        self._breakers = Gauge(
            "freehold_upstream_breaker", "0: closed, 1: half open, 2: open.", labels, registry=registry
        )

    def watch_waiting(self, count: Callable[[], int]) -> None:
        """Shows how many requests wait at the moment of asking."""
        self._waiting.set_function(count)

    def count_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request. `route` is a template, never a path, so that the series stay few."""
        kept = self._kept.get((route, method, status))
        if kept is None:  # finding them takes longer than counting
            counter, histogram = self._requests.labels(route, method, str(status)), self._seconds.labels(route)
            kept = self._kept[route, method, status] = counter, histogram
        kept[0].inc()
        kept[1].observe(seconds)

    def count_pass(self, task: str, tier: str, *, rows: int, seconds: float) -> None:
        """Counts rows that a tier read together."""
        self._model_seconds.labels(task, tier).observe(seconds)
        self._batch.labels(task, tier).observe(rows)

    def count_dropped(self, task: str, count: int) -> None:
        """Counts requests that nobody waited for any more."""
        self._dropped.labels(task).inc(count)

    def count_upstream(
        self, task: str, upstream: str, outcome: str, *, seconds: float | None, cost: float
    ) -> None:
        """Counts a call to an upstream, or why there was none; `seconds` is None then."""
        self._upstreams.labels(task, upstream, outcome).inc()
        if seconds is not None:
            self._upstream_seconds.labels(task, upstream).observe(seconds)
            self._cost.labels(task, upstream).inc(cost)

    def watch_breaker(self, task: str, upstream: str, state: Callable[[], BreakerState]) -> None:
        """Shows the state of an upstream's breaker at the moment of asking."""
        self._breakers.labels(task, upstream).set_function(lambda: float(_STATES.index(state())))

    def count_predictions(
        self, predictions: Sequence[Prediction], *, own: Sequence[Prediction] | None = None
    ) -> None:
        """Counts what was said.

        Args:
            own: What the model itself said of them, where upstreams were asked.
        """
        made = Counts((each.task, each.model) for each in predictions)
        said = Counts(
            (each.task, name, answer.tier, answer.abstained)
            for each in predictions
            for name, answer in each.answers.items()
        )
        for (task, model), count in made.items():
            self._predictions.labels(task, model).inc(count)
        for (task, name, tier, abstained), count in said.items():
            if tier:
                self._tiers.labels(task, name, tier).inc(count)
            if abstained:
                self._abstained.labels(task, name).inc(count)

        self._drift.add(predictions if own is None else own)

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
            self._drift.show(slot)
        return generate_latest(self._registry)


def _name_process(registry: CollectorRegistry) -> None:
    said = "1, with the id of the process that counts here."
    Gauge("freehold_process_info", said, ["pid"], registry=registry).labels(str(os.getpid())).set(1)
