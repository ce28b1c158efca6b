"""Do rows that are made without a model help where real ones are few? Banking77 and the slots of SNIPS."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np

from bench.harness import Cell, Table
from bench.learn.corpora import Corpus, Row, banking77, hwu64, snips
from freehold import label
from freehold.data import Likeness
from freehold.label.synthesis import GENERATORS  # noqa: F401  the built-in ones
from freehold.task import (
    Desk,
    Example,
    Field,
    LabelledExamples,
    Passport,
    Share,
    Split,
    SynthesisRules,
    Task,
    example_id,
    normalise,
    read_examples,
    write_examples,
)
from freehold.train.climb import climb_first
from freehold.train.ladder import Merit, find_gain
from freehold.train.rows import resolve_fields, to_rows

__all__ = ["measure"]

SHOTS, HELD = 5, 2
_T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
_ASK = (
    "[hi|hello] (I have a question about|I need help with|there is a problem with|please help me with|"
    "tell me about) [my|the] {label} [please|thanks]"
)
"""What anybody may say about a label; written before anything was measured."""


class _Ways(NamedTuple):
    """A way to make rows: generators with how many drafts each may make for a real row."""

    name: str
    shares: Mapping[str, float]


_BANKING = (
    _Ways("rewritten, 1 for a row", {"rewrite.v1": 1}),
    _Ways("rewritten, 3 for a row", {"rewrite.v1": 3}),
    _Ways("templates of label names, 1 for a row", {"templates.v1": 1}),
    _Ways("both, 1 for a row each", {"rewrite.v1": 1, "templates.v1": 1}),
)
_SNIPS = (
    _Ways("slots swapped, 3 for a row", {"swap.v1": 3}),
    _Ways("rewritten, 3 for a row", {"rewrite.v1": 3}),
    _Ways("both, 3 for a row each", {"swap.v1": 3, "rewrite.v1": 3}),
)


CORPORA: Mapping[str, tuple[Callable[[Path], Corpus], tuple[_Ways, ...], str]] = {
    "hwu64": (hwu64, _BANKING, "intent"),
    "banking77": (banking77, _BANKING, "intent"),
    "snips": (snips, _SNIPS, "slots"),
}
"""The rule by which made rows are taken was chosen on the first."""


def measure(folder: Path, *, seeds: int, only: str = "") -> list[Table]:
    """Returns a table for each corpus."""
    tables = []
    with tempfile.TemporaryDirectory(prefix="freehold-synthesis-") as work:
        for name, (read, ways, field) in CORPORA.items():
            if only in ("", name):
                corpus = read(folder)
                found = [_draw(corpus, ways, seed=seed, work=Path(work), field=field) for seed in range(seeds)]
                tables.append(_table(corpus, found, field=field))
    return tables


class _Score(NamedTuple):
    validation: Merit
    test: Merit
    facts: Mapping[str, Any]


def _draw(corpus: Corpus, ways: Sequence[_Ways], *, seed: int, work: Path, field: str) -> dict[str, _Score]:
    fields = tuple(Field(each.name, each.kind, each.description) for each in corpus.outputs)  # type: ignore[arg-type]
    place = work / f"{corpus.name}-{seed}"
    place.mkdir(parents=True)
    task = Task(corpus.name, place, {"text": "string"}, fields, base="minilm", effort="quick")
    rows = [*_some(corpus.train, seed=seed), *_examples(corpus.test, "test")]
    known = {row.id for row in rows if row.split == "test"}
    rows = [row for row in rows if row.split == "test" or row.id not in known]
    found = {"real rows alone": _score(_desk(work, place / "real"), task, rows, {})}
    for number, way in enumerate(ways):
        desk = _desk(work, place / str(number))
        made = _make(desk, task, rows, way, seed=seed)
        found[way.name] = _score(desk, task, list(read_examples(made.folder / "examples.jsonl")), made.facts)
        print(corpus.name, seed, way.name, found[way.name].test.headline, flush=True)
    return found


def _desk(work: Path, place: Path) -> Desk:
    desk = Desk(place / "out", place / "scratch", work / "cache", 2, lambda _: None)
    for path in (desk.folder, desk.scratch, desk.cache):
        path.mkdir(parents=True, exist_ok=True)
    return desk


def _some(rows: Sequence[Row], *, seed: int) -> list[Example]:
    """Returns so many rows of each intent for training and for validation, drawn."""
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    groups: dict[str, list[Row]] = {}
    for place in order:
        groups.setdefault(rows[place].outputs["intent"], []).append(rows[place])
    train = [row for group in groups.values() for row in group[:SHOTS]]
    held = [row for group in groups.values() for row in group[SHOTS : SHOTS + HELD]]
    return [*_examples(train, "train"), *_examples(held, "validation")]


def _examples(rows: Sequence[Row], split: Split) -> list[Example]:
    found = {}
    for row in rows:
        if normalise(row.text) == row.text:
            name = example_id({"text": row.text})
            found[name] = Example(name, {"text": row.text}, row.outputs, Passport("", ""), split, name)
    return list(found.values())


def _make(desk: Desk, task: Task, rows: list[Example], way: _Ways, *, seed: int) -> LabelledExamples:
    real = [row for row in rows if row.split == "train"]
    shares = tuple(Share(name, int(times * len(real))) for name, times in way.shares.items())
    rules = SynthesisRules(enabled=True, generators=shares, rows=10_000, seed=seed)
    if "templates.v1" in way.shares:
        (task.folder / "templates.txt").write_text(_templates(real))
        rules = replace(rules, templates="templates.txt")
    source = desk.scratch / "labelled"
    source.mkdir()
    write_examples(source / "examples.jsonl", rows)
    task = replace(task, synthesis=rules)
    return label.synthesise.function(desk, task, LabelledExamples(source), Likeness())


def _templates(rows: Sequence[Example]) -> str:
    labels = sorted({str(row.outputs["intent"]) for row in rows})
    lines = [
        (f":: intent = {name}", _ASK.replace("{label}", name.replace("_", " ").replace("?", "")))
        for name in labels
    ]
    return "\n".join(line for pair in lines for line in pair)


def _score(desk: Desk, task: Task, rows: Sequence[Example], facts: Mapping[str, Any]) -> _Score:
    fields = resolve_fields(task, [row for row in rows if row.split != "test"])
    train, held, test = (
        to_rows([_known(row, fields) for row in rows if row.split == split], fields, inputs=("text",))
        for split in ("train", "validation", "test")
    )
    merits = [climb_first(desk, task, fields, train=train, validation=each).merit for each in (held, test)]
    return _Score(merits[0], merits[1], facts)


def _known(row: Example, fields: Sequence[Field]) -> Example:
    """Returns a row without spans of labels that nobody could have learned."""
    outputs = dict(row.outputs)
    for field in fields:
        if field.kind == "spans" and field.name in outputs:
            names = {each.name for each in field.labels or ()}
            spans = outputs[field.name]
            assert isinstance(spans, list)
            outputs[field.name] = [span for span in spans if isinstance(span, dict) and span["label"] in names]
    return replace(row, outputs=outputs)


def _table(corpus: Corpus, found: Sequence[Mapping[str, _Score]], *, field: str) -> Table:
    rows: list[Mapping[str, Cell]] = []
    plain = [each["real rows alone"] for each in found]
    for name in found[0]:
        mine = [each[name] for each in found]
        gains = [
            ours.test.headline[field] - theirs.test.headline[field]
            for ours, theirs in zip(mine, plain, strict=True)
        ]
        helps = [_gain(ours, theirs) > 0 for ours, theirs in zip(mine, plain, strict=True)]
        losses = [_loss_gain(ours, theirs) > 0 for ours, theirs in zip(mine, plain, strict=True)]
        both = [h and s for h, s in zip(helps, losses, strict=True)]
        sure = [
            bool(find_gain(ours.validation, theirs.validation)) for ours, theirs in zip(mine, plain, strict=True)
        ]
        made = [each.facts["made"] for each in mine if each.facts]
        leaks = [
            sum(v["count"] for k, v in each["refused"].items() if k.startswith("gives a test")) for each in made
        ]
        rows.append(
            {
                "training rows": name,
                "made rows": mean(each["rows"] for each in made) if made else 0,
                "refused for a test row": mean(leaks) if leaks else 0,
                "AUC against real rows": mean(each["told_apart"]["auc"] for each in made) if made else None,
                f"{field}, test": mean(each.test.headline[field] for each in mine),
                "gain": _spread(gains),
                "more validation rows right": _rule(helps, gains),
                "smaller log loss": _rule(losses, gains),
                "both": _rule(both, gains),
                "better beyond noise": _rule(sure, gains),
            }
        )
    tests = len(found[0]["real rows alone"].test.gains[field])
    return Table(
        f"{corpus.name}, {SHOTS} rows an intent, n = {len(found)} draws, {tests} test rows each", tuple(rows)
    )


def _gain(ours: _Score, theirs: _Score) -> float:
    names = theirs.validation.gains
    return float(np.concatenate([ours.validation.gains[n] - theirs.validation.gains[n] for n in names]).mean())


def _loss_gain(ours: _Score, theirs: _Score) -> float:
    names = theirs.validation.losses
    apart = [theirs.validation.losses[n] - ours.validation.losses[n] for n in names]
    return float(np.concatenate(apart).mean()) if apart else 0.0


def _rule(taken: Sequence[bool], gains: Sequence[float]) -> str:
    """Returns how often a rule takes the made rows, and what taking them by it gains."""
    return f"{sum(taken)} times: {mean(g if t else 0.0 for g, t in zip(gains, taken, strict=True)):+.4f}"


def _spread(gains: Sequence[float]) -> str:
    """Returns a mean with its 95 % interval over draws (Student's t)."""
    half = _T95[len(gains)] * stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
    return f"{mean(gains):+.4f} [{mean(gains) - half:+.4f}, {mean(gains) + half:+.4f}]"
