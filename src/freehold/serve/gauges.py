"""The gauges that show how a champion's answers compare with those that the gate saw.

Owns which answers are compared: the champion's latest of each field. The comparison stands in `drift`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge

from freehold.serve.champions import Champions, Slot
from freehold.serve.drift import LATEST, Window
from freehold.task import Prediction

__all__ = ["DriftGauges"]

_FEWEST = 100
"""Answers below which a mean or a distance says little."""


class DriftGauges:
    """Those of one server. A new champion begins anew; other versions are not looked at."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._champions: Champions | None = None
        self._windows: dict[tuple[str, str], Window] = {}
        self._lock = threading.Lock()

        def gauge(name: str, said: str, *more: str) -> Gauge:
            return Gauge(f"freehold_{name}", said, ["task", "field", *more], registry=registry)

        self._confidence = gauge("confidence_mean", "Of the latest answers.")
        self._expected = gauge("confidence_expected", "The mean at the gate.")
        self._drift = gauge("drift", "Latest answers from the gate's.", "of")
        self._chance = gauge("drift_by_chance", "The same without drift.", "of")

    def follow(self, champions: Champions) -> None:
        """Says whose answers are looked at."""
        self._champions = champions

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Takes in what was answered, where it was by a champion."""
        with self._lock:  # the event loop counts, and the record's thread
            self._add(predictions[-LATEST:])

    def _add(self, predictions: Sequence[Prediction]) -> None:
        for each in predictions:
            slot = self._champions.get(each.task) if self._champions is not None else None
            loaded = slot.loaded if slot is not None else None
            if loaded is None or loaded.release.name != each.model:
                continue
            for name, answer in each.answers.items():
                window = self._windows.get((each.task, name))
                if window is None or window.model != each.model:
                    window = self._windows[each.task, name] = Window(each.model)
                window.add(answer)

    def show(self, slot: Slot) -> None:
        """Sets the gauges of a task; those that there is too little to say of are not there."""
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
