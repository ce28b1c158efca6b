"""The public data sets as rows of a typed task, read where they lie.

Owns the published files' shapes and protocols. Knows nothing of Freehold's task files, and nothing of how
rows are learned. The folder is `$FREEHOLD_DATA`, or `../shared/data` seen from the repository's root.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.harness import ROOT

__all__ = [
    "REGIMES",
    "Corpus",
    "Output",
    "Row",
    "banking77",
    "data_folder",
    "hwu64",
    "nlupp",
    "nlupp_folds",
    "nlupp_outputs",
    "snips",
]

INTENT, INTENTS, SLOTS = "intent", "intents", "slots"
_FOLDS = 20


class Output(NamedTuple):
    """An output field. `labels` maps each to its description; None where they are found in the data."""

    name: str
    kind: str
    description: str
    labels: Mapping[str, str] | None = None


class Row(NamedTuple):
    """One text, and the value of each output field as JSON would hold it."""

    text: str
    outputs: Mapping[str, Any]


class Corpus(NamedTuple):
    """A typed task with its published division."""

    name: str
    licence: str
    outputs: tuple[Output, ...]
    train: tuple[Row, ...]
    test: tuple[Row, ...]


REGIMES: Mapping[str, str] = {
    "low": "20-fold: train on 1 of 20 folds, test on the other 19",
    "mid": "10-fold as published: train on 2 of 20 folds, test on the other 18",
    "large": "10-fold turned round: train on 18 of 20 folds, test on the other 2",
}
"""The protocols of NLU++ by the names of its authors' own loader.

Source: I. Casanueva et al., "NLU++", 2022, and `nlupp/README.md` of PolyAI-LDN/task-specific-datasets.
"""


def data_folder() -> Path:
    """Returns the folder of the data sets."""
    data = os.environ.get("FREEHOLD_DATA")
    return Path(data) if data else ROOT.parent / "shared" / "data"


def banking77(folder: Path) -> Corpus:
    """Returns Banking77: 77 intents, 10,003 train and 3,080 test rows."""
    description = "What does the customer want?"
    return _csv(folder / "banking77", "banking77", text="text", label="category", description=description)


def hwu64(folder: Path) -> Corpus:
    """Returns HWU64: 64 intents in 18 scenarios, the authors' first fold; the label is the intent column."""
    description = "What is the assistant asked to do?"
    return _csv(folder / "hwu64", "hwu64", text="text", label="intent", description=description)


def _csv(folder: Path, name: str, *, text: str, label: str, description: str) -> Corpus:
    parts = []
    for split in ("train", "test"):
        with (folder / f"{split}.csv").open(newline="", encoding="utf-8") as file:
            parts.append(tuple(Row(row[text], {INTENT: row[label]}) for row in csv.DictReader(file)))
    return Corpus(name, "CC-BY-4.0", (Output(INTENT, "choice", description),), *parts)


def snips(folder: Path) -> Corpus:
    """Returns SNIPS: 7 intents and their slots; the full train files, tested on the published validation files."""
    home = folder / "snips"
    outputs = (
        Output(INTENT, "choice", "What is the assistant asked to do?"),
        Output(SLOTS, "spans", "The values that the request names."),
    )
    train = _snips_rows(sorted(home.glob("train_*_full.json")))
    return Corpus("snips", "CC0-1.0", outputs, train, _snips_rows(sorted(home.glob("validate_*.json"))))


def _snips_rows(paths: Iterable[Path]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for path in paths:
        for intent, requests in _decoded(path).items():
            for request in requests:
                text, slots = join_chunks(request["data"])
                rows.append(Row(text, {INTENT: intent, SLOTS: slots}))
    return tuple(rows)


def _decoded(path: Path) -> Mapping[str, Any]:
    """Returns a file's JSON; one of the published files is in Latin-1, the others in UTF-8."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    found: Mapping[str, Any] = json.loads(text)
    return found


def join_chunks(chunks: Sequence[Mapping[str, str]]) -> tuple[str, list[dict[str, Any]]]:
    """Joins the chunks of a request into its text and the spans of those that name an entity.

    White space around the text and around a span belongs to neither, so that a span's place does not hang on
    how a file was typed.

    Example:
        >>> join_chunks([{"text": " play "}, {"text": "Aspro ", "entity": "track"}, {"text": "now"}])
        ('play Aspro now', [{'label': 'track', 'start': 5, 'end': 10, 'text': 'Aspro'}])
    """
    whole = "".join(chunk["text"] for chunk in chunks)
    outer, at, spans = len(whole) - len(whole.lstrip()), 0, []
    for chunk in chunks:
        piece = chunk["text"]
        core = piece.strip()
        if core and "entity" in chunk:
            start = at + len(piece) - len(piece.lstrip()) - outer
            spans.append({"label": chunk["entity"], "start": start, "end": start + len(core), "text": core})
        at += len(piece)
    return whole.strip(), spans


def nlupp_outputs(folder: Path) -> tuple[Output, ...]:
    """Returns the fields of NLU++ banking: 48 intents and 13 slots, described by the published ontology."""
    ontology = json.loads((folder / "nlupp-banking" / "ontology.json").read_text(encoding="utf-8"))
    intents, slots = (_described(ontology[kind]) for kind in ("intents", "slots"))
    return (
        Output(INTENTS, "choices", "Everything that the customer says or wants.", intents),
        Output(SLOTS, "spans", "The values that the sentence names.", slots),
    )


def _described(entries: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: entry for name, entry in entries.items() if {"general", "banking"} & set(entry["domain"])}
    return {name: str(entry["description"]) for name, entry in kept.items()}


def nlupp_folds(folder: Path) -> tuple[tuple[Row, ...], ...]:
    """Returns the 20 folds of NLU++ banking; a row without intents or slots has empty ones."""
    home = folder / "nlupp-banking"
    return tuple(
        tuple(map(_nlupp_row, json.loads((home / f"fold{number}.json").read_text(encoding="utf-8"))))
        for number in range(_FOLDS)
    )


def _nlupp_row(example: Mapping[str, Any]) -> Row:
    spans = [
        {"label": name, "start": slot["span"][0], "end": slot["span"][1], "text": slot["text"]}
        for name, slot in example.get("slots", {}).items()
    ]
    spans.sort(key=lambda span: (span["start"], span["end"], span["label"]))
    return Row(example["text"], {INTENTS: sorted(example.get("intents", ())), SLOTS: spans})


def nlupp(folds: Sequence[Sequence[Row]], regime: str, *, outputs: tuple[Output, ...] = ()) -> list[Corpus]:
    """Returns the experiments of a regime, one train and test division each, as the authors' loader makes them.

    Raises:
        ValueError: `regime` is none of `REGIMES`.
    """
    if regime not in REGIMES:
        raise ValueError(f"`regime` is {regime!r}; it must be one of {', '.join(REGIMES)}.")
    found = []
    for first in range(0, len(folds), 1 if regime == "low" else 2):
        chosen = {first} if regime == "low" else {first, first + 1}
        inside = [row for number in sorted(chosen) for row in folds[number]]
        others = [row for number, fold in enumerate(folds) if number not in chosen for row in fold]
        train, test = (others, inside) if regime == "large" else (inside, others)
        name = f"nlupp-{regime}-{first}"
        found.append(Corpus(name, "CC-BY-4.0", outputs, tuple(train), tuple(test)))
    return found
