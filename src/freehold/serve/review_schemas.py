"""What the OpenAPI document says of the routes of experts.

Owns their shapes in the document; what they mean to a reader stands in docs/http.md.
"""

from __future__ import annotations

from freehold.serve.openapi import (
    ANY,
    FLAG,
    MAYBE,
    NAME,
    NUMBER,
    SHARE,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    object_of,
    operation,
    ref,
)

__all__ = ["review_paths", "review_schemas"]


def review_schemas() -> Schema:
    """Returns the schemas of what experts send and are shown."""
    thought = {"suggestion": {}, "confidence": SHARE, "given": {}, "reason": TEXT}
    said = {"answers": list_of(object_of({"value": {}, "experts": WHOLE})), "proposed": MAYBE}
    field = {"type": "object", "properties": {"kind": TEXT, **thought, **said}, "required": ["kind"]}
    fields = {"type": "object", "additionalProperties": field}
    seen = {"example": TEXT, "inputs": ANY, "fields": fields}
    held = {"assignment": TEXT, **seen, "kind": {"enum": ["first", "adjudication"]}, "until": TEXT, "draft": {}}
    listed = {**seen, "looks": WHOLE, "disputed": FLAG, "mine": {"enum": ["open", "answered", "skipped", None]}}
    kept = object_of({"assignment": TEXT, "seconds": NUMBER, "repeated": FLAG})
    refused = object_of({"index": WHOLE, "code": TEXT, "reason": TEXT})
    whole = {"items": list_of(ref("ReviewItem")), "waiting": WHOLE, "done": WHOLE, "labels": ANY}
    page = {"items": list_of(object_of(listed)), "total": WHOLE, "offset": WHOLE, "labels": ANY}
    return {
        **_sent(),
        "ReviewItem": object_of(held),
        "ReviewItems": object_of(whole),
        "ReviewList": object_of(page),
        "ReviewKept": kept,
        "ReviewReceipt": object_of({"kept": list_of(ref("ReviewKept")), "rejected": list_of(refused)}),
        "ReviewUndone": object_of({"undone": TEXT, "item": {"oneOf": [ref("ReviewItem"), {"type": "null"}]}}),
        "ReviewDraftKept": object_of({"assignment": TEXT, "kept": FLAG}),
        "Experts": object_of({"experts": list_of(_expert()), "agreement": MAYBE, "rows": WHOLE}),
    }


def _sent() -> Schema:
    remark = {"answers": ANY, "skip": TEXT, "flag": FLAG, "comment": TEXT, "seconds": NUMBER}
    wanted = {"limit": WHOLE, "field": TEXT, "search": TEXT, "label": TEXT, "expert": TEXT}
    named = {"assignment": TEXT, "example": TEXT}
    return {
        "ReviewRequest": {"type": "object", "properties": wanted},
        "ReviewAnswer": {"type": "object", "properties": {**remark, "expert": TEXT}},
        "ReviewAnswers": list_of({"type": "object", "properties": {**remark, **named}}),
        "ReviewDraft": {"type": "object", "properties": {"draft": {}, "expert": TEXT}, "required": ["draft"]},
        "ReviewUndo": {"type": "object", "properties": {"expert": TEXT}},
    }


def _expert() -> Schema:
    counts = dict.fromkeys(("items", "skipped", "undone", "flagged"), WHOLE)
    times = {"seconds": NUMBER, "median_seconds": {"type": ["number", "null"]}}
    owed = {"type": "object", "additionalProperties": TEXT}
    shape = object_of({"expert": NAME, **counts, **times, "owed": owed})
    shape["properties"] |= {"agreement": ANY, "gold": ANY, "confusions": list_of(ANY)}
    return shape


def review_paths(name: str) -> Schema:
    """Returns the paths of one task."""
    path, one = f"/v1/tasks/{name}/reviews", ("assignment",)
    take = operation(
        f"take_reviews_{name}", "Items to be judged.", body=ref("ReviewRequest"), answer=ref("ReviewItems")
    )
    undo = operation(
        f"undo_review_{name}", "Takes back the last.", body=ref("ReviewUndo"), answer=ref("ReviewUndone")
    )
    answer = operation(
        f"answer_review_{name}",
        "Judges or skips an item.",
        body=ref("ReviewAnswer"),
        answer=ref("ReviewKept"),
        names=one,
    )
    draft = operation(
        f"keep_draft_{name}",
        "Keeps what is typed so far.",
        body=ref("ReviewDraft"),
        answer=ref("ReviewDraftKept"),
        names=one,
    )
    listed = operation(f"list_reviews_{name}", "The items that wait.", answer=ref("ReviewList"))
    kinds = {"expert": TEXT, "field": TEXT, "search": TEXT, "label": TEXT, "limit": WHOLE, "offset": WHOLE}
    listed["parameters"] = [{"name": each, "in": "query", "schema": kind} for each, kind in kinds.items()]
    many = operation(
        f"answer_reviews_{name}", "Judges many.", body=ref("ReviewAnswers"), answer=ref("ReviewReceipt")
    )
    many["parameters"] = [{"name": "expert", "in": "query", "schema": TEXT}]
    return {
        f"{path}/next": {"post": take},
        f"{path}/undo": {"post": undo},
        f"{path}/{{assignment}}": {"post": answer},
        f"{path}/{{assignment}}/draft": {"put": draft},
        path: {"get": listed, "post": many},
        f"/v1/tasks/{name}/experts": {
            "get": operation(f"show_experts_{name}", "What experts did.", answer=ref("Experts"))
        },
    }
