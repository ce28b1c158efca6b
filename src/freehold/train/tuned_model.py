"""The model that is tuned: an encoder of which some weights learn, its pooling, and one linear head a field.

Owns which weights learn under which method, and where heads begin. The heads only teach the encoder: those that
count are fitted afterwards, on its new vectors. Knows nothing of optimisers, batches' order or files.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from freehold.engine import Encoder, lora_targets
from freehold.engine import Pooling as Modes
from freehold.train.batches import Batch, TokensOfWords
from freehold.train.losses import Aim
from freehold.train.rows import MISSING

__all__ = ["Adaptation", "Method", "Model", "Reading", "class_means", "pool_windows", "pool_words"]

Method = Literal["lora", "last", "full"]


class Adaptation(NamedTuple):
    """Which weights of the encoder learn.

    Attributes:
        method: `lora`: low-rank adapters (Hu et al. 2021). `last`: the last layers whole. `full`: every layer
            whole; never the embeddings.
        layers: For `last`, how many; for `lora`, 0 for all layers, or how many of the last ones.
        rank: Of the adapters.
        targets: Ends of the names of the linear layers that get adapters; the family's own where empty.
    """

    method: Method = "lora"
    layers: int = 0
    rank: int = 16
    targets: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What the encoder makes of a batch.

    Attributes:
        vectors: Of unit length, shape (rows, dimension).
        words: Field to its words' vectors, shape (rows, most words, dimension); zeros where there is no word.
    """

    vectors: Tensor
    words: Mapping[str, Tensor]


class Model(nn.Module):
    """An encoder under adaptation with a head for each aim.

    Args:
        scale: What unit vectors are multiplied by before the heads: a cosine alone cannot be sure of anything.
        dropout: In the encoder's layers, and on the vectors before the heads.

    Attributes:
        cut: How many of the lowest layers never change; what they give can be kept.
        scale: As given.

    Raises:
        UserError: The layers of this family cannot be run apart, and the adaptation asks for some of them.
    """

    def __init__(
        self,
        encoder: Encoder,
        aims: Mapping[str, Aim],
        *,
        adaptation: Adaptation,
        pooling: Modes,
        scale: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.cut = max(0, encoder.depth - adaptation.layers) if _partial(adaptation) else 0
        self._aims, self._pooling, self.scale = aims, pooling, scale
        self.encoder = _adapt(encoder, adaptation, cut=self.cut)
        width = encoder.dimension * len(pooling)
        self.heads = nn.ModuleDict(
            {
                _key(n): nn.Linear(encoder.dimension if a.kind == "spans" else width, a.columns)
                for n, a in aims.items()
            }
        )
        learned = {_key(name): aim.tag_loss for name, aim in aims.items() if isinstance(aim.tag_loss, nn.Module)}
        self.tag_losses = nn.ModuleDict(learned)
        self._dropout = nn.Dropout(dropout)
        for module in self.encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout

    def read(self, batch: Batch, *, lower: Tensor | None = None) -> Reading:
        """Returns a batch's vectors.

        Args:
            lower: What the layers below the cut give, shape (windows, tokens, dimension); computed where None.
        """
        if self.cut:
            if lower is None:
                with torch.no_grad():
                    lower = self.encoder.lower(batch.ids, batch.mask, layers=self.cut)
            hidden = self.encoder.upper(lower, batch.mask, from_layer=self.cut)
        else:
            hidden = self.encoder(batch.ids, batch.mask)
        words = {name: pool_words(hidden, found, rows=batch.rows) for name, found in batch.words.items()}
        return Reading(pool_windows(hidden, batch, pooling=self._pooling), words)

    def score(self, field: str, given: Tensor) -> Tensor:
        """Returns a field's scores, shape (..., columns), from vectors of texts, or of words for spans."""
        by_word = self._aims[field].kind == "spans"
        scores: Tensor = self.heads[_key(field)](self._dropout(given) * (1.0 if by_word else self.scale))
        return scores

    def given(self, field: str, reading: Reading) -> Tensor:
        """Returns what a field's head reads: the words' vectors for spans, the texts' for all else."""
        return reading.words[field] if self._aims[field].kind == "spans" else reading.vectors

    def start_head(self, field: str, weight: Tensor) -> None:
        """Lets a head begin at `weight`, shape (columns, dimension), without a bias."""
        head: Any = self.heads[_key(field)]
        with torch.no_grad():
            head.weight.copy_(weight)
            head.bias.zero_()

    def encoder_parameters(self) -> dict[str, nn.Parameter]:
        """Returns what learns in the encoder, by the names that the encoder itself gives."""
        return {name: p for name, p in self.encoder.body.named_parameters() if p.requires_grad}

    def other_parameters(self) -> dict[str, nn.Parameter]:
        """Returns what learns outside the encoder."""
        return {name: p for name, p in self.named_parameters() if not name.startswith("encoder.")}


def _key(field: str) -> str:
    """Module names must not clash with torch's own attributes."""
    return f"head_{field}"


def _partial(adaptation: Adaptation) -> bool:
    return adaptation.method == "last" or (adaptation.method == "lora" and adaptation.layers > 0)


def _adapt(encoder: Encoder, adaptation: Adaptation, *, cut: int) -> Encoder:
    if adaptation.method == "lora":
        return Encoder(_add_adapters(encoder, adaptation, cut=cut))
    bare = encoder.bare
    bare.requires_grad_(False)
    if adaptation.method == "last":
        encoder.layers[cut:].requires_grad_(True)
        return encoder
    embedded = bare.get_input_embeddings().weight
    home = next(name for name, p in bare.named_parameters() if p is embedded).partition(".")[0]
    for name, parameter in bare.named_parameters():
        parameter.requires_grad_(name.partition(".")[0] not in (home, "pooler"))
    return encoder


def _add_adapters(encoder: Encoder, adaptation: Adaptation, *, cut: int) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = list(adaptation.targets) or lora_targets(encoder.bare)
    if cut:
        above = {id(module) for module in encoder.layers[cut:].modules()}
        named = encoder.bare.named_modules()
        ends = tuple(f".{target}" for target in targets)
        targets = [name for name, module in named if id(module) in above and f".{name}".endswith(ends)]
    rank = adaptation.rank
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, bias="none")
    with warnings.catch_warnings():
        # peft asks transformers for names that it is about to rename.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(encoder.bare, config)


def pool_windows(hidden: Tensor, batch: Batch, *, pooling: Modes) -> Tensor:
    """Returns one vector of unit length a text, over all its windows, as the engine pools them.

    Args:
        hidden: Token vectors, shape (windows, tokens, dimension).
        pooling: The base's own.
    """
    counted = batch.counted.unsqueeze(-1)
    zeros = hidden.new_zeros(batch.rows, hidden.shape[2])
    counts = zeros[:, :1].index_add(0, batch.row, counted.sum(1).to(hidden.dtype)).clamp(min=1e-9)

    def side(mode: str) -> Tensor:
        if mode == "cls":
            windows = zeros[:, :1].index_add(0, batch.row, hidden.new_ones(len(hidden), 1))
            return zeros.index_add(0, batch.row, hidden[:, 0]) / windows
        if mode == "max":
            tops = hidden.masked_fill(~counted, -torch.inf).amax(1)
            places = batch.row.unsqueeze(1).expand_as(tops)
            return torch.full_like(zeros, -torch.inf).scatter_reduce(0, places, tops, "amax")
        sums = zeros.index_add(0, batch.row, (hidden * counted).sum(1))
        return sums / (counts if mode == "mean" else counts.sqrt())

    return nn.functional.normalize(torch.cat([side(mode) for mode in pooling], dim=1), dim=1)


def pool_words(hidden: Tensor, words: TokensOfWords, *, rows: int) -> Tensor:
    """Returns the mean of each word's token vectors, shape (rows, most words, dimension)."""
    flat = hidden.reshape(-1, hidden.shape[2])
    sums = flat.new_zeros(rows * words.most, flat.shape[1]).index_add(0, words.word, flat[words.token])
    counts = torch.bincount(words.word, minlength=rows * words.most).clamp(min=1)
    return (sums / counts.unsqueeze(1)).reshape(rows, words.most, -1)


def class_means(vectors: Tensor, targets: Tensor, *, columns: int) -> Tensor:
    """Returns the direction of each label's mean vector, shape (columns, dimension); zeros without a row.

    Args:
        vectors: Of unit length, shape (rows, dimension).
        targets: Label numbers, shape (rows,), or 1 and 0, shape (rows, columns); `MISSING` where unknown. For
            several labels at once, the direction from all rows to those that have the label.
    """
    sums = vectors.new_zeros(columns, vectors.shape[1])
    if targets.ndim == 1:
        known = targets != MISSING
        return nn.functional.normalize(sums.index_add(0, targets[known].long(), vectors[known]), dim=1)
    present = (targets > 0).to(vectors.dtype)
    counts = present.sum(0).unsqueeze(1)
    from_all = present.T @ vectors / counts.clamp(min=1) - vectors.mean(0)
    return nn.functional.normalize(from_all * (counts > 0), dim=1)
