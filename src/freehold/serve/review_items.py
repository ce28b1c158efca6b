"""What experts are shown, as JSON: items, lists of items, and what became of what they said.

Owns what an expert may not see: that an item is a gold one and, where suggestions are hidden, what anybody thinks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from freehold.registry import Account, Answered, Assignment, Blind, Listed, Shown
from freehold.serve.faults import Code, Fault
from freehold.task import Field, Json, Task

__all__ = ["describe_experts", "describe_held", "describe_labels", "describe_listed", "explain_refusal"]

_CODES: Mapping[str, tuple[int, Code, str]] = {
    "unknown": (404, "assignment_not_found", "You have no assignment {id!r} here."),
    "closed": (409, "assignment_closed", "Assignment {id!r} has another answer already, or was taken back."),
    "lapsed": (409, "assignment_lapsed", "The time for assignment {id!r} is over, and others have the item."),
    "unfit": (400, "invalid_value", "Assignment {id!r} has not all of these fields."),
}


def describe_held(
    held: Assignment, task: Task, *, proposed: Mapping[tuple[str, str], Mapping[str, Json]] | None = None
) -> dict[str, Json]:
    """Returns an assignment as whoever holds it may see it.

    Args:
        proposed: Example and field to what all answers together say of it; only adjudications show it.
    """
    proposed = proposed or {}
    kinds = {field.name: field.kind for field in task.fields}
    blind = task.review.suggestions == "hidden"
    fields: dict[str, Json] = {
        name: {
            "kind": kinds[name],
            **_describe(shown, blind=blind),
            **(_decide(shown, proposed.get((held.example, name))) if held.kind == "adjudication" else {}),
        }
        for name, shown in held.fields.items()
        if name in kinds
    }
    return {
        "assignment": held.id,
        "example": held.example,
        "kind": "adjudication" if held.kind == "adjudication" else "first",
        "inputs": dict(held.inputs),
        "fields": fields,
        "until": held.until,
        "draft": held.draft,
    }


def _describe(shown: Shown, *, blind: bool) -> dict[str, Json]:
    if blind:
        return {}
    thought = {"suggestion": shown.suggestion, "confidence": shown.confidence}
    return {**thought, "given": shown.given, "reason": shown.reason}


def _decide(shown: Shown, proposed: Mapping[str, Json] | None) -> dict[str, Json]:
    """Returns what is shown to whoever decides between others."""
    return {"answers": [_answer(each) for each in shown.answers], "proposed": dict(proposed) if proposed else None}


def _answer(each: Blind) -> Json:
    return {"value": each.value, "experts": each.experts}


def describe_listed(item: Listed, task: Task) -> dict[str, Json]:
    """Returns an item of the queue as an expert may see it."""
    kinds = {field.name: field.kind for field in task.fields}
    blind = task.review.suggestions == "hidden"
    fields: dict[str, Json] = {
        name: {"kind": kinds[name], **_describe(shown, blind=blind)}
        for name, shown in item.fields.items()
        if name in kinds
    }
    return {
        "example": item.example,
        "inputs": dict(item.inputs),
        "fields": fields,
        "looks": item.looks,
        "disputed": item.disputed,
        "mine": item.mine or None,
    }


def describe_labels(fields: Sequence[Field]) -> dict[str, Json]:
    """Returns field to its labels; None where any label may be given, or the field has none."""
    return {
        field.name: None
        if field.labels is None
        else [{"name": label.name, "description": label.description} for label in field.labels]
        for field in fields
    }


def describe_experts(
    accounts: Sequence[Account], told: Mapping[str, Json] | None, *, rows: int
) -> dict[str, Json]:
    """Returns what experts did and are owed, beside what a panel measured of them.

    Args:
        told: Of a panel: `agreement`, and `experts` by name; None where the caller may not know.
        rows: How many rows the ledger has.
    """
    measured = cast("Mapping[str, Mapping[str, Json]]", (told or {}).get("experts", {}))
    experts: list[Json] = [{**each.to_json(), **measured.get(each.expert, {})} for each in accounts]
    return {"experts": experts, "agreement": (told or {}).get("agreement"), "rows": rows}


def explain_refusal(answered: Answered) -> Fault | None:
    """Returns why an answer was not kept; None where it was."""
    if answered.result not in _CODES:
        return None
    status, code, message = _CODES[answered.result]
    return Fault(status, message.format(id=answered.assignment[:64]), code=code, param="assignment")
