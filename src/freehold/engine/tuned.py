"""A fine-tuned encoder on disk, as its difference from the base: one folder layout, written and read here.

`tuned.json` says which of two forms lies beside it: `adapter`, low-rank weights in peft's own layout, or
`changed`, every tensor that is no longer the base's, whole. Knows nothing of how either was trained.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from freehold.engine.encoder import Encoder, adapter_identity, load_adapter, load_encoder
from freehold.errors import IntegrityError
from freehold.task import canonical

if TYPE_CHECKING:
    from torch import Tensor

    from freehold.engine.bases import Base

__all__ = ["TUNED", "load_tuned", "save_adapter", "save_changed", "tuned_identity"]

TUNED = "tuned.json"
_ADAPTER, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_CHANGED = "changed.safetensors"
_AGAIN = "Type: freehold run, which makes it again."


def load_tuned(folder: Path, *, tuned: Path) -> Encoder:
    """Returns the encoder in `folder` with what was learned put into its weights.

    Args:
        folder: The base's.
        tuned: What `save_adapter` or `save_changed` wrote.

    Raises:
        IntegrityError: The tuned folder is damaged, or belongs to another base.
        DataError: The base is damaged.
    """
    if _form(tuned) == "adapter":
        return load_adapter(folder, adapter=tuned)
    encoder = load_encoder(folder)
    path = tuned / _CHANGED
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise IntegrityError(f"`{path}` cannot be read: {error}.", hint=_AGAIN) from error
    parameters = dict(encoder.bare.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            if name not in parameters or parameters[name].shape != tensor.shape:
                raise IntegrityError(f"`{path}`: {name!r} is no weight of the base in `{folder}`.", hint=_AGAIN)
            parameters[name].copy_(tensor)
    return encoder


def tuned_identity(base: Base, *, tuned: Path) -> str:
    """Returns the name, by content, of a base with what was learned put into its weights."""
    return adapter_identity(base, adapter=tuned)


def save_changed(tuned: Path, tensors: Mapping[str, Tensor], *, base: Base) -> None:
    """Writes the tensors that are no longer the base's.

    Args:
        tensors: By the names of the base's own parameters.
    """
    tuned.mkdir(parents=True, exist_ok=True)
    save_file({name: tensors[name].detach().contiguous() for name in sorted(tensors)}, tuned / _CHANGED)
    _describe(tuned, "changed", base=base)


def save_adapter(tuned: Path, model: Any, *, base: Base) -> None:
    """Writes the adapters of a peft model, without what differs from machine to machine."""
    tuned.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tuned) as place, warnings.catch_warnings():
        # peft asks transformers for names that it is about to rename.
        warnings.simplefilter("ignore", FutureWarning)
        model.save_pretrained(place)
        (Path(place) / _ADAPTER).rename(tuned / _ADAPTER)
        config = json.loads((Path(place) / _CONFIG).read_text())
    config["base_model_name_or_path"] = base.name
    config["target_modules"] = sorted(config["target_modules"])
    (tuned / _CONFIG).write_bytes(canonical(config))
    _describe(tuned, "adapter", base=base)


def _describe(tuned: Path, form: str, *, base: Base) -> None:
    (tuned / TUNED).write_bytes(canonical({"form": form, "base": base.digest}))


def _form(tuned: Path) -> str:
    """Returns the form that a folder declares; a plain folder of peft's is an adapter."""
    path = tuned / TUNED
    if not path.is_file() and (tuned / _CONFIG).is_file():
        return "adapter"
    try:
        form = json.loads(path.read_bytes())["form"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(f"`{path}` cannot be read: {error}.", hint=_AGAIN) from error
    if form not in ("adapter", "changed"):
        raise IntegrityError(f"`{path}`: the form is {form!r}, neither 'adapter' nor 'changed'.", hint=_AGAIN)
    return str(form)
