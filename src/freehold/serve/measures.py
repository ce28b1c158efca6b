"""What the server counts, for Prometheus.

Owns the names of the metrics. Each server has its own collector registry, so that two in one process do not
mix.
"""

from __future__ import annotations

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

from freehold.serve.champions import Champions, Slot
from freehold.serve.drift import LATEST, Window
from freehold.serve.faults import Code
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
_FEWEST = 100
"""Answers below which a mean or a distance says little."""
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
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
        self._champions: Champions | None = None
        self._windows: dict[tuple[str, str], Window] = {}
        self._confidence = Gauge(
            "freehold_confidence_mean", "Of the latest answers.", ["task", "field"], registry=registry
        )
        self._expected = Gauge(
            "freehold_confidence_expected", "The mean at the gate.", ["task", "field"], registry=registry
        )
        self._drift = Gauge(
            "freehold_drift", "Latest answers from the gate's.", ["task", "field", "of"], registry=registry
        )
        self._chance = Gauge(
            "freehold_drift_by_chance", "The same without drift.", ["task", "field", "of"], registry=registry
        )
        self._failures = Gauge(
            "freehold_load_failures", "Champions that could not be loaded.", ["task"], registry=registry
        )

    def follow(self, champions: Champions) -> None:
        """Compares the answers of champions with those that the gate saw."""
        self._champions = champions

    def watch_waiting(self, count: Callable[[], int]) -> None:
        """Shows how many requests wait at the moment of asking."""
        self._waiting.set_function(count)

    def count_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request. `route` is a template, never a path, so that the series stay few."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_pass(self, task: str, tier: str, *, rows: int, seconds: float) -> None:
        """Counts rows that a tier read together."""
        self._model_seconds.labels(task, tier).observe(seconds)
        self._batch.labels(task, tier).observe(rows)

    def count_dropped(self, task: str, count: int) -> None:
        """Counts requests that nobody waited for any more."""
        self._dropped.labels(task).inc(count)

    def count_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Counts what was said."""
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

        self._keep_latest(predictions)

    def _keep_latest(self, predictions: Sequence[Prediction]) -> None:
        for each in predictions[-LATEST:]:
            slot = self._champions.get(each.task) if self._champions is not None else None
            loaded = slot.loaded if slot is not None else None
            if loaded is None or loaded.release.name != each.model:
                continue
            for name, answer in each.answers.items():
                window = self._windows.get((each.task, name))
                if window is None or window.model != each.model:
                    window = self._windows[each.task, name] = Window(each.model)
                window.add(answer)

    def _show_drift(self, slot: Slot) -> None:
        """Shows how the champion's latest answers compare; nothing of another model's, or of too few."""
        task, loaded = slot.task.name, slot.loaded
        for gauge in (self._confidence, self._expected, self._drift, self._chance):
            gauge.remove_by_labels({"task": task})
        if loaded is None:
            return
        for name, expected in loaded.expected.items():
            self._expected.labels(task, name).set(sum(expected.confidences) / len(expected.confidences))
        for field in loaded.reader.fields:
            window = self._windows.get((task, field.name))
            if window is None or window.model != loaded.release.name or len(window) < _FEWEST:
                continue
            self._confidence.labels(task, field.name).set(window.confidence)
            if field.name in loaded.expected:
                for of, drift in window.compare(loaded.expected[field.name]).items():
                    self._drift.labels(task, field.name, of).set(drift.distance)
                    self._chance.labels(task, field.name, of).set(drift.by_chance)

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
            self._show_drift(slot)
        return generate_latest(self._registry)
