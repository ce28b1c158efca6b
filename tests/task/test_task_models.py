from __future__ import annotations

import subprocess
import sys
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic import Field as About

from freehold.errors import UserError
from freehold.task import FieldKind, Label, task_from_models


class Mail(BaseModel):
    text: str


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Stars(IntEnum):
    GOOD = 2
    BAD = 1


class Span(BaseModel):
    label: Literal["date", "place"]
    start: int
    end: int
    text: str


class FreeSpan(BaseModel):
    label: str
    start: int
    end: int
    text: str


class Everything(BaseModel):
    team: Literal["sales", "support"] = About(description="Who answers.")
    colour: Colour
    mixed: Literal["red"] | Literal["green"]
    urgent: bool
    topics: list[Literal["card", "loan"]]
    colours: set[Colour]
    mood: Annotated[int, About(ge=1, le=3)]
    above: Annotated[int, About(gt=1, lt=4)]
    stars: Stars
    step: Literal[10, 5]
    amount: float
    slots: list[Span]
    free: list[FreeSpan]
    reply: str


def names(*labels: str) -> tuple[Label, ...]:
    return tuple(Label(label) for label in labels)


EXPECTED: list[tuple[str, FieldKind, tuple[Label, ...] | None]] = [
    ("team", "choice", names("sales", "support")),
    ("colour", "choice", names("red", "blue")),
    ("mixed", "choice", names("red", "green")),
    ("urgent", "predicate", None),
    ("topics", "choices", names("card", "loan")),
    ("colours", "choices", names("red", "blue")),
    ("mood", "score", names("1", "2", "3")),
    ("above", "score", names("2", "3")),
    ("stars", "score", names("1", "2")),
    ("step", "score", names("5", "10")),
    ("amount", "number", None),
    ("slots", "spans", names("date", "place")),
    ("free", "spans", None),
    ("reply", "text", None),
]


def test_types_become_kinds(tmp_path: Path) -> None:
    task = task_from_models("mail", Mail, Everything, folder=tmp_path, seed=3)
    assert [(field.name, field.kind, field.labels) for field in task.fields] == EXPECTED
    assert task.field("team").description == "Who answers."
    assert (task.inputs, task.folder, task.seed) == ({"text": "string"}, tmp_path.resolve(), 3)


class Wrong(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    text: str
    endless: int
    backwards: Annotated[int, About(ge=3, le=1)]
    maybe: bool | None
    one: Literal["a"]
    words: list[str]
    kinds: Literal["a", 1]
    raw: object


class Number(BaseModel):
    text: int


def test_says_all_that_no_task_can_have() -> None:
    with pytest.raises(UserError) as caught:
        task_from_models("Mail", Number, Wrong, base="minlm")
    for part in ("'Mail'", "did you mean `minilm`", "input `text` is `int`", "output `text` has the name"):
        assert part in caught.value.message
    for name in ("endless", "backwards", "maybe", "one", "words", "kinds", "raw"):
        assert f"output `{name}` is" in caught.value.message
    assert "Literal" in caught.value.hint


def test_needs_inputs_and_outputs() -> None:
    class Nothing(BaseModel):
        pass

    with pytest.raises(UserError, match="at least one input and one output"):
        task_from_models("mail", Nothing, Nothing)


def test_importing_the_words_does_not_load_pydantic() -> None:
    code = "import sys, freehold.task; print('pydantic' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False"]
