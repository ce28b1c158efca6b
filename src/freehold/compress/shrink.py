"""Stage 4: from trained weights to an artifact that can be shipped.

Merges the adapter, exports the graph, tries the small forms and keeps the smallest one that decides as the
trained model does. Owns the artifact's folder; knows nothing of test rows or releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.task import (
    Artifact,
    Desk,
    Event,
    Json,
    LabelledExamples,
    Task,
    TrainedModel,
    read_examples,
    stage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from freehold.compress.forms import Forms, Tried
    from freehold.compress.graphs import Form
    from freehold.task import Example

__all__ = ["PARITY", "shrink"]

PARITY = 0.995
"""The share of validation decisions that a small form must share with the trained model."""

_NAME = "compress.shrink"
_MOST_ROWS = 2_000


def _state(task: Task, trained: TrainedModel, labelled: LabelledExamples) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content, and what tiers may cost."""
    from freehold.engine import name_base

    allowed: dict[str, Json] = dict(task.extra_errors)
    return {
        "base": name_base(task.base, relative_to=task.folder),
        **({"extra_errors": allowed} if allowed else {}),
    }


@stage(_NAME, version=6, result=Artifact, reads=("name", "base"), state=_state)
def shrink(desk: Desk, task: Task, trained: TrainedModel, labelled: LabelledExamples) -> Artifact:
    """Returns the smallest form of the trained model that keeps its decisions.

    Parity is measured on validation rows (at most 2,000), with heads that were made without them. Facts:
    `precision`, `size_mb` (what serving needs), `p50_ms` (one request, all threads), `parity`, and size,
    parity and speed of every form tried; `static`, what is certified of the static tier.
    """
    from freehold.compress.card import write_card
    from freehold.compress.forms import Forms
    from freehold.compress.tiers import ship_static
    from freehold.engine import write_description

    examples = list(read_examples(labelled.folder / "examples.jsonl"))
    rows = _parity_rows(examples)
    forms = Forms(desk, task, trained.folder, [example.inputs for example in rows])
    forms.write_encoder(desk.folder)
    chosen, tried = _choose(desk, forms, rows=len(rows))
    forms.write(chosen, desk.folder)
    corrected = [row for row in examples if row.split == "train" and row.passport.source == "feedback"]
    tiers = ship_static(trained.folder, desk.folder, allowed=task.extra_errors, corrected=corrected)
    for name, each in tiers.items():
        desk.tell(Event(_NAME, "note", note=f"static tier, `{name}`: {each.certificate.sentence}"))
    write_card(desk.folder, forms.describe(chosen), tried=tried, rows=len(rows))
    write_description(desk.folder, forms.describe(chosen))
    best = next(each for each in tried if each.form == chosen)
    facts: dict[str, Json] = {
        "precision": chosen,
        "size_mb": best.size_mb,
        "p50_ms": best.p50_ms,
        "parity": {"value": best.parity, "n": best.n},
        "forms": [each.to_json() for each in tried],
    }
    if tiers:
        facts["static"] = {name: each.to_json() for name, each in tiers.items()}
    return Artifact(desk.folder, facts)


def _parity_rows(examples: Sequence[Example]) -> list[Example]:
    """Returns the validation rows, or training rows where there are none."""
    held = [example for example in examples if example.split == "validation"]
    return (held or [example for example in examples if example.split == "train"])[:_MOST_ROWS]


def _choose(desk: Desk, forms: Forms, *, rows: int) -> tuple[Form, list[Tried]]:
    """Returns the first form with parity, from small to large, and all that were measured.

    Without rows nothing shows that a smaller form decides as the full one does, which is shipped then.
    """
    from freehold.compress.graphs import FORMS

    tried = []
    for number, form in enumerate(FORMS if rows else FORMS[-1:]):
        desk.tell(Event(_NAME, "progress", done=number, total=len(FORMS), note=f"{form} form"))
        tried.append(forms.measure(form))
        if tried[-1].parity >= PARITY:
            break
    chosen = tried[-1].form
    for each in tried:
        desk.tell(Event(_NAME, "note", note=_sentence(each, chosen=chosen)))
    return chosen, tried


def _sentence(tried: Tried, *, chosen: Form) -> str:
    outcome = "taken" if tried.form == chosen else "not taken"
    same = f"same decision on {tried.parity:.2%} of {tried.n}" if tried.n else "no row to compare decisions on"
    return f"{tried.form}: {tried.size_mb} MB, {tried.p50_ms} ms a request, {same}; {outcome}"
