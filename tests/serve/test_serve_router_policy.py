"""Plugins put upstreams in order; what an upstream says becomes an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.serve.bank import FIELDS
from tests.serve.faulty import upstream
from tests.serve.routed import PATIENT, UNSURE, Open, remote, tiers

from freehold.errors import UserError
from freehold.serve.policies import POLICIES, Left
from freehold.serve.router import answer_of
from freehold.serve.shares import share, share_truth
from freehold.task import Answer, Field, Label, Routing, Upstream

# the policy


@POLICIES.register("backwards.test")
def backwards(fields: Sequence[str], upstreams: Sequence[Upstream], *, left: Left) -> Sequence[Upstream]:
    assert list(fields) == ["intent", "mood"]
    assert 0 < left.milliseconds <= 8_000
    assert left.cost == 0.5
    assert left.tokens is None
    return upstreams[::-1]


@POLICIES.register("broken.test")
def broken(fields: Sequence[str], upstreams: Sequence[Upstream], *, left: Left) -> Sequence[Upstream]:
    return [*upstreams, *upstreams]


@POLICIES.register("raising.test")
def raising(fields: Sequence[str], upstreams: Sequence[Upstream], *, left: Left) -> Sequence[Upstream]:
    raise RuntimeError(UNSURE)


def test_a_plugin_puts_upstreams_in_order(opened: Open) -> None:
    routing = Routing(deadline_ms=8_000, cost_per_month=0.5, policy="backwards.test")
    with upstream() as one, upstream() as other:
        with opened(remote("one", one.url), remote("other", other.url), routing=routing) as desk:
            assert tiers(desk.ask()) == ["other", "", "other"]
        assert one.calls == []


@pytest.mark.parametrize("name", ["broken.test", "raising.test"])
def test_a_plugin_that_breaks_its_contract_leaves_the_answer_abstained(
    opened: Open, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with upstream() as server, opened(remote("cloud", server.url), routing=Routing(policy=name)) as desk:
        response = desk.ask()
        assert (response.status_code, response.json()["answers"]["intent"]["abstained"]) == (200, True)
        assert server.calls == []
    assert f"the policy `{name}`" in caplog.text
    assert UNSURE not in caplog.text


def test_an_unknown_policy_is_a_mistake(opened: Open) -> None:
    with (
        pytest.raises(UserError, match=r"no part 'best\.v9'"),
        opened(remote("cloud", "https://a.b"), routing=replace(PATIENT, policy="best.v9")),
    ):
        pass


# what becomes of a value


@pytest.mark.parametrize(
    ("field", "value", "model", "shares", "in_scope"),
    [
        (FIELDS[1], True, {"false": 0.6, "true": 0.4}, {"false": 0.2, "true": 0.8}, None),
        (FIELDS[2], 3, {"1": 0.5, "2": 0.5, "3": 0.0}, {"1": 0.1, "2": 0.1, "3": 0.8}, None),
        (
            Field("a", "choice", labels=(Label("x"), Label("y"), Label("z")), other="z"),
            "z",
            {"x": 0.0, "y": 0.0, "z": 1.0},
            {"x": 0.1, "y": 0.1, "z": 0.8},
            False,
        ),
        (
            Field("a", "choices", labels=(Label("x"), Label("y"))),
            ["y"],
            {"x": 0.9, "y": 0.9},
            {"x": 0.2, "y": 0.8},
            None,
        ),
        (Field("a", "number"), 4.0, {}, {}, None),
    ],
)
def test_what_a_value_becomes(field: Field, value: Any, model: Any, shares: Any, in_scope: bool | None) -> None:
    cloud = remote("cloud", "https://a.b", trust=0.8)
    found = answer_of(field, value, upstream=cloud, model=Answer(value, 0.1, model, abstained=True))
    assert found.probabilities == pytest.approx(shares)
    assert (found.value, found.confidence, found.abstained, found.tier) == (value, 0.8, False, "cloud")
    assert found.in_scope is in_scope


@pytest.mark.parametrize(("abstained", "wanted"), [(False, 0.97), (False, 1.0000000000000002), (True, 0.97)])
def test_an_answer_that_was_given_is_given_by_every_door(abstained: bool, wanted: float) -> None:
    """Its bar is the upstream's trust, not the one that was certified for the model's own confidence."""
    answer = Answer("top_up", 0.9, {"top_up": 0.9, "transfer": 0.1}, abstained=abstained)
    field = replace(FIELDS[0], abstain_below=wanted)
    assert share(["top_up", "transfer"], field=field, answer=answer).abstained is abstained
    truth = Answer(True, 0.9, {"false": 0.1, "true": 0.9}, abstained=abstained)
    assert share_truth(field=replace(field, kind="predicate"), answer=truth).abstained is abstained


def test_drift_is_that_of_the_models_own_answers(opened: Open) -> None:
    """What upstreams say is as sure as they are trusted, and says nothing about the model."""
    with upstream() as server, opened(remote("cloud", server.url)) as desk:
        for start in range(0, 120, 60):
            desk.post([{"text": f"{number} money now"} for number in range(start, start + 60)])
        metrics = httpx.get(f"{desk.url}/metrics").text
    assert 'freehold_answers_by_tier_total{field="intent",task="banking",tier="cloud"} 120.0' in metrics
    [mean] = [line for line in metrics.splitlines() if line.startswith('freehold_confidence_mean{field="mood"')]
    assert float(mean.split()[-1]) == pytest.approx(0.5)
