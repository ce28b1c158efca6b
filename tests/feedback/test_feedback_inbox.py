"""Feedback is checked row by row, kept in order, and can be taken back by row or by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freehold import feedback
from freehold.errors import NotFoundError, UserError
from freehold.feedback import Receipt, Rejected
from freehold.registry import RecordedRequest, Registry
from freehold.task import Field, Label

FIELDS = (
    Field("intent", "choice", labels=(Label("lost_card"), Label("top_up"))),
    Field("urgent", "predicate"),
)
ASKED = {"text": "Where is my card?"}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "state") as opened:
        rows = [
            RecordedRequest("r1", "banking", "banking@1", ASKED, {}, "2026-01-01T00:00:00+00:00", 1.0),
            RecordedRequest("r2", "other", "other@1", ASKED, {}, "2026-01-01T00:00:00+00:00", 1.0),
        ]
        opened.record_requests(rows)
        yield opened


def accept(shelf: Registry, *rows: Any, maker: str = "person:ana", batch: str = "") -> Receipt:
    return feedback.accept(shelf, "banking", rows, fields=FIELDS, inputs=("text",), maker=maker, batch=batch)


def test_a_correction_is_kept_with_the_inputs_of_its_request(shelf: Registry) -> None:
    receipt = accept(shelf, {"request": "r1", "correct": {"intent": "top_up", "urgent": True}})
    (kept,) = shelf.feedback("banking")
    assert receipt == Receipt((kept.id,), (), kept.batch)
    assert (kept.request, kept.inputs, kept.kind) == ("r1", ASKED, "correction")
    assert kept.value == {"intent": "top_up", "urgent": True}
    assert kept.maker == "person:ana"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"rating": "up"}, "rating"),
        ({"rating": 0.5}, "rating"),
        ({"outcome": {"refunded": [1, None]}}, "outcome"),
        ({"outcome": None}, "outcome"),
    ],
)
def test_ratings_and_outcomes_are_kept(shelf: Registry, said: dict[str, Any], kind: str) -> None:
    accept(shelf, {"request": "r1", **said})
    (kept,) = shelf.feedback("banking", kind=kind)
    assert kept.value == said


def test_paraphrases_need_no_request(shelf: Registry) -> None:
    accept(shelf, {"inputs": {"text": "Has my card come?"}, "correct": {"intent": "lost_card"}})
    (kept,) = shelf.feedback("banking")
    assert (kept.request, kept.inputs) == ("", {"text": "Has my card come?"})


REFUSED: list[tuple[Any, str]] = [
    ("text", "A row of feedback is an object."),
    ({}, "one of `correct`, `rating` and `outcome`"),
    ({"request": "r1", "rating": 1, "outcome": 1}, "one of `correct`, `rating` and `outcome`"),
    ({"request": "r1", "corect": {}}, "no 'corect'; did you mean `correct`?"),
    ({"correct": {"intent": "top_up"}}, "either `request` or `inputs`"),
    ({"request": "r1", "inputs": ASKED, "correct": {"intent": "top_up"}}, "either `request` or `inputs`"),
    ({"inputs": ASKED, "rating": "up"}, "`rating` needs the `request`"),
    ({"request": 7, "rating": "up"}, "`request` is the id"),
    ({"request": "nope", "rating": "up"}, "`banking` was never asked a request 'nope'."),
    ({"request": "r2", "rating": "up"}, "`banking` was never asked a request 'r2'."),
    ({"request": "a\0b", "rating": "up"}, "was never asked"),
    ({"request": "r1", "rating": "sideways"}, '`rating` is "up", "down" or a finite number.'),
    ({"request": "r1", "rating": True}, '`rating` is "up", "down" or a finite number.'),
    ({"request": "r1", "correct": {}}, "at least one field"),
    ({"request": "r1", "correct": {"intnt": "top_up"}}, "no field 'intnt'; did you mean `intent`?"),
    ({"request": "r1", "correct": {"intent": "topup"}}, "did you mean `top_up`?"),
    ({"inputs": [], "correct": {"intent": "top_up"}}, "`inputs` is an object"),
    ({"inputs": {"txt": "a"}, "correct": {"intent": "top_up"}}, "no input 'txt'; did you mean `text`?"),
    ({"inputs": {"text": 5}, "correct": {"intent": "top_up"}}, "`text` is missing or no text"),
    ({"inputs": {"text": " "}, "correct": {"intent": "top_up"}}, "all blank"),
    ({"inputs": {"text": "a\ud800"}, "correct": {"intent": "top_up"}}, "half of a surrogate pair"),
    ({"request": "r1", "outcome": {"refunded": ["\udfff"]}}, "half of a surrogate pair"),
]


@pytest.mark.parametrize(("row", "reason"), REFUSED)
def test_a_row_that_cannot_be_used_is_refused_with_its_reason(shelf: Registry, row: Any, reason: str) -> None:
    receipt = accept(shelf, row)
    assert receipt.accepted == ()
    assert reason in receipt.rejected[0].reason
    assert shelf.feedback("banking") == []


def test_good_rows_are_kept_where_others_are_refused(shelf: Registry) -> None:
    receipt = accept(shelf, {"request": "r1", "rating": 1}, {"request": "?"}, {"request": "r1", "rating": 2})
    assert [row.index for row in receipt.rejected] == [1]
    assert [row.value["rating"] for row in shelf.feedback("banking")] == [1, 2]
    assert receipt.to_json()["rejected"] == [{"index": 1, "reason": receipt.rejected[0].reason}]
    assert isinstance(receipt.rejected[0], Rejected)


def test_rows_come_back_in_the_order_they_were_sent(shelf: Registry) -> None:
    for start in (0, 40):
        accept(shelf, *({"request": "r1", "rating": start + n} for n in range(40)))
    assert [row.value["rating"] for row in shelf.feedback("banking")] == list(range(80))


def test_a_batch_is_withdrawn_as_a_whole_and_a_row_alone(shelf: Registry) -> None:
    batch = accept(shelf, {"request": "r1", "rating": 1}, {"request": "r1", "rating": 2}).batch
    single = accept(shelf, {"request": "r1", "rating": 3}, {"request": "r1", "rating": 4}).accepted[0]
    assert feedback.withdraw(shelf, "banking", ids=[batch]) == 2
    assert feedback.withdraw(shelf, "banking", ids=[single]) == 1
    assert [row.value["rating"] for row in shelf.feedback("banking")] == [4]
    with pytest.raises(NotFoundError, match="no feedback `nope`"):
        feedback.withdraw(shelf, "banking", ids=["nope"])


def test_the_caller_may_name_the_batch(shelf: Registry) -> None:
    assert accept(shelf, {"request": "r1", "rating": 1}, batch="import-7").batch == "import-7"
    assert shelf.feedback("banking")[0].batch == "import-7"


@pytest.mark.parametrize("maker", ["ana", "person:", "person: ", "robot:x", "person:a\nb"])
def test_a_maker_has_a_kind_and_a_name(shelf: Registry, maker: str) -> None:
    with pytest.raises(UserError, match="person:NAME"):
        accept(shelf, {"request": "r1", "rating": 1}, maker=maker)
