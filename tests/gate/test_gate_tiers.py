from __future__ import annotations

from dataclasses import replace

from tests.gate.gate_rows import answer

from freehold.gate.intervals import wilson
from freehold.gate.tiers import measure_tiers
from freehold.task import Answer, Field, Label, Prediction

AREA = Field("area", "choice", labels=(Label("a"), Label("b")))


def predictions(*answers: Answer) -> list[Prediction]:
    return [Prediction("t", "m", "r", {"area": each}) for each in answers]


def test_each_tier_is_measured_on_what_it_answered() -> None:
    said = [("a", "champion"), ("a", "static"), ("b", "static"), ("b", "static")]
    given = predictions(*(replace(answer(value), tier=tier) for value, tier in said))
    truths = [{"area": "a"}, {"area": "a"}, {"area": "a"}, {"area": "b"}]
    found = measure_tiers([AREA], truths, given)
    assert list(found["area"].items()) == [("static", wilson(2, 3)), ("champion", wilson(1, 1))]


def test_rows_without_a_truth_do_not_count_and_a_model_of_one_tier_has_none() -> None:
    given = predictions(replace(answer("a"), tier="static"), replace(answer("a"), tier="static"))
    assert measure_tiers([AREA], [{"area": "a"}, {}], given)["area"]["static"].n == 1
    assert measure_tiers([AREA], [{"area": "a"}], predictions(answer("a"))) == {}
