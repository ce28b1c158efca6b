"""How a reader lies on disk: the names of its files, and `freehold.json`, which describes them.

config.json, model.safetensors, tokenizer*.json   the encoder, in Hugging Face layout
heads.safetensors     `dense` (dense features, columns), `grams` (n-grams, columns), `bias` (columns), and perhaps
                      `feature_weights`, `feature_phases`: random features of the encoder's vector
ngrams.json           the n-gram vocabulary in the order of the rows of `grams`, or the size of a hashed one
tags/FIELD/           the head of a spans field
static/               (perhaps) the static tier: heads and n-grams of its own, and when its answers are given
held/                 (trained models only) heads and vocabulary made without the validation rows
model.onnx            (artifacts only) the encoder as a graph: tokens in, token vectors out: `tokens` of the last
                      layer and, where the family allows it, `middle`, the mean over layers in the middle
freehold.json         the task, each field's columns and calibration, the digest of every other file
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from freehold.errors import IntegrityError
from freehold.task import Field, Json, Label, canonical, folder_digest, folder_files

__all__ = [
    "CARD",
    "DESCRIPTION",
    "ENCODER_FILES",
    "GRAPH",
    "HEADS",
    "HELD",
    "MIDDLE",
    "NGRAMS",
    "PACKS",
    "TAGS",
    "Description",
    "Head",
    "Scope",
    "field_labels",
    "Opened",
    "open_folder",
    "read_head",
    "write_description",
]

CARD = "README.md"
DESCRIPTION = "freehold.json"
GRAPH = "model.onnx"
HEADS = "heads.safetensors"
HELD = "held"
MIDDLE = "middle"
TAGS = "tags"
NGRAMS = "ngrams.json"
PACKS = "freehold.packs"
"""The key of a graph's metadata which says that its mask may number several texts in a row."""
ENCODER_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "1_Pooling/config.json",
)
_FORMAT = 2


class Scope(NamedTuple):
    """When an input is taken for one that no label fits.

    Attributes:
        threshold: Inputs whose highest score is below this are flagged.
        alarm: The share of inputs within scope that this flags, as stated in the task.
        n: Held-out rows that the threshold was chosen on.
    """

    threshold: float
    alarm: float
    n: int


@dataclass(frozen=True, slots=True)
class Head:
    """One field's share of the scores, columns `start` to before `stop`, and what its scores mean.

    Attributes:
        temperature: What scores are divided by before they become probabilities.
        factors: Vector scaling: one factor a column, before the temperature; empty where not used.
        offsets: Added after `factors`: one a column, or one for all labels of a `choices` field.
        knots: Isotonic: pairs of raw and calibrated confidence, ascending; empty where not used.
        threshold: `choices`: labels with at least this probability are answered.
        centre: `number`: the mean that scores are measured from.
        spread: `number`: the size of a score of 1.
        margin: `number`: nine of ten true values lie within this distance of the answer; None where no held-out
            row says so.
        scope: None where a field has too few held-out rows to tell.
    """

    start: int
    stop: int
    temperature: float = 1.0
    factors: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    knots: tuple[tuple[float, float], ...] = ()
    threshold: float = 0.5
    centre: float = 0.0
    spread: float = 1.0
    margin: float | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What `freehold.json` says.

    Attributes:
        fields: Output fields with their labels resolved.
        heads: Field to its columns.
        made: How it was trained: plain data, no times.
        spans_layer: The layer whose token vectors the heads of spans read.
    """

    task: str
    about: str
    inputs: tuple[str, ...]
    fields: tuple[Field, ...]
    heads: Mapping[str, Head]
    base: str
    max_tokens: int
    made: Mapping[str, Json]
    precision: str = "fp32"
    spans_layer: Literal["last", "middle"] = "last"


def field_labels(field: Field) -> tuple[str, ...]:
    """Returns the names of a field's columns; a predicate has `false` and `true`, a number one, spans none."""
    if field.kind == "predicate":
        return ("false", "true")
    if field.kind in ("number", "spans"):
        return ("value",) if field.kind == "number" else ()
    return tuple(label.name for label in field.labels or ())


def write_description(folder: Path, description: Description) -> None:
    """Writes `freehold.json` with the digests of the folder's other files, which must be complete.

    The model card is left out, so that a verdict's numbers can be added to it.
    """
    files = {name: sha for name, sha in folder_files(folder).items() if name not in (DESCRIPTION, CARD)}
    content = {"format": _FORMAT, **asdict(description), "files": files}
    (folder / DESCRIPTION).write_bytes(canonical(content) + b"\n")


class Opened(NamedTuple):
    """A checked folder: what it says of itself, and the digest of all its files."""

    description: Description
    digest: str


def open_folder(folder: Path) -> Opened:
    """Returns what `write_description` wrote, after checking the folder's files against it.

    Raises:
        IntegrityError: A file is missing or is not what was written, or `freehold.json` cannot be read.
    """
    path = folder / DESCRIPTION
    try:
        content = json.loads(path.read_bytes())
        files = content.pop("files")
        if content.pop("format") != _FORMAT:
            raise ValueError("unknown format")
        description = _parse(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"`{path}` cannot be read: {error}", hint=_HINT) from error
    found = folder_files(folder)
    _check_files(folder, expected=files, found=found)
    return Opened(description, folder_digest(found))


_HINT = "Type `freehold verify` to see what is damaged, then `freehold run` to make it again."


def _check_files(folder: Path, *, expected: Mapping[str, str], found: Mapping[str, str]) -> None:
    for name, sha in expected.items():
        if found.get(name) != sha:
            what = f"has sha256 {found[name]}, not {sha}" if name in found else "is missing"
            raise IntegrityError(f"`{folder / name}` {what}.", hint=_HINT)


def _parse(content: dict[str, Any]) -> Description:
    heads = {name: read_head(head) for name, head in content["heads"].items()}
    fields = tuple(_field(field) for field in content["fields"])
    return Description(**{**content, "inputs": tuple(content["inputs"]), "fields": fields, "heads": heads})


def read_head(content: dict[str, Any]) -> Head:
    """Returns the head that `asdict` made plain data of."""
    scope = Scope(*content["scope"]) if content["scope"] is not None else None
    pairs = tuple((float(raw), float(calibrated)) for raw, calibrated in content["knots"])
    lists = {name: tuple(content[name]) for name in ("factors", "offsets")}
    return Head(**{**content, **lists, "knots": pairs, "scope": scope})


def _field(content: dict[str, Any]) -> Field:
    labels = content["labels"]
    return Field(**{**content, "labels": None if labels is None else tuple(Label(*each) for each in labels)})
