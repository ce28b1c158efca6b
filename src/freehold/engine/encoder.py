"""A transformer encoder in torch: texts to pooled vectors.

Used where models are made or changed. Serving uses the exported graph instead (`reader`).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from freehold.engine.bases import Base
from freehold.engine.tokens import by_length, load_tokenizer, pad, tokenize
from freehold.errors import DataError
from freehold.task import canonical, digest, folder_files

__all__ = ["Encoder", "adapter_identity", "encode_texts", "load_adapter", "load_encoder", "pool"]

_SHARD = 16_384
_BUDGET = 4_096


def pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Returns unit-length means over the unmasked tokens.

    Args:
        hidden: Token vectors, shape (rows, tokens, dimension).
        mask: 1 for tokens, 0 for padding, shape (rows, tokens).
    """
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    return nn.functional.normalize(mean, dim=1)


class Encoder(nn.Module):
    """A Hugging Face encoder with mean pooling: ids and mask to vectors of shape (rows, dimension)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Returns the pooled vectors of a padded batch."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return pool(hidden, attention_mask)


def load_encoder(folder: Path) -> Encoder:
    """Returns the encoder of a folder in Hugging Face layout: safetensors only, no remote code, fp32.

    Raises:
        DataError: The weights or the configuration are damaged, or do not belong together.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        body = transformers.AutoModel.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="eager",
        )
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"The encoder in `{folder}` cannot be loaded: {reason}",
            hint="Its `config.json` and `model.safetensors` must be whole and of one model: copy them anew.",
        ) from error
    return Encoder(body.eval())


def load_adapter(folder: Path, *, adapter: Path) -> Encoder:
    """Returns the encoder in `folder` with a peft adapter merged into its weights."""
    from peft import PeftModel

    with warnings.catch_warnings():
        # peft asks transformers for names that it is about to rename.
        warnings.simplefilter("ignore", FutureWarning)
        merged = PeftModel.from_pretrained(load_encoder(folder).body, str(adapter)).merge_and_unload()
    return Encoder(merged.eval())


def adapter_identity(base: Base, *, adapter: Path) -> str:
    """Returns the name, by content, of a base with an adapter merged into it."""
    return digest([base.digest, folder_files(adapter)])


def encode_texts(
    texts: Sequence[str],
    *,
    base: Base,
    cache: Path,
    encoder: Callable[[], Encoder],
    identity: str = "",
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """Returns one vector a text, shape (texts, dimension); what was encoded before comes from `cache`.

    The texts that are missing are cut into shards in the order of their hashes and each shard is written at
    once, so that a run that was killed goes on with the very same batches, and gives the very same vectors,
    as one that was not.

    Args:
        base: Whose tokenizer to use.
        cache: Folder of the feature cache.
        encoder: Loads the encoder; called only where a text is missing.
        identity: Names the weights by content; the base's own digest where empty.
        tell: Called with texts done and texts to do.
    """
    folder = cache / "features" / (identity or base.digest)[:32]
    names = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known = _read_shards(folder)
    missing = sorted({(name, text) for name, text in zip(names, texts, strict=True) if name not in known})
    if missing:
        known.update(_encode_missing(missing, base=base, folder=folder, encoder=encoder(), tell=tell))
    return np.stack([known[name] for name in names])


def _read_shards(folder: Path) -> dict[str, NDArray[np.float32]]:
    known: dict[str, NDArray[np.float32]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            shard = load_file(path)
        except SafetensorError:
            path.unlink()  # cut short by a machine that went down: encoded again
            continue
        names = bytes(shard["names"]).hex()
        rows = shard["vectors"]
        known.update({names[64 * i : 64 * i + 64]: rows[i] for i in range(len(rows))})
    return known


def _encode_missing(
    missing: Sequence[tuple[str, str]],
    *,
    base: Base,
    folder: Path,
    encoder: Encoder,
    tell: Callable[[int, int], None],
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    tokenizer = load_tokenizer(base.folder, max_tokens=base.max_tokens)
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(missing), _SHARD):
        shard = missing[start : start + _SHARD]
        ids = tokenize(tokenizer, [text for _, text in shard])
        vectors = _encode_ids(ids, encoder=encoder, tell=lambda n, s=start: tell(s + n, len(missing)))  # type: ignore[misc]
        _write_shard(folder, [name for name, _ in shard], vectors)
        yield from zip((name for name, _ in shard), vectors, strict=True)


def _encode_ids(
    ids: Sequence[Sequence[int]], *, encoder: Encoder, tell: Callable[[int], None]
) -> NDArray[np.float32]:
    out: NDArray[np.float32] | None = None
    done = 0
    with torch.inference_mode():
        for batch in by_length([len(row) for row in ids], budget=_BUDGET):
            padded, mask = pad([ids[i] for i in batch])
            vectors = encoder(torch.from_numpy(padded), torch.from_numpy(mask)).numpy()
            if out is None:
                out = np.zeros((len(ids), vectors.shape[1]), np.float32)
            out[batch] = vectors
            done += len(batch)
            tell(done)
    assert out is not None
    return out


def _write_shard(folder: Path, names: Sequence[str], vectors: NDArray[np.float32]) -> None:
    name = hashlib.sha256(canonical(list(names))).hexdigest()[:32]
    raw = np.frombuffer(bytes.fromhex("".join(names)), np.uint8)
    temporary = folder / f"{name}.tmp"
    save_file({"names": raw, "vectors": np.ascontiguousarray(vectors)}, temporary)
    temporary.rename(folder / f"{name}.safetensors")
