"""Requests, feedback, reviews: what was said is kept, on both databases in the same order."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.registry import Feedback, RecordedRequest, Registry, Review
from freehold.registry.reviews import row_name
from freehold.task import Json


def asked(id: str, *, created: str = "2026-01-01", task: str = "banking", text: str = "hi") -> RecordedRequest:
    answer: Json = {"value": "card", "confidence": 0.5, "probabilities": {"card": 0.5}, "abstained": False}
    return RecordedRequest(id, task, f"{task}@1", {"text": text}, {"intent": answer}, created, 2.5)


def said(id: str, *, created: str = "2026-01-01", batch: str = "", task: str = "banking") -> Feedback:
    value: dict[str, Json] = {"intent": "card"}
    return Feedback(id, task, "", {"text": "hi"}, "correction", value, "person:ada", created, batch=batch)


def waiting(example: str, confidence: float, *, field: str = "intent") -> Review:
    return Review(example, "banking", field, {"text": example}, {"label": "card"}, confidence)


def test_requests_are_found_and_listed_newest_first(shelf: Registry) -> None:
    rows = [asked("b", created="2026-01-02"), asked("a"), asked("c", created="2026-01-02")]
    shelf.record_requests([*rows, asked("d", task="mail")])
    shelf.record_requests([])
    assert shelf.requests("banking") == [rows[2], rows[0], rows[1]]
    assert shelf.requests("banking", limit=1) == [rows[2]]
    assert shelf.request("a") == rows[1]
    assert shelf.request("nobody") is None


def test_a_request_is_recorded_once(shelf: Registry) -> None:
    shelf.record_requests([asked("a")])
    shelf.record_requests([asked("a", text="something else"), asked("b")])
    assert len(shelf.requests("banking")) == 2
    assert shelf.request("a") == asked("a")


def test_requests_are_recorded_together_or_not_at_all(shelf: Registry) -> None:
    broken = dataclasses.replace(asked("b"), milliseconds=None)  # type: ignore[arg-type]
    with pytest.raises(sa.exc.IntegrityError):
        shelf.record_requests([asked("a"), broken])
    assert shelf.requests("banking") == []
    shelf.record_requests([asked("c")])
    assert shelf.requests("banking") == [asked("c")]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=20) | st.sampled_from(["\x00", "\ud800", "a\x00b", "'; --", "💳"]))
def test_any_text_can_be_asked_and_said(shelf: Registry, text: str) -> None:
    request = asked(uuid.uuid4().hex, text=text)
    shelf.record_requests([request])
    assert shelf.request(request.id) == request
    shelf.record_requests([asked(f"id {text}")])
    assert shelf.request(f"id {text}") is not None
    feedback = dataclasses.replace(said(request.id), maker=text, inputs={"text": text})
    shelf.add_feedback([feedback])
    assert [row.inputs for row in shelf.feedback("banking") if row.id == request.id] == [{"text": text}]


def test_feedback_comes_in_order_of_creation_by_code_point(shelf: Registry) -> None:
    ids = ["a", "B", "b", "_", "é", "z", "Z", "-", "1"]
    shelf.add_feedback([said(id) for id in ids])
    shelf.add_feedback([said("later", created="2026-01-02"), said("0", created="2025-12-31")])
    shelf.add_feedback([said("a", created="2030-01-01"), said("x", task="mail")])
    assert [row.id for row in shelf.feedback("banking")] == ["0", *sorted(ids), "later"]


def test_feedback_of_a_kind(shelf: Registry) -> None:
    rating = dataclasses.replace(said("r"), kind="rating", value={"stars": 4})
    shelf.add_feedback([said("c"), rating])
    assert shelf.feedback("banking", kind="rating") == [rating]
    assert shelf.feedback("banking", kind="outcome") == []


def test_feedback_is_withdrawn_by_id_and_by_batch(shelf: Registry) -> None:
    shelf.add_feedback([said("a"), said("b", batch="mass"), said("c", batch="mass"), said("d"), said("e")])
    shelf.add_feedback([said("other", task="mail", batch="mass")])
    assert shelf.withdraw("banking", ids=["mass", "a", "nobody"]) == 3
    assert shelf.withdraw("banking", ids=["mass", "a"]) == 0
    assert shelf.withdraw("banking", ids=[""]) == shelf.withdraw("banking", ids=[]) == 0
    assert [row.id for row in shelf.feedback("banking")] == ["d", "e"]
    everything = shelf.feedback("banking", withdrawn=True)
    assert [(row.id, row.withdrawn) for row in everything] == [
        ("a", True),
        ("b", True),
        ("c", True),
        ("d", False),
        ("e", False),
    ]
    assert [row.id for row in shelf.feedback("mail")] == ["other"]


def test_many_are_withdrawn_at_once(shelf: Registry) -> None:
    shelf.add_feedback([said(f"f{number:04}") for number in range(1200)])
    assert shelf.withdraw("banking", ids=[f"f{number:04}" for number in range(1100)]) == 1100
    assert len(shelf.feedback("banking")) == 100


def test_reviews_that_are_worth_more_come_first_with_their_reasons(shelf: Registry) -> None:
    doubted = dataclasses.replace(waiting("z", 0.99), given={"label": "cash"}, reason="it looks wrong", worth=0.7)
    more = dataclasses.replace(waiting("y", 0.98), given=False, reason="it looks very wrong", worth=0.9)
    shelf.queue_reviews("banking", [waiting("a", 0.1), doubted, more])
    assert shelf.reviews("banking") == [more, doubted, waiting("a", 0.1)]


def test_what_a_person_said_is_settled(shelf: Registry) -> None:
    both = dataclasses.replace(said("one"), value={"intent": "card", "mood": "calm"})
    by_rule = dataclasses.replace(said("two"), inputs={"text": "other"}, maker="rule:words")
    shelf.add_feedback([both, by_rule, dataclasses.replace(said("three"), kind="rating", value={"rating": "up"})])
    name = row_name(both.inputs)
    assert shelf.settled("banking") == {(name, "intent"), (name, "mood")}
    assert shelf.settled("mail") == set()
    shelf.withdraw("banking", ids=["one"])
    assert shelf.settled("banking") == set()


def test_the_queue_of_reviews_is_replaced_as_a_whole(shelf: Registry) -> None:
    shelf.queue_reviews("banking", [waiting("a", 0.9), waiting("b", 0.2), waiting("b", 0.1, field="mood")])
    shelf.queue_reviews("mail", [dataclasses.replace(waiting("m", 0.5), task="mail")])
    least, *_ = shelf.reviews("banking")
    assert least == waiting("b", 0.1, field="mood")
    shelf.queue_reviews("banking", [waiting("c", 0.3), waiting("a", 0.4), waiting("a", 0.2)])
    shelf.queue_reviews("banking", [waiting("c", 0.3), waiting("a", 0.4), waiting("a", 0.2)])
    assert shelf.reviews("banking") == [waiting("a", 0.2), waiting("c", 0.3)]
    assert len(shelf.reviews("banking", limit=1)) == 1
    shelf.queue_reviews("banking", [])
    assert shelf.reviews("banking") == []
    assert len(shelf.reviews("mail")) == 1


def test_a_wrong_kind_of_feedback_is_no_feedback(shelf: Registry) -> None:
    import sqlalchemy as sa

    wrong = dataclasses.replace(said("a"), kind="opinion")  # type: ignore[arg-type]
    with pytest.raises(sa.exc.IntegrityError):
        shelf.add_feedback([wrong])
