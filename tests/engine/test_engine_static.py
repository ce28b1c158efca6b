from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from freehold.engine import (
    Accepts,
    Head,
    Heads,
    HeldOut,
    Scope,
    Sketch,
    StaticTier,
    load_held_out,
    load_static,
    margins,
    save_held_out,
    save_static,
)
from freehold.errors import IntegrityError
from freehold.task import Field, Label

AREA = Field("area", "choice", labels=(Label("account"), Label("billing"), Label("delivery")))
URGENT = Field("urgent", "predicate")
TEXTS = ["where is my parcel", "the invoice is wrong", "log in", "parcel parcel invoice", ""]


def make_tier(*, area: float | None = 0.5, urgent: float | None = 0.0, scope: Scope | None = None) -> StaticTier:
    random = np.random.default_rng(0)
    grams = (8 * random.normal(size=(256, 5))).astype(np.float32)
    heads = Heads(np.zeros((0, 5), np.float32), grams, np.zeros(5, np.float32))
    accepts = {"area": Accepts(Head(0, 3, 0.5, scope=scope), area), "urgent": Accepts(Head(3, 5), urgent)}
    return StaticTier(heads, Sketch(256), accepts)


def test_it_answers_where_its_margin_is_large_enough_and_passes_on_the_rest() -> None:
    tier = make_tier()
    scores = tier.scores(TEXTS)[:, :3]
    ordered = np.sort(scores, axis=1)
    sure = ordered[:, 2] - ordered[:, 1] > 0.5
    assert 0 < sure.sum() < len(TEXTS)
    found = tier.answer(TEXTS, [AREA, URGENT])
    assert ["area" in row for row in found] == sure.tolist()
    for row, score in zip(found, scores, strict=True):
        if "area" in row:
            assert row["area"].value == AREA.labels[int(score.argmax())].name  # type: ignore[index]
            assert row["area"].tier == "static"
            assert row["area"].to_json()["tier"] == "static"


def test_a_tier_that_may_answer_nothing_answers_nothing() -> None:
    tier = make_tier(area=None, urgent=None)
    assert tier.answer(TEXTS, [AREA, URGENT]) == [{}] * len(TEXTS)
    assert not tier.is_on
    assert not make_tier(area=None).is_on
    assert make_tier().is_on


def test_an_answer_below_the_fields_bar_is_passed_on() -> None:
    found = make_tier(area=-0.5).answer(TEXTS, [replace(AREA, abstain_below=1.0)])
    assert found == [{}] * len(TEXTS)


def test_what_no_label_fits_has_no_margin() -> None:
    scores = np.array([[3.0, 1.0, 0.0], [0.4, 0.3, 0.0]], np.float32)
    assert margins(Head(0, 3), scores).tolist() == pytest.approx([2.0, 0.1])
    assert margins(Head(0, 3, scope=Scope(0.5, 0.05, 100)), scores).tolist() == pytest.approx([2.0, -1.0])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    tier = make_tier(scope=Scope(0.1, 0.05, 80))
    save_static(tmp_path / "static", tier)
    again = load_static(tmp_path / "static")
    assert again is not None
    assert again.accepts == tier.accepts
    assert again.answer(TEXTS, [AREA, URGENT]) == tier.answer(TEXTS, [AREA, URGENT])
    held = HeldOut(np.array([0.5, -1.0], np.float32), np.array([True, False]), np.array([True, True]))
    save_held_out(tmp_path, {"area": held})
    found = load_held_out(tmp_path)["area"]
    assert all(np.array_equal(getattr(found, name), getattr(held, name)) for name in ("margins", "extra", "wrong"))


def test_no_folder_is_no_tier(tmp_path: Path) -> None:
    assert load_static(tmp_path / "static") is None


@pytest.mark.parametrize("name", ["static.json", "heads.safetensors", "ngrams.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    save_static(tmp_path, make_tier())
    (tmp_path / name).write_bytes(b"{")
    with pytest.raises(IntegrityError, match=name):
        load_static(tmp_path)
    with pytest.raises(IntegrityError, match="held_out"):
        load_held_out(tmp_path)
