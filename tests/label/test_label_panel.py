"""What experts come to together, from the ledger to plain JSON."""

from __future__ import annotations

from typing import Any

import pytest

from freehold.label import panel
from freehold.registry import LedgerRow
from freehold.task import Field, Label, wilson_bounds

INTENT = Field("intent", "choice", labels=(Label("card"), Label("cash"), Label("coin")))
TAGS = Field("tags", "choices", labels=(Label("a"), Label("b")))
NOTE = Field("note", "text")


def said(number: int, expert: str, item: str, value: Any, *, field: str = "intent", **changes: Any) -> LedgerRow:
    plain: dict[str, Any] = {"kind": "first", "act": "answer", "known": {}, "undoes": 0, **changes}
    return LedgerRow(
        "banking", item, expert, plain["kind"], plain["act"], f"a{number}", {field: value}, {}, plain["known"], "",
        False, "", 1_000, "0", "item", "EUR", "2026-05-01", undoes=plain["undoes"], id=number,
    )  # fmt: skip


def two(answers: list[tuple[Any, Any]], *, field: str = "intent") -> list[LedgerRow]:
    rows = [
        (f"e{n}", expert, value)
        for n, pair in enumerate(answers)
        for expert, value in zip(("ann", "bob"), pair, strict=True)
    ]
    return [said(number, expert, item, value, field=field) for number, (item, expert, value) in enumerate(rows, 1)]


def test_agreement_is_that_of_the_crowd_with_the_texts_behind_it() -> None:
    ledger = two([("card", "card")] * 6 + [("cash", "cash")] * 3 + [("card", "coin")] * 2 + [("coin", "coin")])
    told: Any = panel.measure(ledger, [INTENT], inputs={"e10": {"text": "the tenth"}})
    found = told["agreement"]["intent"]
    assert (found["items"], found["shared"], found["judgements"], found["experts"]) == (12, 12, 24, 2)
    # Nominal alpha by hand: 4 of 24 answers disagree; labels are given 14, 6 and 4 times.
    expected = (24**2 - 14**2 - 6**2 - 4**2) / (24 * 23)
    assert found["measures"]["alpha"]["value"] == pytest.approx(1 - (4 / 24) / expected, abs=1e-9)
    assert found["confusions"][0]["labels"] == ["card", "coin"]
    assert found["confusions"][0]["examples"][0] == {"example": "e10", "inputs": {"text": "the tenth"}}
    low, high = wilson_bounds(10 / 12, 12)
    assert told["experts"]["ann"]["agreement"] == {
        "value": round(10 / 12, 6), "low": round(low, 6), "high": round(high, 6), "n": 12,
    }  # fmt: skip
    confused = {"field": "intent", "said": "card", "others": "coin", "n": 2, "gold": False}
    assert told["experts"]["ann"]["confusions"] == [confused]


def test_only_blind_answers_that_stand_are_compared() -> None:
    ledger = two([("card", "card"), ("card", "cash")])
    ledger.append(said(9, "cy", "e1", "cash", kind="adjudication"))
    ledger.append(said(10, "bob", "e1", "cash", act="undo", undoes=4))
    ledger.append(said(11, "bob", "e1", "card"))
    told: Any = panel.measure(ledger, [INTENT], inputs={})
    assert told["agreement"]["intent"]["judgements"] == 4
    assert told["experts"]["bob"]["agreement"]["value"] == 1.0
    assert told["experts"]["cy"] == {"agreement": None, "gold": None, "confusions": []}


def test_gold_is_counted_apart_by_the_form_that_equal_values_have() -> None:
    known = {"tags": ["a", "b"]}
    ledger = [
        said(1, "ann", "g1", ["a", "b"], field="tags", kind="gold", known=known),
        said(2, "ann", "g2", ["a"], field="tags", kind="gold", known=known),
    ]
    told: Any = panel.measure(ledger, [TAGS], inputs={})
    assert told["agreement"] == {}
    assert (told["experts"]["ann"]["gold"]["value"], told["experts"]["ann"]["gold"]["n"]) == (0.5, 2)
    confused = {"field": "tags", "said": '["a"]', "others": '["a","b"]', "n": 1, "gold": True}
    assert told["experts"]["ann"]["confusions"] == [confused]


def test_texts_are_compared_and_have_no_measure_of_agreement() -> None:
    ledger = two([("yes", "yes"), ("yes", "no")], field="note")
    told: Any = panel.measure(ledger, [NOTE], inputs={})
    assert told["agreement"] == {}
    assert told["experts"]["ann"]["agreement"]["value"] == 0.5
    assert panel.propose(ledger, [NOTE]) == {}


def test_a_label_that_is_gone_from_the_task_is_gone_from_the_figures() -> None:
    ledger = two([("card", "card"), ("card", "cheque"), ("cash", "cash")])
    told: Any = panel.measure(ledger, [INTENT], inputs={})
    assert told["agreement"]["intent"]["judgements"] == 5
    assert panel.propose(ledger, [INTENT])["e1", "intent"]["value"] == "card"


def test_who_is_right_on_gold_is_believed_where_experts_disagree() -> None:
    values = ("card", "cash")
    gold = [
        said(
            n,
            expert,
            f"g{n}",
            values[n % 2] if expert == "ann" else values[(n + 1) % 2],
            kind="gold",
            known={"intent": values[n % 2]},
        )
        for n in range(1, 21)
        for expert in ("ann", "bob")
    ]
    gold = [
        said(n, row.expert, row.example, row.answers["intent"], kind="gold", known=row.known)
        for n, row in enumerate(gold, 1)
    ]
    ledger = [*gold, said(100, "ann", "e", "card"), said(101, "bob", "e", "cash")]
    proposed = panel.propose(ledger, [INTENT])
    assert set(proposed) == {("e", "intent")}
    assert proposed["e", "intent"]["value"] == "card"
    confidence = proposed["e", "intent"]["confidence"]
    assert isinstance(confidence, float)
    assert confidence > 0.8


def test_a_tie_is_told() -> None:
    proposed = panel.propose(two([("card", "cash")]), [INTENT])["e0", "intent"]
    assert proposed["value"] is None
    assert proposed["tied"] == ["card", "cash"]
