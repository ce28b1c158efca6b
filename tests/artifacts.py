"""An artifact with a field of every kind that a reader has, made without training: its weights are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tests.small import make_base

from freehold.engine import (
    Description,
    Head,
    Heads,
    Sketch,
    TagHead,
    WordGrams,
    count_tags,
    find_limits,
    load_encoder,
    save_heads,
    save_tags,
    split_words,
    write_description,
)
from freehold.task import Field, Label

WIDTH = 32
FIELDS = (
    Field("area", "choice", labels=(Label("account"), Label("billing"), Label("delivery"))),
    Field("urgent", "predicate"),
    Field("mood", "score", labels=(Label("1"), Label("2"), Label("3"))),
    Field("topics", "choices", labels=(Label("card"), Label("parcel"), Label("refund"))),
    Field("price", "number"),
    Field("slots", "spans", labels=(Label("what"), Label("when"))),
)
HEADS = {
    "area": Head(0, 3, temperature=0.2, knots=((0.0, 0.1), (1.0, 0.9))),
    "urgent": Head(3, 5, temperature=0.5, offsets=(0.1, 0.0)),
    "mood": Head(5, 8, temperature=0.3, factors=(1.0, 2.0, 0.5)),
    "topics": Head(8, 11, temperature=0.4, offsets=(3.5,), threshold=0.5),
    "price": Head(11, 12, centre=20.0, spread=5.0),
}
TEXT = "where is my parcel, I lost the refund today"


def make_tags(seed: int = 4) -> TagHead:
    """Returns a drawn head of spans that finds three in `TEXT`."""
    random = np.random.default_rng(seed)
    grams = WordGrams.fit([split_words(TEXT)])
    tags, limits = count_tags(2), find_limits(2, present=range(2))

    def draw(*shape: int, size: float = 1.0) -> np.ndarray:
        return (random.normal(size=shape) * size).astype(np.float32)

    return TagHead(
        labels=("what", "when"),
        grain="word",
        grams=grams,
        table=random.integers(-127, 128, (len(grams), 4)).astype(np.int8),
        scales=np.full((len(grams), 1), 0.01, np.float32),
        lift=draw(4, 6),
        centre=draw(2, WIDTH, size=0.1),
        dense=draw(4, WIDTH, 6, size=0.3),
        dense_bias=draw(6),
        out=draw(6, tags),
        out_bias=draw(tags),
        start=draw(tags) + limits.start,
        end=draw(tags) + limits.end,
        moves=draw(tags, tags) + limits.moves,
        temperature=1.5,
    )


def make_artifact(folder: Path, *, inputs: tuple[str, ...] = ("text",), heads: Mapping[str, Head] = HEADS) -> Path:
    """Turns an encoder's folder into an artifact; its weights are drawn. Returns `folder`."""
    random = np.random.default_rng(0)
    sketch = Sketch(256)
    dense, grams = random.normal(size=(2 * WIDTH, 12)) * 0.5, random.normal(size=(256, 12)) * 2
    bias = random.normal(size=12).astype(np.float32)
    save_heads(folder, Heads(dense.astype(np.float32), grams.astype(np.float32), bias))
    sketch.save(folder / "ngrams.json")
    (folder / "tags").mkdir(exist_ok=True)
    save_tags(folder / "tags" / "slots.safetensors", make_tags())
    description = Description("desk", "", inputs, FIELDS, heads, "base", 64, {})
    write_description(folder, description)
    return folder


def make_encoder(folder: Path) -> Path:
    """Writes a tiny encoder with its graph; returns `folder`."""
    from freehold.compress.graphs import export_encoder

    make_base(folder, width=WIDTH)
    export_encoder(load_encoder(folder), folder / "model.onnx")
    return folder
