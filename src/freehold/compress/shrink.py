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

    from freehold.compress.abstaining import Abstaining
    from freehold.compress.forms import Forms, Tried
    from freehold.compress.quantise import Form
    from freehold.task import Example

__all__ = ["PARITY", "shrink"]

PARITY = 0.995
"""The share of validation decisions that a small form must share with the trained model."""

_NAME = "compress.shrink"
_MOST_ROWS = 2_000


def _state(task: Task, trained: TrainedModel, labelled: LabelledExamples) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, and what is to be certified."""
    from freehold.engine import name_base

    shares: dict[str, Json] = {
        "extra_errors": dict(task.extra_errors),
        "errors_given_answer": dict(task.errors_given_answer),
    }
    return {
        "base": name_base(task.base, relative_to=task.folder),
        **{name: allowed for name, allowed in shares.items() if allowed},
    }


@stage(_NAME, version=9, result=Artifact, reads=("name", "base", "rules"), state=_state)
def shrink(desk: Desk, task: Task, trained: TrainedModel, labelled: LabelledExamples) -> Artifact:
    """Returns the smallest form of the trained model that keeps its decisions.

    Parity is measured on validation rows (at most 2,000), with heads that were made without them. Facts:
    `precision`, `size_mb` (what serving needs), `p50_ms` (one request, all threads), `parity`, and size,
    parity and speed of every form tried; `static` and `abstaining`, what is certified of
    the static tier and of the answers that are given.
    """
    from freehold.compress.abstaining import with_bars
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
    tiers = ship_static(trained.folder, desk.folder, task=task, examples=examples)
    for name, each in tiers.items():
        desk.tell(Event(_NAME, "note", note=f"static tier, `{name}`: {each.certificate.sentence}"))
    certified = _certify(desk, task, forms, form=chosen, rows=rows)
    description = with_bars(forms.describe(chosen), certified)
    write_card(desk.folder, description, tried=tried, rows=len(rows))
    write_description(desk.folder, description)
    facts = _facts(tried, chosen)
    if tiers:
        facts["static"] = {name: each.to_json() for name, each in tiers.items()}
    if certified:
        facts["abstaining"] = {name: each.to_json() for name, each in certified.items()}
    return Artifact(desk.folder, facts)


def _facts(tried: Sequence[Tried], chosen: Form) -> dict[str, Json]:
    """Returns what was measured of the forms, that of the chosen one in front."""
    best = next(each for each in tried if each.form == chosen)
    return {
        "precision": chosen,
        "size_mb": best.size_mb,
        "p50_ms": best.p50_ms,
        "parity": {"value": best.parity, "n": best.n},
        "forms": [each.to_json() for each in tried],
    }


def _parity_rows(examples: Sequence[Example]) -> list[Example]:
    """Returns the validation rows, or training rows where there are none."""
    held = [example for example in examples if example.split == "validation"]
    return (held or [example for example in examples if example.split == "train"])[:_MOST_ROWS]


def _choose(desk: Desk, forms: Forms, *, rows: int) -> tuple[Form, list[Tried]]:
    """Returns the first form with parity, from small to large, and all that were measured.

    Without rows nothing shows that a smaller form decides as the full one does, which is shipped then.
    """
    from freehold.compress.quantise import FORMS

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


def _certify(
    desk: Desk, task: Task, forms: Forms, *, form: Form, rows: Sequence[Example]
) -> Mapping[str, Abstaining]:
    """Returns how sure answers have to be in each field of which the task bounds the share of wrong ones."""
    from freehold.compress.abstaining import certify_fields

    if not task.errors_given_answer:
        return {}
    held = rows if all(row.split == "validation" for row in rows) else []
    certified = certify_fields(task, held, forms.tiers(form, desk.folder) if held else [])
    for name, found in certified.items():
        desk.tell(Event(_NAME, "note", note=f"`{name}` {found.sentence}"))
    return certified


def _sentence(tried: Tried, *, chosen: Form) -> str:
    outcome = "taken" if tried.form == chosen else "not taken"
    same = f"same decision on {tried.parity:.2%} of {tried.n}" if tried.n else "no row to compare decisions on"
    return f"{tried.form}: {tried.size_mb} MB, {tried.p50_ms} ms a request, {same}; {outcome}"
