"""A task with a field of every kind and names of every kind, a reader that knows its answers, and its server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.serve.bank import admit, listening

import freehold.feedback
from freehold.app.clients import Subject
from freehold.registry import Registry
from freehold.serve import Served, Settings, create_app
from freehold.task import Answer, Field, Label, Prediction, Task, folder_digest, folder_files

ODD = 'it\'s "so" \\N{DASH} ${x} `*/'
LINES = "two\nlines\r\u2028\u202e\x00\U000e0001é😀 # type: ignore"
FIELDS = (
    Field("class", "choice", '"""\n*/ import os', (Label(ODD), Label(LINES, "\n@ts-ignore */"), Label("plain"))),
    Field("a-b", "choices", labels=(Label("card"), Label("parcel"))),
    Field("a_b", "predicate", "type: ignore"),
    Field("mood", "score", labels=(Label("-1", "bad"), Label("0"), Label("1", "good"))),
    Field("price", "number"),
    Field("1st", "spans", labels=(Label("when"), Label(ODD))),
    Field("note", "text"),
    Field('it\'s "n"\n', "choice", labels=(Label("True"), Label("None"))),
)
INPUTS = ("text", 'für "x"\'\\')
SUBJECT = Subject("odd-desk", 'x """ */\n# coding: rot13', INPUTS, FIELDS, "odd-desk@1", "c0ffee")

SPAN: dict[str, str | int] = {"label": ODD, "start": 2, "end": 5, "text": "now"}
ANSWERS: Mapping[str, Answer] = {
    "class": Answer(LINES, 0.5, {ODD: 0.25, LINES: 0.5, "plain": 0.25}, in_scope=True, tier="static"),
    "a-b": Answer(["card"], 0.75, {"card": 0.75, "parcel": 0.25}),
    "a_b": Answer(True, 0.75, {"false": 0.25, "true": 0.75}),
    "mood": Answer(-1, 0.5, {"-1": 0.5, "0": 0.25, "1": 0.25}),
    "price": Answer(2.5, 0.9, {}, interval=(1.5, 3.5)),
    "1st": Answer([SPAN], 0.5, {ODD: 0.5}),
    "note": Answer("so\nit is", 0.5, {}, abstained=True),
    'it\'s "n"\n': Answer("None", 0.5, {"True": 0.5, "None": 0.5}),
}
TEXT = "😀 now"

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
DESKS = tuple(Label(name) for name in ("billing", "returns", "sales", "support"))
MAIL = Subject("mail", "", ("text",), (Field("desk", "choice", labels=DESKS), Field("urgent", "predicate")))
"""The task of the documentation."""


def page_example(language: str) -> str:
    """Returns the example of a language in the documentation."""
    return PAGE.partition(f"```{language}\n")[2].partition("```")[0]


class OddReader:
    """Always says the same."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self.digest = folder_digest(folder_files(folder))
        self.inputs, self.fields, self.dimension = INPUTS, FIELDS, 1

    def answer_at_once(self, inputs: Sequence[Mapping[str, str]]) -> list[dict[str, Answer]]:
        return [{} for _ in inputs]

    def predict(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        model: str = "",
        requests: Sequence[str] = (),
        given: Sequence[Mapping[str, Answer]] | None = None,
    ) -> list[Prediction]:
        if any("boom" in row["text"] for row in inputs):
            raise RuntimeError("boom")
        return [Prediction(SUBJECT.task, model, request, ANSWERS) for request in requests]

    def embed(self, inputs: Sequence[Mapping[str, str]]) -> Any:
        raise NotImplementedError

    def count_tokens(self, inputs: Mapping[str, str]) -> int:
        return 1


@contextmanager
def serving(folder: Path, *, token: str = "") -> Iterator[str]:
    """Serves the task, and gives the server's URL."""
    task = Task(SUBJECT.task, folder, dict.fromkeys(INPUTS, "string"), FIELDS)
    with Registry.open(folder / "state") as shelf:
        admit(shelf, task, {"reader.json": b"{}"})
        settings = replace(Settings(), token=token)
        app = create_app([Served(task, shelf)], inbox=freehold.feedback, settings=settings, open_reader=OddReader)
        with listening(app) as url:
            yield url
