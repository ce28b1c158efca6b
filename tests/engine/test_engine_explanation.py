"""An explanation says what the model itself says when it is asked without each word."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.artifacts import FIELDS, HEADS, TEXT, make_artifact, make_encoder

from freehold.engine import Explained, Explanation, Head, Reader, Scope, explain, open_reader, split_words
from freehold.task import Answer, Label


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"))


def make_reader(folder: Path, *, inputs: tuple[str, ...] = ("text",), heads: Mapping[str, Head] = HEADS) -> Reader:
    return open_reader(make_artifact(folder, inputs=inputs, heads=heads), threads=1)


@pytest.fixture
def folder(encoder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(encoder, tmp_path / "artifact"))


def ask(reader: Reader, inputs: Mapping[str, str]) -> Mapping[str, Answer]:
    return reader.predict([inputs])[0].answers


def explained(reader: Reader, inputs: Mapping[str, str]) -> Explanation:
    return explain(reader, inputs, answers=ask(reader, inputs))


def odds(chance: float) -> float:
    return math.log(chance / (1 - chance))


def only(explanation: Explanation, field: str) -> Explained:
    [value] = explanation.fields[field]
    return value


def without(text: str, word: str) -> str:
    return " ".join(text.replace(word, " ").replace(" ,", ",").split())


def test_every_word_is_named_with_its_place(folder: Path) -> None:
    reader = make_reader(folder)
    found = explained(reader, {"text": TEXT})
    assert found.pieces == "words"
    assert list(found.fields) == [field.name for field in FIELDS]
    for name in ("area", "urgent", "mood", "price"):
        moved = only(found, name).moved
        assert [each.text for each in moved] == [word.text for word in split_words(TEXT)]
        assert all(TEXT[each.start : each.end] == each.text and each.input == "text" for each in moved)


def test_labels_move_as_far_as_asking_without_the_word_says(folder: Path) -> None:
    reader = make_reader(folder)
    whole = ask(reader, {"text": TEXT})
    found = explain(reader, {"text": TEXT}, answers=whole)
    for name in ("urgent", "mood", "topics"):
        for value in found.fields[name]:
            label = str(value.value).lower()
            assert value.unit == "log-odds"
            assert value.whole == whole[name].probabilities[label]
            for each in value.moved[:4]:
                left = ask(reader, {"text": without(TEXT, each.text)})[name].probabilities[label]
                assert each.without == pytest.approx(left, abs=1e-4)
                assert each.effect == pytest.approx(odds(value.whole) - odds(left), abs=1e-2)


def test_every_answered_label_is_explained_the_surest_first(folder: Path) -> None:
    reader = make_reader(folder)
    whole = ask(reader, {"text": TEXT})["topics"]
    values = explained(reader, {"text": TEXT}).fields["topics"]
    assert isinstance(whole.value, list)
    assert sorted(str(each.value) for each in values) == whole.value
    assert [each.whole for each in values] == sorted((each.whole for each in values), reverse=True)


def test_where_no_label_is_answered_the_nearest_is_explained(folder: Path) -> None:
    reader = make_reader(folder, heads={**HEADS, "topics": replace(HEADS["topics"], threshold=1.1)})
    whole = ask(reader, {"text": TEXT})["topics"]
    assert whole.value == []
    value = only(explained(reader, {"text": TEXT}), "topics")
    assert value.whole == max(whole.probabilities.values())


def test_the_last_step_of_calibration_is_in_probabilities_and_not_in_effects(folder: Path) -> None:
    reader = make_reader(folder)
    smooth = make_reader(folder, heads={**HEADS, "area": replace(HEADS["area"], knots=())})
    found, plain = (only(explained(each, {"text": TEXT}), "area") for each in (reader, smooth))
    assert [each.effect for each in found.moved] == pytest.approx([each.effect for each in plain.moved])
    assert max(each.without for each in found.moved) <= 0.9 < max(each.without for each in plain.moved)


def test_numbers_move_in_their_own_unit(folder: Path) -> None:
    reader = make_reader(folder)
    value = only(explained(reader, {"text": TEXT}), "price")
    assert value.unit == "value"
    for each in value.moved[:4]:
        left = ask(reader, {"text": without(TEXT, each.text)})["price"].value
        assert each.without == pytest.approx(left, abs=1e-3)
        assert each.effect == pytest.approx(value.whole - float(str(left)), abs=1e-3)


def test_spans_are_explained_one_by_one(folder: Path) -> None:
    reader = make_reader(folder)
    whole = ask(reader, {"text": TEXT})["slots"].value
    assert isinstance(whole, list)
    values = explained(reader, {"text": TEXT}).fields["slots"]
    assert [each.value for each in values] == whole
    assert len(values) > 1
    compared = 0
    for value in values:
        span = value.value
        assert isinstance(span, dict)
        assert 0 < value.whole <= 1
        alone = span["text"] in [word.text for word in split_words(TEXT)]
        named = [(each.start, each.end) for each in value.moved]
        assert len(named) == len(split_words(TEXT)) - alone
        assert ((span["start"], span["end"]) in named) is False
        for each in value.moved:
            if each.end < int(span["start"]):
                compared += _compare_span(reader, span, each.text, each.without)
    assert compared


def _compare_span(reader: Reader, span: Mapping[str, str | int], word: str, chance: float) -> bool:
    """Compares with what is answered without a word, where the span is still answered and alone of its label."""
    answer = ask(reader, {"text": without(TEXT, word)})["slots"]
    assert isinstance(answer.value, list)
    same = [each for each in answer.value if isinstance(each, dict) and each["label"] == span["label"]]
    if [each["text"] for each in same] != [span["text"]]:
        return False
    assert answer.probabilities[str(span["label"])] == pytest.approx(chance, abs=1e-4)
    return True


def test_offsets_are_those_of_what_was_sent_input_by_input(folder: Path) -> None:
    reader = make_reader(folder, inputs=("title", "body"))
    inputs = {"title": "  lost\x07 card ", "body": "cafe\u0301 parcel\r\ntoday"}
    found = explained(reader, inputs)
    for name in ("area", "price"):
        places = [(each.input, inputs[each.input][each.start : each.end]) for each in only(found, name).moved]
        words = [
            ("title", "lost\x07"),
            ("title", "card"),
            ("body", "cafe\u0301"),
            ("body", "parcel"),
            ("body", "today"),
        ]
        assert [(name, text.strip("\x07")) for name, text in places] == [
            (name, text.strip("\x07")) for name, text in words
        ]
    for value in found.fields["slots"]:
        assert value.moved


def test_what_no_label_fits_is_explained_by_the_nearest(folder: Path) -> None:
    scoped = replace(HEADS["area"], scope=Scope(1e9, 0.05, 100))
    reader = make_reader(folder, heads={**HEADS, "area": scoped})
    whole = ask(reader, {"text": TEXT})["area"]
    assert whole.in_scope is False
    assert only(explained(reader, {"text": TEXT}), "area").value == whole.value


@pytest.mark.parametrize("text", ["", " \n", "parcel", "?"])
def test_short_texts_are_explained_too(folder: Path, text: str) -> None:
    found = explained(make_reader(folder), {"text": text})
    assert {len(only(found, name).moved) for name in ("area", "price")} == {len(text.split())}


@pytest.mark.parametrize(("count", "pieces"), [(45, "passages"), (800, "windows")])
def test_long_texts_are_explained_in_larger_parts(folder: Path, count: int, pieces: str) -> None:
    text = "where is my parcel today? " * count
    reader = make_reader(folder)
    found = explained(reader, {"text": text})
    assert found.pieces == pieces
    moved = only(found, "area").moved
    assert 1 < len(moved) <= 64
    assert all(text[each.start : each.end] == each.text for each in moved)
    assert bool(found.fields["slots"][0].moved) == (pieces == "passages")


def test_a_field_with_one_label_is_moved_by_nothing(folder: Path) -> None:
    reader = make_reader(folder, heads={**HEADS, "area": Head(0, 1)})
    reader.fields = (replace(FIELDS[0], labels=(Label("account"),)), *FIELDS[1:])
    answers = {**ask(make_reader(folder), {"text": TEXT}), "area": Answer("account", 1.0, {"account": 1.0})}
    assert {each.effect for each in only(explain(reader, {"text": TEXT}, answers=answers), "area").moved} == {0.0}


def test_the_document_has_the_shape_of_the_contract(folder: Path) -> None:
    document = explained(make_reader(folder), {"text": TEXT}).to_json()
    assert list(document) == ["pieces", "fields"]
    fields = document["fields"]
    assert isinstance(fields, dict)
    for values in fields.values():
        assert isinstance(values, list)
        for value in values:
            assert isinstance(value, dict)
            assert list(value) == ["value", "unit", "whole", "tokens"]
            tokens = value["tokens"]
            assert isinstance(tokens, list)
            assert isinstance(tokens[0], dict)
            assert list(tokens[0]) == ["input", "start", "end", "text", "effect", "without"]
