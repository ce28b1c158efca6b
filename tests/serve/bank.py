"""A small bank: releases in a registry, a reader that knows three words, a client that keeps an app open."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import anyio.from_thread
import httpx
import numpy as np
from numpy.typing import NDArray
from starlette.routing import Route

from freehold.errors import IntegrityError
from freehold.registry import Recorded, Registry
from freehold.serve import Settings
from freehold.serve.front import bind
from freehold.serve.listener import Listener
from freehold.serve.rim import Rim
from freehold.task import (
    Answer,
    Artifact,
    Example,
    Examples,
    Field,
    Json,
    Judgement,
    Label,
    LabelledExamples,
    Passport,
    Prediction,
    Release,
    Task,
    Verdict,
    canonical,
    folder_digest,
    folder_files,
    write_examples,
)

INTENTS = ("lost_card", "top_up", "transfer")
FIELDS = (
    Field("intent", "choice", "The customer's intent.", tuple(Label(name) for name in INTENTS)),
    Field("urgent", "predicate"),
    Field("mood", "score", labels=(Label("1", "angry"), Label("2", "calm"), Label("3", "glad"))),
)


class WordReader:
    """Answers by words: an intent whose name's first part is in the text is the likely one."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        files = folder_files(folder)
        try:
            content = json.loads((folder / "reader.json").read_bytes())
        except ValueError:
            raise IntegrityError(f"`{folder / 'reader.json'}` is damaged.") from None
        self.digest = folder_digest(files)
        self.inputs: tuple[str, ...] = tuple(content["inputs"])
        self.fields = tuple(each for each in FIELDS if each.name in content["fields"])
        self.favourite: str = content["favourite"]
        self.task: str = content["task"]
        self.dimension = len(INTENTS)
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.batches: list[int] = []

    def answer_at_once(self, inputs: Sequence[Mapping[str, str]]) -> list[dict[str, Answer]]:
        """Is sure of what begins with "surely"."""
        texts = [" ".join(row.values()).lower() for row in inputs]
        return [
            {name: replace(each, tier="static", abstained=False) for name, each in self._answers(row).items()}
            if text.startswith("surely")
            else {}
            for row, text in zip(inputs, texts, strict=True)
        ]

    def predict(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        model: str = "",
        requests: Sequence[str] = (),
        given: Sequence[Mapping[str, Answer]] | None = None,
    ) -> list[Prediction]:
        assert not any(given or ())
        self.asked.set()
        self.gate.wait(10)
        self.batches.append(len(inputs))
        pairs = zip(inputs, requests, strict=True)
        return [Prediction(self.task, model, request, self._answers(row)) for row, request in pairs]

    def embed(self, inputs: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        """Points each text at its intent."""
        answers = [self._answers(row)["intent"].probabilities for row in inputs]
        found = np.array([list(each.values()) for each in answers], np.float32)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    def count_tokens(self, inputs: Mapping[str, str]) -> int:
        return sum(len(text.split()) for text in inputs.values()) + 2

    def _answers(self, row: Mapping[str, str]) -> dict[str, Answer]:
        text = " ".join(row.values()).lower()
        if "boom" in text:
            raise RuntimeError(f"the reader cannot read {text!r}")
        best = next((name for name in INTENTS if name.split("_")[0] in text), self.favourite)
        likely = {name: 0.8 if name == best else 0.1 for name in INTENTS}
        urgent = 0.9 if "now" in text else 0.25
        answers = {
            "intent": Answer(best, 0.8, likely),
            "urgent": Answer(urgent > 0.5, max(urgent, 1 - urgent), {"false": 1 - urgent, "true": urgent}),
            "mood": Answer(2, 0.5, {"1": 0.25, "2": 0.5, "3": 0.25}),
        }
        return {
            each.name: replace(found, abstained=found.confidence < each.abstain_below)
            for each in self.fields
            for found in [answers[each.name]]
        }


@dataclass
class Told:
    """An explanation, ready to be shown."""

    document: dict[str, Json]

    def to_json(self) -> dict[str, Json]:
        return self.document


@dataclass
class WordExplainer:
    """Explains the intent by the word that it came from; knows one training row."""

    note: str | None = None
    closed: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def explain(
        self,
        reader: Any,
        inputs: Mapping[str, str],
        *,
        prediction: Prediction,
        release: Release,
        shelf: Registry,
    ) -> Told:
        self.asked.set()
        self.gate.wait(10)
        answer = prediction.answers["intent"]
        tokens = [
            self._token(name, match, str(answer.value))
            for name, text in inputs.items()
            for match in re.finditer(r"\w+", text)
        ]
        value: Json = {"value": str(answer.value), "unit": "log-odds", "whole": 0.8, "tokens": tokens}
        nearest: Json = {"searched": 1, "of": 1, "note": None, "rows": [ROW]}
        if self.note:
            nearest = {"searched": 0, "of": 0, "note": self.note, "rows": []}
        return Told({"pieces": "words", "fields": {"intent": [value]}, "nearest": nearest})

    def _token(self, name: str, match: re.Match[str], intent: str) -> Json:
        hit = match.group().lower() == intent.split("_")[0]
        place: dict[str, Json] = {"input": name, "start": match.start(), "end": match.end(), "text": match.group()}
        return {**place, "effect": 3.5 if hit else -0.25, "without": 0.1 if hit else 0.84}

    def close(self) -> None:
        self.closed = True


ROW: Json = {
    "similarity": 0.93,
    "id": "0c5f2ce1a4f3e5f1b7d1a6f0e9c8b7a6",
    "split": "train",
    "inputs": {"text": "my card is lost"},
    "outputs": {"intent": "lost_card", "urgent": True},
    "correction": False,
    "passport": {
        "source": "train.csv",
        "locator": "train.csv:12",
        "licence": "CC0-1.0",
        "maker": "data",
        "time": "",
        "consent": "",
        "author": "",
    },
}


def make_task(folder: Path, *, name: str = "banking", inputs: Sequence[str] = ("text",)) -> Task:
    """Returns a task whose labels are to be found in its data."""
    declared = (Field("intent", "choice", "The customer's intent."), *FIELDS[1:])
    return Task(name, folder, dict.fromkeys(inputs, "string"), declared, description="What is it?")


def release(
    shelf: Registry,
    task: Task,
    *,
    favourite: str = "transfer",
    passed: bool = True,
    damaged: bool = False,
    judged: bytes = b"",
    examples: Examples | None = None,
) -> Release:
    """Admits a model that answers `favourite` where it knows no better, and promotes it if it passed.

    Args:
        examples: What it was made from: rows that were collected; a row that nobody collected where None.
    """
    with_model = {
        "task": task.name,
        "inputs": list(task.inputs),
        "fields": [each.name for each in task.fields],
        "favourite": favourite,
    }
    content = b"{" if damaged else canonical(with_model)
    return admit(shelf, task, {"reader.json": content}, passed=passed, judged=judged, examples=examples)


def admit(
    shelf: Registry,
    task: Task,
    files: Mapping[str, bytes],
    *,
    passed: bool = True,
    judged: bytes = b"",
    examples: Examples | None = None,
) -> Release:
    """Admits an artifact with these files, and promotes it if it passed; `judged` is what the gate saw of it."""
    made = shelf.state / "made"
    artifact = Artifact(*_record(shelf, made / "artifact", files))
    verdict = Verdict(passed, ("It was measured.",), {}, (), "", artifact.digest)
    seen = {"answers.jsonl": judged} if judged else {}
    content = {"verdict.json": canonical(verdict.to_json()), **seen}
    stage = "gate.judge" if judged else "test.make"
    judgement = Judgement(*_record(shelf, made / f"judgement{len(seen)}", content, stage=stage))
    if examples is None:
        labelled = _one_row(made / "labelled")
    else:
        labelled = LabelledExamples(examples.folder, digest=examples.digest)
    admitted = shelf.admit(task, artifact, judgement, labelled)
    return shelf.promote(admitted, because=verdict) if passed else admitted


def _one_row(folder: Path) -> LabelledExamples:
    folder.mkdir(parents=True, exist_ok=True)
    write_examples(folder / "examples.jsonl", [Example("e", {"text": "a"}, {}, Passport("s", "s:1"), "train")])
    return LabelledExamples(folder, digest=folder_digest(folder_files(folder)))


def _record(
    shelf: Registry, folder: Path, files: Mapping[str, bytes], *, stage: str = "test.make"
) -> tuple[Path, dict[str, Any], str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(content)
    listed = folder_files(folder)
    digest = folder_digest(listed)
    recorded = Recorded(key=digest, stage=stage, digest=digest, files=listed)
    return shelf.record(recorded, folder=folder), {}, digest


def routes(app: Rim) -> list[tuple[str, str]]:
    """Returns every method and path that the app answers, HEAD apart."""
    found = [route for route in app.router.routes if isinstance(route, Route)]
    return sorted((method, route.path) for route in found for method in (route.methods or set()) - {"HEAD"})


@contextmanager
def listening(app: Rim, **changes: Any) -> Iterator[str]:
    """Runs a server in a thread and gives its URL."""
    told: Future[str] = Future()
    server = Listener(app, settings=Settings(**changes), tell=told.set_result, leave=app.leave)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bind("127.0.0.1", 0)]})
    thread.start()
    try:
        yield told.result(10)
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


@dataclass
class Client:
    """An HTTP client of an app whose lifespan it keeps open, for tests that are not async."""

    app: Rim
    headers: Mapping[str, str] = field(default_factory=dict)
    base_url: str = "http://127.0.0.1:8420"

    def __enter__(self) -> Self:
        self._portals = anyio.from_thread.start_blocking_portal()
        self.portal = self._portals.__enter__()
        self._life = self.portal.wrap_async_context_manager(self.app.router.lifespan_context(self.app))
        self._life.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._life.__exit__(*details)
        self._portals.__exit__(*details)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url=self.base_url, headers=self.headers
            ) as client:
                return await client.request(method, path, **options)

        return self.portal.call(send)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **{"content": json.dumps(body), **options})

    def wait_for(self, path: str, until: Callable[[httpx.Response], bool]) -> httpx.Response:
        """Asks until the answer is as wanted."""
        for _ in range(500):
            response = self.get(path)
            if until(response):
                return response
            threading.Event().wait(0.02)
        raise AssertionError(response.text)
