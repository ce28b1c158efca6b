"""Stage 5, on the side: the scores on test rows with made rows and without, and both in the words of a verdict.

Two models of the first rung, alike but for the rows, answer the locked test rows. Decides nothing: whether made
rows are learned from was settled on validation rows before anybody looked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.gate.asking import Answering, Asking
from freehold.gate.testing import read_test_rows
from freehold.task import (
    Artifact,
    Contrast,
    Desk,
    Event,
    Json,
    LabelledExamples,
    Task,
    Verdict,
    Weighed,
    canonical,
    name_unit,
    stage,
)

if TYPE_CHECKING:
    from freehold.task import Comparison, Metrics

__all__ = ["contrast", "note_contrast"]

_NAME = "gate.contrast"


@stage(_NAME, version=1, result=Contrast, reads=("name", "inputs", "fields", "seed", "rules"))
def contrast(
    desk: Desk,
    task: Task,
    weighed: Weighed,
    labelled: LabelledExamples,
    *,
    made: Artifact | None,
    plain: Artifact | None,
) -> Contrast:
    """Measures two models on the locked test rows; nothing is measured where there are none.

    Args:
        weighed: What validation rows said.
        labelled: Where the test rows are.
        made: The model that learned from made rows, too.
        plain: The model that did not.
    """
    told: dict[str, Json] = {"validation": dict(weighed.facts), "test": None}
    if made is not None and plain is not None:
        told["test"] = _measure(desk, task, labelled, made=made, plain=plain)
    (desk.folder / "contrast.json").write_bytes(canonical(told) + b"\n")
    for sentence in tell(told):
        desk.tell(Event(_NAME, "note", note=sentence))
    return Contrast(desk.folder, told)


def _measure(desk: Desk, task: Task, labelled: LabelledExamples, *, made: Artifact, plain: Artifact) -> Json:
    from freehold.gate.comparison import compare
    from freehold.gate.rereading import open_model
    from freehold.gate.scores import measure, pair_up

    def opening(folder: Path) -> Answering:
        return open_model(folder, desk)

    rows = read_test_rows(labelled.folder / "examples.jsonl", task)
    if not rows:
        return None
    asking = Asking(opening, desk, task, rows, total=2 * len(rows))
    both = [asking.ask(each, begin=place * len(rows)) for place, each in enumerate((made, plain))]
    truths, units = (
        [row.outputs for row in rows],
        [name_unit(r.passport, by_author=task.rules.by_author) for r in rows],
    )
    answers = [each.of(rows) for each in both]
    metrics = [
        measure(each.fields, truths, said, units=units, seed=task.seed)
        for each, said in zip(both, answers, strict=True)
    ]
    fields = [field for field in both[0].fields if field.name in metrics[0] and field.name in metrics[1]]
    compared = [
        compare(
            field,
            pair_up(field.name, truths, answers[0], units=units),
            champion=pair_up(field.name, truths, answers[1], units=units),
            seed=task.seed,
        )
        for field in fields
    ]
    return {
        "with": _plain(metrics[0]),
        "without": _plain(metrics[1]),
        "differences": {each.field: _difference(each) for each in compared},
    }


def _plain(metrics: Metrics) -> Json:
    return {field: {name: {**each._asdict()} for name, each in found.items()} for field, found in metrics.items()}


def _difference(compared: Comparison) -> Json:
    difference: dict[str, Json] = dict(compared.difference._asdict())
    return {"metric": compared.metric, **difference, "p": compared.p, "test": compared.test}


def note_contrast(verdict: Verdict, contrast: Contrast | None) -> Verdict:
    """Returns a verdict that says, too, what made rows were worth."""
    if contrast is None:
        return verdict
    told = json.loads((contrast.folder / "contrast.json").read_bytes())
    return replace(verdict, reasons=(*verdict.reasons, *tell(told)))


def tell(told: Mapping[str, Any]) -> Iterator[str]:
    """Yields what was found in plain sentences."""
    weighed, test = told["validation"], told["test"]
    what = "Made rows were learned from" if weighed["taken"] else "Made rows were left out"
    yield f"{what} ({weighed['rows']:,} rows): {weighed['why']}."
    for field, with_made in weighed.get("with", {}).items():
        yield f"`{field}`, validation rows, first rung: {_beside(with_made, weighed['without'].get(field))}."
    for field, each in (test or {}).get("differences", {}).items():
        ours, theirs = test["with"][field][each["metric"]], test["without"][field][each["metric"]]
        p = f"p = {each['p']:.2g}"
        yield f"`{field}` {each['metric']}, test rows, first rung: {_beside(ours, theirs)}, {p}."


def _beside(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> str:
    shown = [
        f"{each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]" if each else "nothing"
        for each in (ours, theirs)
    ]
    return f"{shown[0]} with them, {shown[1]} without (n = {ours['n']:,})"
