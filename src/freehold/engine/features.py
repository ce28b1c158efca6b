"""Vectors of texts, kept by content: what was encoded once with the same weights is never encoded again.

Owns the feature cache: its shards, and that a damaged one is made anew. Knows nothing of tasks.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from freehold.engine.bases import Base
from freehold.engine.tokens import load_tokenizer
from freehold.engine.vectors import Run, in_parts, read_texts
from freehold.task import canonical

__all__ = ["encode_texts"]

_SHARD = 16_384
_SHARD_CHARACTERS = 16_000_000

Tell = Callable[[int, int], None]


def encode_texts(
    texts: Sequence[str],
    *,
    base: Base,
    cache: Path,
    run: Callable[[], Run],
    identity: str = "",
    tell: Tell = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """Returns one vector a text, shape (texts, dimension); what was encoded before comes from `cache`.

    The texts that are missing are cut into shards in the order of their hashes and each shard is written at
    once, so that a run that was killed goes on with the very same batches, and gives the very same vectors,
    as one that was not.

    Args:
        base: Whose tokenizer and pooling to use.
        cache: Folder of the feature cache.
        run: Makes the encoder ready; called only where a text is missing.
        identity: Names the weights by content; the base's own digest where empty.
        tell: Called with texts done and texts to do.

    Raises:
        DataError: The base's tokenizer and weights do not belong together.
    """
    folder = cache / "features" / (identity or base.digest)[:32]
    wanted = _Wanted(texts)
    for path in sorted(folder.glob("*.safetensors")):
        wanted.take(*_read_shard(path))
    missing = wanted.missing()
    if missing:
        _encode_missing(missing, base=base, folder=folder, run=run(), wanted=wanted, tell=tell)
    return wanted.vectors()


class _Wanted:
    """The texts asked for, each once, and the vectors found for them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._places: dict[bytes, list[int]] = {}
        for place, text in enumerate(texts):
            self._places.setdefault(hashlib.sha256(text.encode()).digest(), []).append(place)
        self._open = set(self._places)
        self._out: NDArray[np.float32] | None = None

    def take(self, names: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        for name, vector in zip(names, vectors, strict=True):
            if name in self._open:
                if self._out is None:
                    self._out = np.zeros((len(self._texts), len(vector)), np.float32)
                self._out[self._places[name]] = vector
                self._open.remove(name)

    def missing(self) -> list[tuple[bytes, str]]:
        return [(name, self._texts[self._places[name][0]]) for name in sorted(self._open)]

    def vectors(self) -> NDArray[np.float32]:
        return np.zeros((0, 0), np.float32) if self._out is None else self._out


def _read_shard(path: Path) -> tuple[list[bytes], NDArray[np.float32]]:
    """Returns a shard's names and vectors; none of a damaged one, which is removed."""
    try:
        shard = load_file(path)
        raw, vectors = shard["names"].tobytes(), shard["vectors"]
        if int(shard["checksum"][0]) != _checksum(raw, vectors):
            raise ValueError("its checksum differs")
        return [raw[i : i + 32] for i in range(0, len(raw), 32)], vectors
    except (SafetensorError, ValueError, LookupError):
        path.unlink(missing_ok=True)
        return [], np.zeros((0, 0), np.float32)


def _checksum(names: bytes, vectors: NDArray[np.float32]) -> int:
    return zlib.crc32(np.ascontiguousarray(vectors).data, zlib.crc32(names))


def _encode_missing(
    missing: Sequence[tuple[bytes, str]],
    *,
    base: Base,
    folder: Path,
    run: Run,
    wanted: _Wanted,
    tell: Tell,
) -> None:
    tokenizer = load_tokenizer(base.folder, max_tokens=base.max_tokens)
    folder.mkdir(parents=True, exist_ok=True)
    names, texts = [name for name, _ in missing], [text for _, text in missing]
    done = 0
    for part in in_parts(texts, most=_SHARD, characters=_SHARD_CHARACTERS):
        reading = read_texts(
            part,
            tokenizer=tokenizer,
            pooling=base.pooling,
            run=run,
            tell=lambda n, before=done: tell(before + n, len(texts)),  # type: ignore[misc]
        )
        shard = names[done : done + len(part)]
        _write_shard(folder, shard, reading.vectors)
        wanted.take(shard, reading.vectors)
        done += len(part)


def _write_shard(folder: Path, names: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
    name = hashlib.sha256(canonical([each.hex() for each in names])).hexdigest()[:32]
    raw = b"".join(names)
    tensors: dict[str, NDArray[Any]] = {
        "checksum": np.array([_checksum(raw, vectors)], np.int64),
        "names": np.frombuffer(raw, np.uint8),
        "vectors": np.ascontiguousarray(vectors),
    }
    temporary = folder / f"{name}.{os.getpid()}.tmp"
    save_file(tensors, temporary)
    temporary.rename(folder / f"{name}.safetensors")
