"""Nobody is asked twice: answers are recalled whole, by artifact and row, or asked for again."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from freehold.gate.judgement import judge_with
from freehold.gate.recalled import Answered, forget, keep, recall
from freehold.task import (
    Answer,
    Artifact,
    Desk,
    Example,
    Field,
    Judgement,
    Label,
    LabelledExamples,
    Passport,
    Prediction,
    Release,
    Task,
    Value,
    Verdict,
    example_id,
    write_examples,
)

FIELDS = (
    Field("topic", "choice", "The topic.", (Label("card", "A card."), Label("loan"))),
    Field("urgent", "predicate"),
    Field("slots", "spans", labels=(Label("date"),)),
    Field("amount", "number"),
)
TASK = Task("banking", Path("banking"), {"text": "string"}, FIELDS)


def answers(seed: int) -> dict[str, Answer]:
    draw = random.Random(seed)
    card, true = draw.random(), draw.random() ** 9
    span: dict[str, str | int] = {"label": "date", "start": 0, "end": 3, "text": "é \n"}
    spans: Value = [span] if seed % 2 else []
    return {
        "topic": Answer("card", card, {"card": card, "loan": 1 - card}, seed % 3 == 0),
        "urgent": Answer(True, true, {"false": 1 - true, "true": true}),
        "slots": Answer(spans, draw.random(), {"date": draw.random()} if spans else {}),
        "amount": Answer(draw.random() * 1e9 if seed else 2.0, 1.0, {}, interval=(-draw.random(), 3.0)),
    }


def answered(rows: int) -> Answered:
    given = {f"row{n}": Prediction("banking", "digest", f"row{n}", answers(n)) for n in range(rows)}
    return Answered(("text",), FIELDS, given)


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_predictions_come_back_to_the_last_bit(rows: int, tmp_path: Path) -> None:
    keep(tmp_path / "deep" / "er", "a1", answered(rows))
    found = recall(tmp_path / "deep" / "er", "a1")
    assert found is None if rows == 0 else found == answered(rows)


def test_only_the_same_artifact_is_recalled(tmp_path: Path) -> None:
    keep(tmp_path, "a1", answered(3))
    assert recall(tmp_path, "a2") is None
    assert recall(tmp_path, "") is None
    assert recall(tmp_path / "nowhere", "a1") is None


def test_an_artifact_without_a_digest_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path, "", answered(3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:50] + b"!" + data[51:], lambda _: b""]
)
def test_damaged_answers_are_thrown_away(damage: object, tmp_path: Path) -> None:
    keep(tmp_path, "a1", answered(3))
    path = next(tmp_path.iterdir())
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert recall(tmp_path, "a1") is None
    assert not path.exists()


def test_new_answers_take_the_place_of_old_ones(tmp_path: Path) -> None:
    for rows in (3, 5):
        keep(tmp_path, "a1", answered(rows))
    keep(tmp_path, "a2", answered(3))
    keep(tmp_path, "a3", answered(3))
    forget(tmp_path, but=["a1", "a2"])
    assert len(list(tmp_path.iterdir())) == 2
    assert recall(tmp_path, "a1") == answered(5)
    assert recall(tmp_path, "a3") is None


def test_rows_with_labels_of_their_own_come_back_too(tmp_path: Path) -> None:
    odd = answered(2)
    row = Prediction("banking", "digest", "x", {**answers(0), "topic": Answer("new", 1.0, {"new": 1.0})})
    odd = odd._replace(predictions={**odd.predictions, "x": row})
    keep(tmp_path, "a1", odd)
    assert recall(tmp_path, "a1") == odd


@dataclass
class Counting:
    """A reader that answers by the length of a text and counts the rows it is asked."""

    inputs: tuple[str, ...] = ("text",)
    fields: tuple[Field, ...] = FIELDS
    asked: list[str] = field(default_factory=list)

    def predict(self, inputs: Sequence[Mapping[str, str]], /, *, requests: Sequence[str]) -> list[Prediction]:
        self.asked += requests
        return [
            Prediction("banking", "digest", request, answers(len(row["text"])))
            for request, row in zip(requests, inputs, strict=True)
        ]


def example(number: int) -> Example:
    inputs = {"text": "x" * number}
    outputs: dict[str, Value] = {"topic": "card", "urgent": number % 2 == 0, "slots": [], "amount": float(number)}
    return Example(example_id(inputs), inputs, outputs, Passport("a.csv", "a.csv:1"), "test")


def judge(folder: Path, readers: Mapping[str, Counting], *, rows: int, name: str, champion: str = "") -> Judgement:
    out, labelled = folder / name, folder / f"rows{rows}"
    out.mkdir()
    labelled.mkdir(exist_ok=True)
    write_examples(labelled / "examples.jsonl", [example(number) for number in range(1, rows + 1)])
    against = None
    if champion:
        old = Artifact(folder / champion, {}, champion)
        against = Release("banking", 1, old, Verdict(True, (), {}, (), "", ""), "2026", "champion")
    return judge_with(
        lambda at: readers[at.name],
        Desk(out, folder, folder / "cache", 1, lambda _event: None),
        task=TASK,
        artifact=Artifact(folder / name, {}, name),
        labelled=LabelledExamples(labelled),
        against=against,
    )


def test_the_champion_is_not_asked_again(tmp_path: Path) -> None:
    readers = {"one": Counting(), "two": Counting()}
    judge(tmp_path, readers, rows=300, name="one")
    second = judge(tmp_path, readers, rows=300, name="two", champion="one")
    assert (len(readers["one"].asked), len(readers["two"].asked)) == (300, 300)
    assert second.facts["asked"] == 300
    assert second.verdict().against == "banking@1"


def test_only_new_rows_are_asked(tmp_path: Path) -> None:
    readers = {"one": Counting(), "two": Counting()}
    judge(tmp_path, readers, rows=5, name="one")
    judge(tmp_path, readers, rows=8, name="two", champion="one")
    assert len(readers["one"].asked) == 8
    assert len(set(readers["one"].asked)) == 8


def test_recalled_answers_give_the_same_judgement(tmp_path: Path) -> None:
    files = {}
    for place in ("warm", "cold"):
        folder = tmp_path / place
        folder.mkdir()
        readers = {"one": Counting(), "two": Counting()}
        if place == "warm":
            judge(folder, readers, rows=40, name="one")
        made = judge(folder, readers, rows=40, name="two", champion="one")
        files[place] = {path.name: path.read_bytes() for path in made.folder.iterdir()}
        assert len(readers["one"].asked) == 40
    assert files["warm"] == files["cold"]
    assert set(files["warm"]) == {"verdict.json", "answers.jsonl", "calibration.json"}
    assert json.loads(files["warm"]["answers.jsonl"].splitlines()[0])["champion"] is not None


def test_answers_of_models_that_are_not_judged_are_forgotten(tmp_path: Path) -> None:
    readers = {name: Counting() for name in ("one", "two", "three")}
    judge(tmp_path, readers, rows=5, name="one")
    judge(tmp_path, readers, rows=5, name="two", champion="one")
    judge(tmp_path, readers, rows=5, name="three", champion="one")
    kept = {path.name.partition("-")[0] for path in (tmp_path / "cache" / "answers" / "banking").iterdir()}
    assert kept == {"one", "three"}


# what the encoder made of a text


class Gone:
    """An encoder that must not be asked."""

    @property
    def run(self) -> object:
        raise AssertionError("the encoder was asked again")


def test_vectors_of_test_rows_are_made_once(turned: Path, tmp_path: Path) -> None:
    from freehold.engine import open_reader
    from freehold.gate.rereading import Rereading, open_model
    from freehold.line import champion, open_state

    with open_state(turned) as shelf:
        folder = champion("desk", shelf=shelf, folder=turned).artifact.folder
    desk = Desk(tmp_path, tmp_path, tmp_path / "cache", 1, lambda _event: None)
    rows = [{"text": text} for text in ("where is my parcel", "I lost the card today", "where is my parcel")]
    ids = ["a", "b", "c"]
    first = open_model(folder, desk).predict(rows, requests=ids)
    reader = open_reader(folder, threads=1)
    plain = reader.predict(rows, requests=ids)
    reader.encoder = Gone()  # type: ignore[assignment]
    assert Rereading(reader, folder, desk.cache).predict(rows, requests=ids) == first
    for kept, asked in zip(first, plain, strict=True):
        assert (kept.request, kept.model) == (asked.request, asked.model)
        for name, answer in kept.answers.items():
            assert answer.value == asked.answers[name].value
            assert answer.confidence == pytest.approx(asked.answers[name].confidence, abs=0.02)
