"""Where the families of encoders keep their layers: to run some of them, and to name the layers to adapt.

A cut model is a view: new containers around the very same layers, so that what is trained through the view is
trained in the model. Families whose layers do not stand for themselves are not listed and cannot be cut.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

__all__ = ["above", "below", "layers_of", "lora_targets", "packs", "padding_position"]


class _Given(nn.Module):
    """Stands in for embeddings: hands on what it is given."""

    def forward(self, *given: Tensor | None, inputs_embeds: Tensor | None = None, **_others: object) -> Tensor:
        [hidden] = [each for each in (*given, inputs_embeds) if each is not None and each.is_floating_point()]
        return hidden


class _NoLayer(nn.Module):
    """Stands in for a layer where a family needs one at least."""

    def forward(self, hidden: Tensor, *_others: object, **_more: object) -> tuple[Tensor, None]:
        return hidden, None


class _Stack(NamedTuple):
    """How a family is built.

    Attributes:
        layers: Where the layers are.
        first: The modules that make the first hidden state.
        last: The module that comes after the last layer.
        none: What stands for no layers at all.
        packs: Whether it takes a mask of each token against each, and positions: then texts can share a row.
    """

    layers: str = "encoder.layer"
    first: tuple[str, ...] = ("embeddings",)
    last: str = ""
    none: tuple[nn.Module, ...] = ()
    packs: bool = True


_STACKS = {
    "bert": _Stack(),
    "camembert": _Stack(),
    "deberta": _Stack(packs=False),
    "deberta-v2": _Stack(none=(_NoLayer(),), packs=False),
    "distilbert": _Stack(layers="transformer.layer"),
    "electra": _Stack(first=("embeddings", "embeddings_project")),
    "modernbert": _Stack(layers="layers", last="final_norm", packs=False),
    "mpnet": _Stack(),
    "roberta": _Stack(),
    "xlm-roberta": _Stack(),
}

_QUERIES_AND_VALUES = (
    ("query", "value"),
    ("q_lin", "v_lin"),
    ("query_proj", "value_proj"),
    ("q_proj", "v_proj"),
    ("q", "v"),
    ("Wqkv",),
    ("in_proj",),
    ("qkv_proj",),
)
"""Names of the linear layers that make queries and values; the last three make the keys too."""


def layers_of(body: Any) -> nn.ModuleList | None:
    """Returns a model's layers, lowest first; None where its family cannot be cut."""
    stack = _STACKS.get(body.config.model_type)
    found = _get(body, stack.layers) if stack else None
    return found if isinstance(found, nn.ModuleList) else None


def packs(body: Any) -> bool:
    """Returns whether several texts can share a row of this model."""
    stack = _STACKS.get(body.config.model_type)
    return stack is not None and stack.packs


def padding_position(body: Any) -> int | None:
    """Returns the position of the padding token, wherever it is, where a family has one: RoBERTa and its kin.

    It is the token's id as well. Texts' own positions are counted from behind it, and skip that token.
    """
    found = getattr(getattr(body, "embeddings", None), "padding_idx", None)
    return None if found is None else int(found)


def below(body: Any, count: int) -> Any:
    """Returns a view of a model that ends after its first `count` layers, without what follows the last."""
    stack = _STACKS[body.config.model_type]
    view = _keep(body, stack, slice(0, count))
    return _with(view, stack.last, nn.Identity()) if stack.last else view


def above(body: Any, count: int) -> Any:
    """Returns a view of a model that takes, as `inputs_embeds`, what its first `count` layers give."""
    stack = _STACKS[body.config.model_type]
    view = _keep(body, stack, slice(count, None))
    for name in stack.first:
        if hasattr(body, name):
            view = _with(view, name, _Given())
    return view


def _keep(body: Any, stack: _Stack, part: slice) -> Any:
    """Returns a view of a model with some of its layers; nothing pools above them."""
    layers = list(_get(body, stack.layers))[part]
    view = _with(body, stack.layers, nn.ModuleList(layers or stack.none))
    if _get(body, "encoder.conv") is not None and (part.start or not layers):
        view = _with(view, "encoder.conv", None)  # DeBERTa's convolution belongs to the lowest layer
    return _with(view, "pooler", None) if hasattr(body, "pooler") else view


def _get(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = getattr(body, name, None)
    return body


def _with(module: Any, path: str, new: nn.Module | None) -> Any:
    """Returns a shallow copy of a module with another one, or none, at `path`; all else is shared."""
    name, _, rest = path.partition(".")
    if rest:
        new = _with(getattr(module, name), rest, new)
    copied = object.__new__(type(module))
    copied.__dict__ = {**module.__dict__, "_modules": {**module._modules, name: new}}
    return copied


def lora_targets(body: nn.Module) -> list[str]:
    """Returns the names of the layers that low-rank adapters go to.

    Those of queries and values (Hu et al. 2021) by the names that the family gives them; where none is known, all
    linear layers of the attention; where there is no such thing either, all linear layers.
    """
    linear = [name for name, module in body.named_modules() if isinstance(module, nn.Linear)]
    ends = {name.rpartition(".")[2] for name in linear}
    for names in _QUERIES_AND_VALUES:
        if ends.issuperset(names):
            return list(names)
    attention = [name for name in linear if "attention" in name.lower() or "attn" in name.lower()]
    return attention or linear
