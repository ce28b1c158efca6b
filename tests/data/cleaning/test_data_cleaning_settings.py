"""Settings name steps and families, and mistakes in them are told; a ledger counts what the steps did."""

from __future__ import annotations

import json
import pickle
import random

import pytest

from freehold.data.cleaning import (
    DOCUMENTS,
    ROWS,
    RULES,
    STEPS,
    Bar,
    Cleaned,
    Cleaning,
    Dropped,
    Ledger,
    Settings,
    list_steps,
)
from freehold.data.cleaning.ledger import SAMPLES
from freehold.errors import UserError


def test_families_stand_for_their_steps() -> None:
    assert Settings(steps=("pii", "unicode.nfc")).ordered() == (
        "unicode.nfc", "pii.email", "pii.iban", "pii.card", "pii.ip", "pii.phone",
    )  # fmt: skip
    assert "gopher.top_ngram.3" in Settings(steps=("gopher.top_ngram",)).ordered()
    assert Settings(steps=("pii",), off=("pii.phone", "pii.ip")).ordered() == ("pii.email", "pii.iban", "pii.card")


def test_steps_are_named_once_and_every_rule_is_one() -> None:
    assert len(set(STEPS)) == len(STEPS)
    assert set(RULES) <= set(STEPS) <= set(list_steps())


def test_rows_are_judged_by_no_rule() -> None:
    assert not set(Settings(steps=ROWS).ordered()) & {*RULES, "language", "repeated_lines", "profanity"}
    assert "profanity" not in Settings(steps=DOCUMENTS).ordered()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": ("unicod",)}, "'unicod' is no step of cleaning.\nDid you mean `unicode`?"),
        ({"steps": ("gopher.word",)}, "'gopher.word' is no step of cleaning.\nDid you mean `gopher.words`?"),
        (
            {"steps": ("pii",), "off": ("pii.mail",)},
            "'pii.mail' is no step of cleaning.\nDid you mean `pii.email`?",
        ),
        ({"modes": {"pii": "hide"}}, "mode of `pii` is 'hide'.\nIt may be: keep, mask, drop."),
        ({"modes": {"unicode": "mask"}}, "'unicode' is no mode of a step."),
        ({"bars": {"gopher.word": Bar(1, 2)}}, "'gopher.word' is no bar of a rule.\nDid you mean `gopher.words`?"),
        ({"bars": {"gopher.words": Bar(3, 2)}}, "bar of `gopher.words` is 3 to 2: nothing is between."),
    ],
)
def test_mistakes_are_told_by_name(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        Settings(**settings)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def texts(count: int) -> list[str]:
    random_ = random.Random(3)
    kinds = (
        "Mail ada{}@example.org and the others.",
        "short {}",
        "A page about the cats of {} and of those that have none.",
    )
    return [random_.choice(kinds).format(number) for number in range(count)]


CLEANING = Cleaning(Settings(steps=("unicode", "pii", "gopher.words"), bars={"gopher.words": Bar(low=3)}))


def tally(some: list[str]) -> Ledger:
    ledger = Ledger()
    for text in some:
        ledger.note(text, CLEANING.clean(text))
    return ledger


def test_a_ledger_counts_every_text_once() -> None:
    some = texts(300)
    ledger = tally(some)
    outcomes = [CLEANING.clean(text) for text in some]
    dropped = sum(isinstance(outcome, Dropped) for outcome in outcomes)
    assert (ledger.texts, ledger.kept) == (300, 300 - dropped)
    assert sum(each.texts for each in ledger.dropped.values()) == dropped > 50
    assert ledger.changed == sum(isinstance(o, Cleaned) and not o.offsets.identity for o in outcomes)


def test_a_funnel_says_what_came_to_each_step_and_left_it() -> None:
    ledger = tally(texts(300))
    (dropped,) = ledger.dropped.values()
    assert ledger.funnel(CLEANING.steps) == (("gopher.words", 300, 300 - dropped.texts),)
    assert ledger.funnel(("language", *CLEANING.steps))[0] == ("language", 300, 300)


def test_a_ledger_is_plain_data() -> None:
    ledger = tally(texts(30))
    again = json.loads(json.dumps(ledger.to_json()))
    assert (again["texts"], again["kept"]) == (30, ledger.kept)
    assert again["found"]["pii.email"]["texts"] == ledger.found["pii.email"].texts
    assert all(each["why"] for each in again["dropped"]["gopher.words"]["samples"])


def test_settings_are_plain_data_that_changes_with_them() -> None:
    plain = [
        Settings(**more).to_json()
        for more in (
            {},
            {"steps": ("pii",)},
            {"off": ("pii.ip",)},
            {"bars": {"gopher.words": Bar(low=2)}},
            {"modes": {"pii": "keep"}},
            {"languages": ("de",)},
            {"confidence": 0.5},
            {"profanity": frozenset({"darn"})},
            {"repeated": frozenset({7})},
        )
    ]
    assert len({json.dumps(each, sort_keys=True) for each in plain}) == len(plain)
    assert plain[0] == Settings(steps=(*ROWS, "pii.email")).to_json()


def test_cleaning_can_be_sent_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(CLEANING))
    assert again.clean("Mail ada@example.org or the others.") == CLEANING.clean(
        "Mail ada@example.org or the others."
    )


def test_samples_are_few_and_the_same_in_any_order() -> None:
    some = texts(300)
    ledger, turned = tally(some), tally(some[::-1])
    parts = tally(some[:100]) + tally(some[100:])
    assert ledger.dropped == turned.dropped == parts.dropped
    assert ledger.found == turned.found == parts.found
    (drops,) = ledger.dropped.values()
    assert len(drops.samples) == SAMPLES
    assert all(sample.text in some and sample.why for sample in drops.samples)


def test_samples_of_what_tells_of_a_person_are_shapes() -> None:
    cleaning, ledger = Cleaning(Settings(steps=("pii", "secrets"))), Ledger()
    text = "Mail ada1@example.org about 4111 1111 1111 1111."
    ledger.note(text, cleaning.clean(text))
    assert [each.text for each in ledger.found["pii.email"].samples] == ["xxx9@xxxxxxx.xxx"]
    assert [each.text for each in ledger.found["pii.card"].samples] == ["9999 9999 9999 9999"]
