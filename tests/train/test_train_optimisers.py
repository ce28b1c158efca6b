"""One table: every registered optimiser, alone and behind the filter, keeps the same promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from freehold.errors import UserError
from freehold.train.optimisers import OPTIMISERS, Group, Optimiser, Packed, make_optimiser

NAMES = [*OPTIMISERS, *(f"grokfast+{name}" for name in OPTIMISERS)]
STEPS = 60


class Problem:
    """A small network with matrices, vectors and a parameter that nothing reads; and rows to learn."""

    def __init__(self, name: str, *, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.body = nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.Tanh())
        self.head = nn.Linear(16, 3)
        self.idle = nn.Parameter(torch.ones(4, 4))
        self.inputs = torch.randn(48, 6)
        self.wanted = (self.inputs @ torch.randn(6, 3)).argmax(1)
        groups = [
            Group([*self.body.parameters(), self.idle], 1e-2),
            Group([*self.head.parameters()], 2e-2, hidden=False),
        ]
        self.optimiser: Optimiser = make_optimiser(name, groups, steps=STEPS)

    def loss(self) -> Tensor:
        return nn.functional.cross_entropy(self.head(self.body(self.inputs)), self.wanted)

    def train(self, steps: int, *, share: float = 1.0) -> float:
        for _ in range(steps):
            self.loss().backward()  # type: ignore[no-untyped-call]
            self.optimiser.step(share)
        return float(self.loss().detach())

    def parameters(self) -> list[nn.Parameter]:
        return [*self.body.parameters(), *self.head.parameters()]

    def weights(self) -> list[Tensor]:
        return [p.detach().clone() for p in self.parameters()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls(name: str) -> None:
    problem = Problem(name)
    before = float(problem.loss().detach())
    assert problem.train(STEPS) < 0.5 * before


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_with_a_gradient_moves_vectors_too(name: str) -> None:
    problem = Problem(name)
    before = problem.weights()
    problem.train(12)
    assert not any(torch.equal(a, b) for a, b in zip(before, problem.weights(), strict=True))
    assert {p.ndim for p in problem.parameters()} == {1, 2}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    one, other = Problem(name), Problem(name)
    one.train(12)
    other.train(12)
    assert same(one.weights(), other.weights())


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_without_a_gradient_is_left_alone(name: str) -> None:
    problem = Problem(name)
    problem.train(5)
    assert torch.equal(problem.idle.detach(), torch.ones(4, 4))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stop", [1, 13])
def test_a_state_kept_in_safetensors_goes_on_exactly(name: str, stop: int, tmp_path: Path) -> None:
    undisturbed = Problem(name)
    undisturbed.train(25)
    stopped = Problem(name)
    stopped.train(stop)
    packed = stopped.optimiser.pack()
    save_file(packed.tensors, tmp_path / "state.safetensors")
    (tmp_path / "state.json").write_text(json.dumps(packed.rest))
    resumed = Problem(name)
    with torch.no_grad():
        for parameter, weight in zip(resumed.parameters(), stopped.weights(), strict=True):
            parameter.copy_(weight)
    rest = json.loads((tmp_path / "state.json").read_text())
    resumed.optimiser.unpack(Packed(load_file(tmp_path / "state.safetensors"), rest))
    resumed.train(25 - stop)
    assert same(resumed.weights(), undisturbed.weights())


@pytest.mark.parametrize("name", NAMES)
def test_the_share_scales_every_groups_own_top_rate(name: str) -> None:
    problem = Problem(name)
    problem.train(1)
    top = problem.optimiser.rates
    problem.train(1, share=0.25)
    assert problem.optimiser.rates == pytest.approx([0.25 * rate for rate in top])
    before = problem.weights()
    problem.train(2, share=0.0)
    assert same(before, problem.weights())


@pytest.mark.parametrize("name", NAMES)
def test_a_step_forgets_the_gradients(name: str) -> None:
    problem = Problem(name)
    problem.train(2)
    assert all(p.grad is None for p in problem.parameters())


@pytest.mark.parametrize("name", ["adam", "grokfast+adam", "adamw+grokfast", "lookahead+adamw"])
def test_an_unknown_name_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UserError) as refused:
        make_optimiser(name, [Group([nn.Parameter(torch.ones(2))], 1e-3)], steps=1)
    assert "adamw" in str(refused.value.hint)
    assert name.removeprefix("grokfast+") in str(refused.value)


def test_all_that_the_issue_names_are_there() -> None:
    assert {"adamw", "ademamix", "muon", "shampoo", "soap"} <= {*OPTIMISERS}


def test_muons_updates_are_made_in_single_precision() -> None:
    from pytorch_optimizer.optimizer.utils.matrix import zero_power_via_newton_schulz_5 as orthogonalise

    torch.manual_seed(0)
    matrix = nn.Parameter(torch.zeros(8, 8))
    gradient = torch.randn(8, 8)
    optimiser = make_optimiser("muon", [Group([matrix], 1e-2, decay=0.0)], steps=1)
    matrix.grad = gradient.clone()
    optimiser.step()
    wanted = -1e-2 * 0.2 * 8**0.5 * orthogonalise(gradient, dtype=torch.float32)
    assert torch.allclose(matrix.detach(), wanted, atol=1e-6)
