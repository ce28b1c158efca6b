"""A transformer encoder in torch: ids to token vectors, whole or cut between two layers.

Used where models are made or changed. Serving uses the exported graph instead (`vectors`). Pooling lies outside;
`pool` is its differentiable form, for training on texts of one window.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from freehold.engine.bases import Base
from freehold.engine.pooling import Layers
from freehold.engine.settings import Pooling, read_settings
from freehold.engine.stacks import above, below, layers_of, packs, padding_position
from freehold.engine.vectors import Run
from freehold.errors import DataError, UserError
from freehold.task import digest, folder_files

__all__ = ["Encoder", "adapter_identity", "load_adapter", "load_encoder", "pool", "run_encoder"]


def pool(hidden: Tensor, mask: Tensor, *, pooling: Pooling = ("mean",)) -> Tensor:
    """Returns one vector of unit length a row, shape (rows, dimension): numpy's `Pooled`, with gradients.

    Args:
        hidden: Token vectors, shape (rows, tokens, dimension).
        mask: 1 for tokens, 0 for padding, shape (rows, tokens).
        pooling: The base's own.
    """
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    sums, counts = (hidden * weights).sum(1), weights.sum(1).clamp(min=1e-9)
    sides = {
        "cls": lambda: hidden[:, 0],
        "max": lambda: hidden.masked_fill(weights == 0, -torch.inf).amax(1),
        "mean": lambda: sums / counts,
        "mean_sqrt_len_tokens": lambda: sums / counts.sqrt(),
    }
    return nn.functional.normalize(torch.cat([sides[mode]() for mode in pooling], dim=1), dim=1)


class Encoder(nn.Module):
    """A Hugging Face encoder, as it is or adapted: ids and mask to token vectors.

    Attributes:
        body: The model of transformers, or of peft around it.
        middle: The layers, counted from 1, whose mean is read beside the last one; none for no such reading.
    """

    def __init__(self, body: nn.Module, *, middle: Sequence[int] = ()) -> None:
        super().__init__()
        self.body = body
        self.middle = tuple(middle)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Returns the last layer's token vectors, shape (rows, tokens, dimension), of a padded batch."""
        hidden: Tensor = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def packed(self, input_ids: Tensor, segments: Tensor) -> Tensor:
        """Returns the last layer's token vectors where several texts share a row.

        Each token sees those of its own text alone, whose positions are counted from its start (sequence packing;
        Krell et al., "Efficient Sequence Packing without Cross-contamination", 2021).

        Args:
            segments: The number of each token's text, from 1; 0 for padding. A mask of 0 and 1 is one text a row.
        """
        same = segments[:, :, None] == segments[:, None, :]
        padding = padding_position(self.bare)
        first = 0 if padding is None else padding + 1
        counted = segments > 0 if padding is None else (segments > 0) & (input_ids != padding)
        places = torch.arange(segments.shape[1])
        before = same & counted[:, None, :] & (places[None, None, :] < places[None, :, None])
        hidden: Tensor = self.body(
            input_ids=input_ids,
            attention_mask=torch.where(same, 0.0, torch.finfo(torch.float32).min)[:, None],
            position_ids=torch.where(counted, before.sum(-1) + first, padding or 0),
        ).last_hidden_state
        return hidden

    def read(self, input_ids: Tensor, attention_mask: Tensor, *, packed: bool = False) -> tuple[Tensor, ...]:
        """Returns token vectors of the last layer and, where there are any, the mean of those of `middle`.

        Args:
            packed: Whether the mask numbers the texts that share a row.
        """
        kept: list[Tensor] = []

        def keep(_module: nn.Module, _given: object, found: Any) -> None:
            kept.append(found[0] if isinstance(found, tuple) else found)

        hooks = [self.layers[layer - 1].register_forward_hook(keep) for layer in self.middle]
        try:
            last: Tensor = (self.packed if packed else self)(input_ids, attention_mask)
        finally:
            for hook in hooks:
                hook.remove()
        return (last, sum(kept[1:], start=kept[0]) / len(kept)) if kept else (last,)

    @property
    def bare(self) -> Any:
        """The model of transformers, without peft's wrapping; its layers are the adapted ones."""
        unwrap: Any = getattr(self.body, "get_base_model", None)
        return unwrap() if unwrap else self.body

    @property
    def vocabulary(self) -> int:
        """How many ids there are."""
        return int(self.bare.get_input_embeddings().weight.shape[0])

    @property
    def dimension(self) -> int:
        """Of the token vectors."""
        return int(self.bare.config.hidden_size)

    @property
    def packs(self) -> bool:
        """Whether `packed` works for this family."""
        return packs(self.bare)

    @property
    def supports_cut(self) -> bool:
        """Whether `lower` and `upper` work for this family."""
        return layers_of(self.bare) is not None

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer layers, lowest first.

        Raises:
            UserError: The family's layers cannot be run apart.
        """
        found = layers_of(self.bare)
        if found is None:
            kind = self.bare.config.model_type
            raise UserError(
                f"The layers of an encoder of type {kind!r} cannot be run apart.",
                hint='Use `base = "minilm"`, or tune all layers.',
            )
        return found

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    def lower(self, input_ids: Tensor, attention_mask: Tensor, *, layers: int) -> Tensor:
        """Returns what the first `layers` layers give, shape (rows, tokens, dimension); 0: the embeddings."""
        self._check(layers)
        body = below(self.bare, layers)
        hidden: Tensor = body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def upper(self, hidden: Tensor, attention_mask: Tensor, *, from_layer: int) -> Tensor:
        """Returns the last layer's token vectors, from what `lower` gave with `layers=from_layer`."""
        self._check(from_layer)
        body = above(self.bare, from_layer)
        last: Tensor = body(inputs_embeds=hidden, attention_mask=attention_mask).last_hidden_state
        return last

    def _check(self, layers: int) -> None:
        if not 0 <= layers <= self.depth:
            raise ValueError(f"the cut must lie between 0 and {self.depth} layers, not at {layers!r}")


def load_encoder(folder: Path) -> Encoder:
    """Returns the encoder of a folder in Hugging Face layout: safetensors only, no remote code, fp32.

    Raises:
        DataError: The weights or the configuration are damaged, or do not belong together.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        body, report = transformers.AutoModel.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="eager",
            output_loading_info=True,
        )
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"The encoder in `{folder}` cannot be loaded: {reason}",
            hint="Its `config.json` and `model.safetensors` must be whole and of one model: copy them anew.",
        ) from error
    _check_complete(body, folder=folder, missing=sorted(report["missing_keys"]))
    return Encoder(body.eval(), middle=read_settings(folder).middle)


def _check_complete(body: Any, *, folder: Path, missing: list[str]) -> None:
    """Refuses weights that would be made up; those of a pooler, which nothing uses, are the same each time."""
    used = [name for name in missing if not name.startswith("pooler.")]
    if used:
        raise DataError(
            f"`{folder / 'model.safetensors'}` lacks {len(used)} weights of the encoder, {used[0]!r} for one.",
            hint="Its `config.json` and `model.safetensors` must be whole and of one model: copy them anew.",
        )
    if missing:
        with torch.no_grad():
            for parameter in body.pooler.parameters():
                parameter.zero_()


def load_adapter(folder: Path, *, adapter: Path) -> Encoder:
    """Returns the encoder in `folder` with a peft adapter merged into its weights."""
    from peft import PeftModel

    with warnings.catch_warnings():
        # peft asks transformers for names that it is about to rename.
        warnings.simplefilter("ignore", FutureWarning)
        merged = PeftModel.from_pretrained(load_encoder(folder).body, str(adapter)).merge_and_unload()
    return Encoder(merged.eval(), middle=read_settings(folder).middle)


def adapter_identity(base: Base, *, adapter: Path) -> str:
    """Returns the name, by content, of a base with an adapter merged into it."""
    return digest([base.digest, folder_files(adapter)])


def run_encoder(encoder: Encoder) -> Run:
    """Returns an encoder as `read_texts` takes it: arrays in, arrays out, without gradients.

    What it returns raises a DataError where the tokenizer and the weights do not belong together.
    """

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Layers:
        _check_ids(encoder, ids)
        with torch.inference_mode():
            found = encoder.read(torch.from_numpy(ids), torch.from_numpy(mask))
        return Layers(*(each.numpy() for each in found))

    return run


def _check_ids(encoder: Encoder, ids: NDArray[np.int64]) -> None:
    if int(ids.max()) >= encoder.vocabulary:
        raise DataError(
            f"The tokenizer gives the id {int(ids.max())}, and the weights know {encoder.vocabulary} ids.",
            hint="`tokenizer.json` and `model.safetensors` must be of one model: copy them anew.",
        )
