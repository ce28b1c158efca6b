"""The static tier: a linear model on hashed n-grams that answers, without the encoder, what it is surest of.

What it may answer is decided by its margin, the distance from its best score to the next. Owns its files; how it
is made is for training to know, and which margin is enough for whoever ships it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from freehold.engine.calibration import answer_rows
from freehold.engine.heads import Heads, load_heads, save_heads
from freehold.engine.layout import NGRAMS, Head, field_labels, read_head
from freehold.engine.ngrams import Grams
from freehold.engine.side_by_side import load_grams
from freehold.errors import IntegrityError
from freehold.task import Answer, Field, canonical

__all__ = [
    "STATIC",
    "Accepts",
    "HeldOut",
    "StaticTier",
    "load_held_out",
    "load_static",
    "margins",
    "save_held_out",
    "save_static",
]

STATIC = "static"
"""Its folder below a reader's."""
_ABOUT = "static.json"
_HELD_OUT = "held_out.safetensors"


@dataclass(frozen=True, slots=True)
class Accepts:
    """When the static tier's answer to a field is given.

    Attributes:
        head: Its columns and their calibration.
        above: The margin that an answer has to exceed; None where it is never given.
    """

    head: Head
    above: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What the static tier did with the labelled held-out rows of a field.

    Attributes:
        margins: Shape (rows,); -1 where the tier takes the input for one that no label fits.
        extra: Whether it was wrong where the trained model, which had not seen the row either, was right.
        wrong: Whether it was wrong.
    """

    margins: NDArray[np.float32]
    extra: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class StaticTier:
    """A static model, ready to answer.

    Attributes:
        accepts: Field to when its answer is given; every field of the task.
    """

    heads: Heads
    grams: Grams
    accepts: Mapping[str, Accepts]

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns scores before calibration of all fields side by side, shape (texts, columns)."""
        return self.heads.scores(np.zeros((len(texts), 0), np.float32), self.grams.transform(texts))

    def answer(self, texts: Sequence[str], fields: Sequence[Field]) -> list[dict[str, Answer]]:
        """Returns, for each text, the answers that it is sure enough of; the other fields are passed on."""
        found: list[dict[str, Answer]] = [{} for _ in texts]
        scores = self.scores(texts)
        for field in fields:
            accepts = self.accepts[field.name]
            if accepts.above is None:
                continue
            head = accepts.head
            columns = scores[:, head.start : head.stop]
            sure = np.flatnonzero(margins(head, columns) > accepts.above)
            if not len(sure):
                continue
            answers = answer_rows(field, head, columns[sure], labels=field_labels(field), tier=STATIC)
            for row, answer in zip(sure.tolist(), answers, strict=True):
                if not answer.abstained:
                    found[row][field.name] = answer
        return found

    @property
    def is_on(self) -> bool:
        """Whether it may answer every field: one that is passed on takes a forward pass, good for all of them."""
        return all(each.above is not None for each in self.accepts.values())


def margins(head: Head, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns how far the best of a field's scores is above the next, shape (rows,); -1 out of scope.

    Args:
        scores: The field's columns, shape (rows, at least 2).
    """
    best = np.partition(scores, -2, axis=1)[:, -2:]
    found = np.asarray(best[:, 1] - best[:, 0], np.float32)
    if head.scope is not None:
        found[best[:, 1] < head.scope.threshold] = -1
    return found


def save_static(folder: Path, tier: StaticTier) -> None:
    """Writes the tier's own files into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_heads(folder, tier.heads)
    tier.grams.save(folder / NGRAMS)
    (folder / _ABOUT).write_bytes(canonical({name: asdict(each) for name, each in tier.accepts.items()}) + b"\n")


def load_static(folder: Path) -> StaticTier | None:
    """Returns what `save_static` wrote; None where there is no such folder.

    Raises:
        IntegrityError: A file cannot be read.
    """
    if not folder.is_dir():
        return None
    path = folder / _ABOUT
    try:
        about = json.loads(path.read_bytes())
        accepts = {name: Accepts(read_head(each["head"]), each["above"]) for name, each in about.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"`{path}` cannot be read: {error}") from error
    return StaticTier(load_heads(folder).whole(), load_grams(folder / NGRAMS), accepts)


def save_held_out(folder: Path, found: Mapping[str, HeldOut]) -> None:
    """Writes what the tier did with held-out rows, for whoever decides which margin is enough."""
    tensors = {}
    for name, each in found.items():
        tensors[f"margins.{name}"] = each.margins
        tensors[f"extra.{name}"], tensors[f"wrong.{name}"] = each.extra.view(np.uint8), each.wrong.view(np.uint8)
    save_file(tensors, folder / _HELD_OUT)


def load_held_out(folder: Path) -> dict[str, HeldOut]:
    """Returns what `save_held_out` wrote.

    Raises:
        IntegrityError: The file cannot be read.
    """
    try:
        tensors = load_file(folder / _HELD_OUT)
        names = [name.removeprefix("margins.") for name in tensors if name.startswith("margins.")]
        return {
            name: HeldOut(tensors[f"margins.{name}"], tensors[f"extra.{name}"] != 0, tensors[f"wrong.{name}"] != 0)
            for name in names
        }
    except (OSError, SafetensorError, KeyError) as error:
        raise IntegrityError(f"`{folder / _HELD_OUT}` cannot be read: {error}") from error
