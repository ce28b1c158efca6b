"""Drift: how sure the champion is and what it answers, against what the gate saw of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from tests.serve.bank import INTENTS, Client, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.drift import LATEST, Expected, Window, distance, read_expected
from freehold.serve.rim import Rim
from freehold.task import Answer, Task, canonical

ROUTE = "/v1/tasks/banking"


def seen(counts: dict[str, int], *, confidence: float = 0.8) -> bytes:
    """Returns what the gate writes of test rows, of which so many were answered with each intent."""
    rows = [intent for intent, count in counts.items() for _ in range(count)]
    return b"".join(
        canonical(
            {
                "id": str(number),
                "truth": {"intent": intent},
                "candidate": {"intent": intent, "urgent": False},
                "confidence": {"intent": confidence, "urgent": 0.75},
                "champion": None,
            }
        )
        + b"\n"
        for number, intent in enumerate(rows)
    )


def gauges(client: Client) -> dict[str, float]:
    """Returns the lines of drift and confidence, without their common task."""
    text = client.get("/metrics").text
    lines = re.findall(r"^freehold_((?:drift|confidence)\w*)\{(.*)\} (\S+)$", text, re.MULTILINE)
    assert all('task="banking"' in labels for _, labels, _ in lines)
    return {name + " " + labels.replace(',task="banking"', ""): float(value) for name, labels, value in lines}


def test_the_distance_is_that_of_another_implementation() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        one, other = rng.integers(0, 20, (2, 7)) + np.eye(7, dtype=int)[0]
        counts: list[dict[int, int]] = [dict(enumerate(each.tolist())) for each in (one, other)]
        found = distance(*counts).distance
        assert found == pytest.approx(jensenshannon(one, other, base=2), abs=1e-12)


def test_what_chance_makes_of_it_is_what_samples_of_one_distribution_have() -> None:
    rng = np.random.default_rng(2)
    shares = [0.3, 0.3, 0.2, 0.1, 0.1]
    pairs = [[dict(enumerate(rng.multinomial(n, shares).tolist())) for n in (400, 900)] for _ in range(800)]
    made = [distance(one, other) for one, other in pairs]
    measured = np.sqrt(np.mean([each.distance**2 for each in made]))
    assert measured == pytest.approx(np.mean([each.by_chance for each in made]), rel=0.1)


def test_a_window_holds_the_latest_answers() -> None:
    window = Window("banking@1")
    for number in range(3 * LATEST):
        window.add(Answer("a" if number < 2 * LATEST else "b", 0.5 if number < 2 * LATEST else 0.9, {}))
    assert len(window) == LATEST
    assert window.confidence == pytest.approx(0.9)
    expected = Expected((0.5,) * 50, {"a": 50})
    moved = window.compare(expected)
    assert {of: drift.distance for of, drift in moved.items()} == {"confidence": 1.0, "value": 1.0}
    assert set(window.compare(Expected((0.5,) * 50, {}))) == {"confidence"}


def test_confidences_are_compared_in_tenths_of_what_the_gate_saw() -> None:
    rng = np.random.default_rng(3)
    expected = Expected(tuple(sorted(rng.beta(5, 2, 2_000).tolist())), {})
    for shape, low, high in (((5, 2), 0.0, 0.1), ((2, 5), 0.5, 1.0)):
        window = Window("banking@1")
        for confidence in rng.beta(*shape, LATEST).tolist():
            window.add(Answer("a", confidence, {}))
        assert low <= window.compare(expected)["confidence"].distance <= high


def test_the_metrics_show_how_far_a_champion_has_moved(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task, judged=seen({"transfer": 150, "top_up": 50, "lost_card": 50}))
    with Client(make_app(Served(task, shelf))) as client:
        assert gauges(client) == {
            'confidence_expected field="intent"': pytest.approx(0.8),
            'confidence_expected field="urgent"': pytest.approx(0.75),
        }
        rows = [{"text": text} for text, count in (("?", 60), ("top", 20), ("lost", 20)) for _ in range(count)]
        client.post(ROUTE, rows[:99])
        assert len(gauges(client)) == 2, "too few to say anything"
        client.post(ROUTE, rows[99])
        same = gauges(client)
        assert same['confidence_mean field="intent"'] == pytest.approx(0.8)
        assert same['drift field="intent",of="value"'] == pytest.approx(0, abs=1e-9)
        assert same['drift field="intent",of="confidence"'] == 0
        assert same['drift_by_chance field="intent",of="value"'] == pytest.approx(0.0710, abs=1e-3)
        assert not any('field="mood",of' in name for name in same), "the gate saw none of it"
        assert same['confidence_mean field="mood"'] == pytest.approx(0.5)
        for _ in range(LATEST // 500):
            client.post(ROUTE, [{"text": "top up now"}] * 500)
        moved = gauges(client)
        assert moved['drift field="intent",of="value"'] > 0.6
        assert moved['confidence_mean field="urgent"'] == pytest.approx(0.9)
        assert moved['drift field="urgent",of="confidence"'] == 1.0
        assert len(moved) < 3 * 8, "a handful a field, however many labels"


def test_what_another_model_answers_is_not_the_champions(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task, judged=seen({"transfer": 100}))
    release(shelf, task, favourite="top_up", judged=seen({"top_up": 100}))
    with Client(make_app(Served(task, shelf))) as client:
        client.post(f"{ROUTE}@1", [{"text": "?"}] * 200)
        assert 'confidence_mean field="intent"' not in gauges(client)
        client.post(ROUTE, [{"text": "?"}] * 200)
        assert gauges(client)['drift field="intent",of="value"'] == 0
        shelf.rollback("banking", who="ana", why="worse")
        client.wait_for("/readyz", lambda response: "banking@1" in response.text)
        assert 'confidence_mean field="intent"' not in gauges(client), "a new champion begins anew"


def test_a_release_whose_judgement_is_not_here_is_served_without(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], caplog: pytest.LogCaptureFixture
) -> None:
    made = release(shelf, task, judged=b"{broken")
    with Client(make_app(Served(task, shelf))) as client:
        client.post(ROUTE, [{"text": "?"}] * 200)
        assert {name.split()[0] for name in gauges(client)} == {"confidence_mean"}
    assert "what the gate saw cannot be read: JSONDecodeError" in caplog.text
    assert read_expected(shelf, made, ()) == {}


def test_what_the_gate_saw_is_read_of_fields_that_there_are(shelf: Registry, task: Task, tmp_path: Path) -> None:
    made = release(shelf, task, judged=seen({"transfer": 2, "top_up": 1}))
    found = read_expected(shelf, made, task.fields[:1])
    assert found == {"intent": Expected((0.8, 0.8, 0.8), {"transfer": 2, "top_up": 1})}
    assert set(INTENTS) >= set(found["intent"].labels)
