"""The base model's vectors of texts, for whatever in this stage looks at texts.

What is encoded here is in the cache when training asks for it. Knows nothing of labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freehold.engine import (
    encode_texts,
    find_base,
    find_graph,
    open_graph,
)
from freehold.task import Desk, Event, Task

if TYPE_CHECKING:
    from freehold.engine import Base, Run

__all__ = ["encode", "encode_last_layer"]


def encode(desk: Desk, task: Task, texts: Sequence[str]) -> NDArray[np.float32]:
    """Returns the vector of each text, shape (texts, dimension)."""
    return _encode(desk, find_base(task.base, relative_to=task.folder), texts)


def encode_last_layer(desk: Desk, task: Task, texts: Sequence[str]) -> NDArray[np.float32]:
    """Returns the part of each text's vector that says what it means, of unit length."""
    base = find_base(task.base, relative_to=task.folder)
    vectors = _encode(desk, base, texts)
    # What a text means stands in the last layer, which comes first.
    last = vectors[:, : vectors.shape[1] // 2] if base.middle else vectors
    return np.asarray(last / np.linalg.norm(last, axis=1, keepdims=True), np.float32)


def _encode(desk: Desk, base: Base, texts: Sequence[str]) -> NDArray[np.float32]:
    def tell(done: int, total: int) -> None:
        desk.tell(Event("label.annotate", "progress", done=done, total=total, note="encoding"))

    return encode_texts(texts, base=base, cache=desk.cache, run=lambda: _open(desk, base), tell=tell)


def _open(desk: Desk, base: Base) -> Run:
    """Returns the encoder as a graph where an earlier turn left one: loading torch takes seconds."""
    if graph := find_graph(desk.cache, base.digest):
        return open_graph(graph, threads=desk.threads)
    import torch

    from freehold.engine import load_encoder, run_encoder

    torch.set_num_threads(desk.threads)
    return run_encoder(load_encoder(base.folder))
