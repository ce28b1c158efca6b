"""Optimisers by name: one registry, one way to step, and a state that can be kept in safetensors.

Every optimiser takes learning rates on AdamW's scale, so that a name can be changed without another search for
the rate. `grokfast+NAME` puts a filter before any of them. Knows nothing of models, losses or schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from freehold.errors import UserError
from freehold.plugins import Plugins
from freehold.task import Json

__all__ = ["OPTIMISERS", "Group", "Optimiser", "OptimiserKind", "Packed", "make_optimiser"]


class Group(NamedTuple):
    """Parameters that share a learning rate.

    Attributes:
        rate: The learning rate at the top of the schedule, on AdamW's scale.
        hidden: Whether these are weights inside the encoder, not of a head: some optimisers treat matrices
            inside a network in a way that is wrong for the last layer.
    """

    parameters: list[torch.nn.Parameter]
    rate: float
    decay: float = 0.01
    hidden: bool = True


class Packed(NamedTuple):
    """An optimiser's state: its tensors, and the rest as plain data."""

    tensors: dict[str, Tensor]
    rest: Json


OptimiserKind = Callable[[Sequence[Group], int], torch.optim.Optimizer]
"""Makes an optimiser from groups and the planned number of steps.

It must make one parameter group or more a `Group`, keep all its state in `state_dict()`, and draw no random
numbers but from torch's own generator.
"""

OPTIMISERS: Plugins[OptimiserKind] = Plugins("freehold.optimisers")

_FILTER = "grokfast"
_SMOOTH, _AMPLIFY = 0.98, 2.0
_SHAMPOO_FACTOR = 10.0
_SOAP_WIDEST = 1_024


def make_optimiser(name: str, groups: Sequence[Group], *, steps: int) -> Optimiser:
    """Returns the optimiser called `name`.

    Args:
        name: One of the registry, or `grokfast+` and one of the registry.
        steps: How many steps are planned.

    Raises:
        UserError: There is none of this name.
    """
    first, plus, second = name.partition("+")
    if plus and first != _FILTER:
        raise UserError(
            f"`{name}`: {first!r} cannot be put before an optimiser; `{_FILTER}` can.",
            hint=f"There are {', '.join(OPTIMISERS)}, each with or without `{_FILTER}+` before it.",
        )
    inner = OPTIMISERS.get(second if plus else first)([g for g in groups if g.parameters], steps)
    return Optimiser(inner, amplify=_AMPLIFY if plus else 0.0)


class Optimiser:
    """Steps parameters along their gradients, by a share of each group's top rate.

    With `amplify` above 0 each gradient has its own slow average added, `g + amplify * h` with
    `h = 0.98 h + 0.02 g`, before the step (Lee et al. 2024, "Grokfast": the filter by an exponential average).
    """

    def __init__(self, inner: torch.optim.Optimizer, *, amplify: float = 0.0) -> None:
        self._inner, self._amplify = inner, amplify
        self._slow: dict[str, Tensor] = {}
        for group in inner.param_groups:
            group["top"] = group["lr"]

    @property
    def rates(self) -> list[float]:
        """The rates of the last step, one a group."""
        return [float(group["lr"]) for group in self._inner.param_groups]

    def step(self, share: float = 1.0) -> None:
        """Takes one step with `share` of the top rates, and forgets the gradients."""
        for group in self._inner.param_groups:
            group["lr"] = group["top"] * share
        if self._amplify:
            self._filter()
        self._inner.step()
        self._inner.zero_grad(set_to_none=True)

    def _filter(self) -> None:
        parameters = [p for group in self._inner.param_groups for p in group["params"]]
        with torch.no_grad():
            for number, parameter in enumerate(parameters):
                if parameter.grad is None:
                    continue
                slow = self._slow.setdefault(str(number), parameter.grad.clone())
                slow.lerp_(parameter.grad, 1 - _SMOOTH)
                parameter.grad.add_(slow, alpha=self._amplify)

    def pack(self) -> Packed:
        """Returns all that decides the next steps besides the parameters themselves."""
        tensors = {f"slow.{number}": slow.clone() for number, slow in self._slow.items()}
        state = self._inner.state_dict()
        rest: dict[str, Json] = {
            "state": _flatten(state["state"], "state", tensors),
            "groups": [
                {key: value for key, value in group.items() if isinstance(value, int | float)}
                for group in state["param_groups"]
            ],
        }
        return Packed(tensors, rest)

    def unpack(self, packed: Packed) -> None:
        """Takes up a state that `pack` returned, from the same optimiser over the same parameters."""
        rest: Any = packed.rest
        now = self._inner.state_dict()
        groups = [{**group, **kept} for group, kept in zip(now["param_groups"], rest["groups"], strict=True)]
        self._inner.load_state_dict({"state": _restore(rest["state"], packed.tensors), "param_groups": groups})
        self._slow = {
            name.removeprefix("slow."): tensor.clone()
            for name, tensor in packed.tensors.items()
            if name.startswith("slow.")
        }


def _flatten(value: object, name: str, tensors: dict[str, Tensor]) -> Json:
    """Returns `value` as plain data; tensors go to `tensors` and are named.

    A matrix that lies in memory column by column is stored so and put back so: products of the same numbers
    in another layout may differ in the last bit.
    """
    if isinstance(value, Tensor):
        turned = value.ndim == 2 and not value.is_contiguous() and value.T.is_contiguous()
        tensors[name] = (value.T if turned else value).detach().clone(memory_format=torch.contiguous_format)
        return {"tensor": name, "turned": turned}
    if isinstance(value, Mapping):
        keys: list[Json] = list(value)
        return {"keys": keys, "values": [_flatten(item, f"{name}.{key}", tensors) for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_flatten(item, f"{name}.{n}", tensors) for n, item in enumerate(value)]}
    assert value is None or isinstance(value, str | int | float)
    return {"value": value}


def _restore(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    if "tensor" in plain:
        tensor = tensors[plain["tensor"]]
        return tensor.T.clone(memory_format=torch.preserve_format) if plain["turned"] else tensor.clone()
    if "keys" in plain:
        return {k: _restore(v, tensors) for k, v in zip(plain["keys"], plain["values"], strict=True)}
    if "list" in plain:
        return [_restore(item, tensors) for item in plain["list"]]
    return plain["value"]


def _plain(groups: Sequence[Group], **more: object) -> list[dict[str, Any]]:
    """Returns groups as torch takes them."""
    return [{"params": g.parameters, "lr": g.rate, "weight_decay": g.decay, **more} for g in groups]


@OPTIMISERS.register("adamw")
def _adamw(groups: Sequence[Group], steps: int) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    return torch.optim.AdamW(_plain(groups))


@OPTIMISERS.register("soap")
def _soap(groups: Sequence[Group], steps: int) -> torch.optim.Optimizer:
    """Adam in the eigenbasis of Shampoo's preconditioner (Vyas et al. 2024). Its first step only prepares.

    The wide side of a feed-forward layer keeps its own basis, the paper's one-sided form: turning it would cost
    more than the pass itself.
    """
    from pytorch_optimizer import SOAP

    made: torch.optim.Optimizer = SOAP(_plain(groups), max_precondition_dim=_SOAP_WIDEST)
    return made


@OPTIMISERS.register("ademamix")
def _ademamix(groups: Sequence[Group], steps: int) -> torch.optim.Optimizer:
    """Adam with a second, slow momentum that is warmed up over all steps (Pagliardini et al. 2024)."""
    from pytorch_optimizer import AdEMAMix

    made: torch.optim.Optimizer = AdEMAMix(
        _plain(groups), weight_decouple=True, t_alpha_beta3=float(max(1, steps))
    )
    return made


@OPTIMISERS.register("shampoo")
def _shampoo(groups: Sequence[Group], steps: int) -> torch.optim.Optimizer:
    """A full preconditioner for each side of a matrix (Gupta et al. 2018).

    Its statistics are sums, so that its steps shrink with time; the factor on the rate brings the first
    hundreds of them to the size of AdamW's. Roots of matrices are taken at every step, which is dear: with
    older roots the steps into new directions explode (`preconditioning_compute_steps=10` was tried).
    """
    from pytorch_optimizer import Shampoo

    scaled = [g._replace(rate=g.rate * _SHAMPOO_FACTOR, decay=g.decay / _SHAMPOO_FACTOR) for g in groups]
    made: torch.optim.Optimizer = Shampoo(_plain(scaled), weight_decouple=True)
    return made


@OPTIMISERS.register("muon")
def _muon(groups: Sequence[Group], steps: int) -> torch.optim.Optimizer:
    """Orthogonalised momentum for matrices inside the encoder, AdamW for all else (Jordan et al. 2024).

    The rate is AdamW's: updates are scaled by `0.2 * sqrt(max(rows, columns))` (Liu et al. 2025, "Muon is
    scalable").
    """
    from pytorch_optimizer import Muon
    from pytorch_optimizer.optimizer.utils.matrix import zero_power_via_newton_schulz_5 as orthogonalise

    class MuonInSinglePrecision(Muon):  # type: ignore[misc]
        """Muon without bfloat16, in which a processor that does not know it takes thirty times as long."""

        @staticmethod
        def _orthogonalize(group: dict[str, Any], updates: list[Tensor]) -> list[Tensor]:
            steps, weights = group["ns_steps"], group["ns_coeffs"]
            return [orthogonalise(u, num_steps=steps, weights=weights, dtype=torch.float32) for u in updates]

    parts: list[dict[str, Any]] = []
    for group in groups:
        matrices = [p for p in group.parameters if group.hidden and p.ndim == 2]
        others = [p for p in group.parameters if not group.hidden or p.ndim != 2]
        for some, orthogonal in ((matrices, True), (others, False)):
            if some:
                parts += _plain([group._replace(parameters=some)], use_muon=orthogonal, use_adjusted_lr=orthogonal)
    made: torch.optim.Optimizer = MuonInSinglePrecision(parts)
    return made
