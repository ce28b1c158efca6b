"""What is minimised, against values worked out another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freehold.train.losses import Aim, LossSettings, Tagged, Target, contrast, prototype_scores
from freehold.train.objectives import Objective, OneLabel, make_objective
from freehold.train.rows import MISSING

NAN = float("nan")
PLAIN = LossSettings()
WORDS = np.array([[0, 2], [3, 5]])


def tag_loss(scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    plain = nn.functional.cross_entropy(scores.transpose(1, 2), tags, reduction="none")
    return (plain * mask).sum(1)


def tagged(*tags: int) -> Tagged:
    return Tagged(WORDS[: len(tags)], np.array(tags))


KINDS: list[tuple[Aim, Target, Tensor, Tensor]] = [
    # the aim, targets of four rows of which the last is missing, good scores, bad scores
    (Aim("choice", 3), np.array([0, 1, 2, MISSING]), torch.eye(4, 3) * 9, -torch.eye(4, 3) * 9),
    (Aim("score", 3), np.array([0, 1, 2, MISSING]), torch.eye(4, 3) * 9, -torch.eye(4, 3) * 9),
    (
        Aim("predicate", 2),
        np.array([0, 1, 0, MISSING]),
        torch.tensor([[9.0, 0], [0, 9], [9, 0], [0, 0]]),
        torch.tensor([[0.0, 9], [9, 0], [0, 9], [0, 0]]),
    ),
    (
        Aim("choices", 2),
        np.array([[1, 0], [0, 1], [MISSING, 0], [MISSING, MISSING]]),
        torch.tensor([[9.0, -9], [-9, 9], [9, -9], [0, 0]]),
        torch.tensor([[-9.0, 9], [9, -9], [9, 9], [0, 0]]),
    ),
    (
        Aim("number", 1),
        np.array([-1.0, 0.0, 1.0, NAN], np.float32),
        torch.tensor([[-1.2], [0.0], [1.2], [5.0]]),
        torch.tensor([[3.0], [-3.0], [-3.0], [5.0]]),
    ),
    (
        Aim("spans", 2, tag_loss=tag_loss),
        [tagged(0, 1), tagged(1), tagged(0, 0), None],
        torch.tensor([[[9.0, 0], [0, 9]], [[0, 9], [0, 0]], [[9, 0], [9, 0]], [[0, 0], [0, 0]]]),
        torch.tensor([[[0.0, 9], [9, 0]], [[9, 0], [0, 0]], [[0, 9], [0, 9]], [[0, 0], [0, 0]]]),
    ),
]
IDS = [aim.kind for aim, *_ in KINDS]


@pytest.mark.parametrize(("aim", "target", "good", "bad"), KINDS, ids=IDS)
def test_good_answers_cost_less_and_missing_targets_nothing(
    aim: Aim, target: Target, good: Tensor, bad: Tensor
) -> None:
    objective = make_objective(aim, target, PLAIN)
    wanted = objective.tensor(range(4))
    assert objective.known(wanted).tolist() == [True, True, True, False]
    cheap, dear = objective.losses(good, wanted), objective.losses(bad, wanted)
    assert bool((cheap[:3] < dear[:3]).all())
    assert cheap[3] == dear[3] == 0


@pytest.mark.parametrize(("aim", "target", "good", "bad"), KINDS, ids=IDS)
def test_merit_is_one_at_best_and_skips_what_is_missing(
    aim: Aim, target: Target, good: Tensor, bad: Tensor
) -> None:
    objective = make_objective(aim, target, PLAIN)
    wanted = objective.tensor(range(4))
    gained, possible = objective.merit(good, wanted)
    assert gained / possible == pytest.approx(1.0, abs=0.05)
    worse, _ = objective.merit(bad, wanted)
    assert worse < 0.5 * gained
    assert objective.merit(good[3:], objective.tensor([3])) == (0.0, 0.0)


@pytest.mark.parametrize(("aim", "target", "good", "bad"), KINDS, ids=IDS)
def test_divergence_is_nothing_between_equals_and_symmetric(
    aim: Aim, target: Target, good: Tensor, bad: Tensor
) -> None:
    objective = make_objective(aim, target, PLAIN)
    assert objective.divergence(good, good).abs().max() < 1e-6
    assert torch.allclose(objective.divergence(good, bad), objective.divergence(bad, good))
    assert bool((objective.divergence(good, bad)[:3] > 0.1).all())


@pytest.mark.parametrize(("aim", "target", "good", "bad"), KINDS, ids=IDS)
def test_a_field_without_a_target_at_all_is_no_trouble(
    aim: Aim, target: Target, good: Tensor, bad: Tensor
) -> None:
    nothing: Target = target[3:] if isinstance(target, np.ndarray) else [None]
    objective = make_objective(aim, nothing, PLAIN)
    assert math.isfinite(objective.chance)
    assert objective.losses(good[3:], objective.tensor([0])).tolist() == [0.0]


def one_label(target: NDArray[np.int64], **settings: float) -> OneLabel:
    return OneLabel(target, target, columns=int(target.max()) + 1, **settings)


@pytest.mark.parametrize(
    ("objective", "constant"),
    [
        (make_objective(Aim("choice", 2), np.array([0, 0, 0, 1]), PLAIN), torch.tensor([0.75, 0.25]).log()),
        (
            make_objective(Aim("choices", 2), np.array([[1, 0], [1, 1], [1, 0], [0, 1]]), PLAIN),
            torch.tensor([0.75, 0.5]).logit(),
        ),
        (make_objective(Aim("number", 1), np.array([1.0, 2.0, 4.0, 5.0]), PLAIN), torch.zeros(1)),
    ],
    ids=["choice", "choices", "number"],
)
def test_chance_is_the_loss_of_the_best_constant_answer(objective: Objective, constant: Tensor) -> None:
    wanted = objective.tensor(range(4))
    mean = objective.losses(constant.expand(4, -1), wanted).mean()
    assert float(mean) == pytest.approx(objective.chance, rel=1e-5)


def test_balance_makes_all_labels_weigh_alike() -> None:
    targets = np.array([0] * 9 + [1])
    scores = torch.zeros(10, 2)
    for power, share in ((0.0, 0.1), (1.0, 0.5)):
        objective = one_label(targets, balance=power)
        losses = objective.losses(scores, objective.tensor(range(10)))
        assert float(losses[9:].sum() / losses.sum()) == pytest.approx(share)
        assert float(losses.mean()) == pytest.approx(math.log(2))


def test_smoothing_makes_certainty_costly() -> None:
    targets = np.array([0, 1])
    sure = torch.eye(2) * 50
    plain, smooth = (one_label(targets, smoothing=share) for share in (0.0, 0.1))
    wanted = plain.tensor([0, 1])
    assert float(plain.losses(sure, wanted).mean()) < 1e-6
    assert float(smooth.losses(sure, wanted).mean()) == pytest.approx(2.5)


def test_asymmetry_forgives_easy_absent_labels_only() -> None:
    targets = np.array([[1, 0]])
    scores = torch.tensor([[-1.0, -1.0]])
    plain = make_objective(Aim("choices", 2), targets, PLAIN)
    forgiving = make_objective(Aim("choices", 2), targets, LossSettings(asymmetry=4.0))
    present = math.log1p(math.exp(1))
    wanted = plain.tensor([0])
    assert float(plain.losses(scores, wanted)) == pytest.approx(present + math.log1p(math.exp(-1)))
    assert float(forgiving.losses(scores, wanted)) == pytest.approx(
        present + math.log1p(math.exp(-1)) * (1 / (1 + math.e)) ** 4, rel=1e-5
    )


def unit(rows: int, *, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return nn.functional.normalize(torch.randn(rows, 5, generator=random), dim=1)


def test_contrast_is_the_papers_sum() -> None:
    vectors, labels, t = unit(6), [0, 0, 1, 1, 1, MISSING], 0.2
    found = contrast(vectors, torch.tensor(labels), temperature=t)
    for i, label in enumerate(labels):
        others = [j for j in range(6) if j != i]
        same = [j for j in others if labels[j] == label != MISSING]
        whole = math.log(sum(math.exp(float(vectors[i] @ vectors[j]) / t) for j in others))
        terms = [whole - float(vectors[i] @ vectors[j]) / t for j in same]
        assert float(found[i]) == pytest.approx(float(np.mean(terms)) if terms else 0.0, abs=1e-5)


def test_contrast_has_a_gradient_where_nobody_has_company() -> None:
    vectors = unit(3).requires_grad_()
    contrast(vectors, torch.tensor([0, 1, 2]), temperature=0.1).sum().backward()  # type: ignore[no-untyped-call]
    assert vectors.grad is not None
    assert bool(vectors.grad.isfinite().all())


def test_prototypes_are_the_means_of_the_others() -> None:
    vectors, labels = unit(7), [4, 4, 4, 2, 2, 9, MISSING]
    found = prototype_scores(vectors, torch.tensor(labels), scale=10.0)
    present = [2, 4, 9]
    for i, label in enumerate(labels):
        for column, other in enumerate(present):
            members = [j for j in range(7) if labels[j] == other and j != i]
            if members:
                mean = nn.functional.normalize(vectors[members].sum(0), dim=0)
                assert float(found.scores[i, column]) == pytest.approx(10 * float(vectors[i] @ mean), abs=1e-4)
        alone = labels.count(label) == 1 or label == MISSING
        assert found.own[i] == (MISSING if alone else present.index(label))
