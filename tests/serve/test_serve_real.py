"""The whole way with a real model: trained, shrunk, released, opened by ONNX Runtime, asked over HTTP."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from tests import small
from tests.serve.bank import Client, admit

import freehold.feedback
from freehold import compress, train
from freehold.engine import open_reader
from freehold.engine.vectors import Graph
from freehold.errors import IntegrityError
from freehold.line import Explainer
from freehold.registry import Registry
from freehold.serve import Served, create_app
from freehold.task import folder_files


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A task with two choice fields and a predicate, with a champion."""
    folder = tmp_path_factory.mktemp("desk")
    task = small.make_task(folder, base=str(small.make_base(folder / "base")))
    labelled = small.make_labelled(folder / "labelled", small.make_examples())
    trained = train.fit.function(small.make_desk(folder / "fit"), task, labelled)
    artifact = compress.shrink.function(small.make_desk(folder / "shrink"), task, trained, labelled)
    files = {name: (artifact.folder / name).read_bytes() for name in folder_files(artifact.folder)}
    with Registry.open(folder / "state") as shelf:
        admit(shelf, task, files)
        yield Served(task, shelf)


def test_a_real_model_answers_every_way(desk: Served) -> None:
    with Client(create_app([desk], inbox=freehold.feedback)) as client:
        text = "where is my parcel right now please"
        typed = client.post("/v1/tasks/desk", {"text": text}).json()
        assert typed["model"] == "desk@1"
        values = {name: answer["value"] for name, answer in typed["answers"].items()}
        assert values == {"area": "delivery", "tone": "calm", "urgent": True}
        choices = [{"value": name} for name in ("account", "billing", "delivery")]
        questions = [
            {"type": "choice", "name": "area", "instructions": "Which desk?", "choices": choices},
            {"type": "predicate", "name": "urgent", "instructions": "Is it urgent?"},
        ]
        asked = {"model": "desk", "input": text, "questions": questions}
        decision = client.post("/v1/decisions", asked).json()
        area, urgent = decision["answers"]
        assert area["choice"] == "delivery"
        assert area["confidence"] == pytest.approx(typed["answers"]["area"]["confidence"])
        assert urgent["probability"] == pytest.approx(typed["answers"]["urgent"]["probabilities"]["true"])
        assert decision["usage"]["input_tokens"] > 5
        said = {"request": typed["request"], "correct": {"area": "bilin"}}
        error = client.post("/v1/tasks/desk/feedback", said).json()["error"]
        assert "did you mean `billing`?" in error["message"]
        for odd in ("", " ", "\x01\ufffe\U0001f600", "word " * 5000):
            assert client.post("/v1/tasks/desk", {"text": odd}).status_code == 200


def test_a_real_model_answers_in_the_shapes_of_others(desk: Served) -> None:
    with Client(create_app([desk], inbox=freehold.feedback)) as client:
        text = "where is my parcel right now please"
        typed = client.post("/v1/tasks/desk", {"text": text}).json()["answers"]
        criteria = dict.fromkeys(("account", "billing", "delivery"))
        questions = {"area": {"type": "choice", "criteria": criteria}, "urgent": {"type": "noul"}}
        said = client.post("/v1/systemone", {"model": "desk", "state": text, "questions": questions}).json()
        assert said["answers"]["area"]["probabilities"] == pytest.approx(typed["area"]["probabilities"])
        assert said["answers"]["urgent"]["noul"] == pytest.approx(typed["urgent"]["probabilities"]["true"])
        user = {"role": "user", "content": text}
        chat = client.post("/v1/chat/completions", {"model": "desk", "messages": [user], "logprobs": True}).json()
        (choice,) = chat["choices"]
        values = {name: answer["value"] for name, answer in typed.items()}
        assert json.loads(choice["message"]["content"]) == values
        chances = {each["token"]: math.exp(each["logprob"]) for each in choice["logprobs"]["content"]}
        assert chances['"delivery"'] == pytest.approx(typed["area"]["confidence"])


def test_a_real_model_gives_the_vectors_that_its_heads_read(desk: Served) -> None:
    texts = ["where is my parcel", "word " * 5000, "word " * 5000 + "parcel"]
    with Client(create_app([desk], inbox=freehold.feedback)) as client:
        made = client.post("/v1/embeddings", {"model": "desk", "input": texts}).json()
    assert made["usage"]["prompt_tokens"] > 10_000
    found = np.array([each["embedding"] for each in made["data"]], np.float32)
    champion = desk.shelf.champion("desk")
    assert champion is not None
    reader = open_reader(champion.artifact.folder)
    assert found.shape == (3, reader.dimension)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-4)
    read = reader.encoder.read(texts).vectors
    assert found == pytest.approx(read, abs=1e-5)
    assert np.abs(found[1] - found[2]).max() > 0, "the end of a long text counts"


def test_nothing_is_cut_on_any_route_so_the_end_of_a_long_text_changes_the_answer(desk: Served) -> None:
    """The model's window has 64 tokens; the texts have 300 and more, and differ in their last words alone."""
    start = "my account says hello " * 75
    texts = [f"{start}{end}" for end in ("my account says hello", "where is the parcel of my delivery now")]
    question = {"type": "predicate", "name": "urgent", "instructions": "?"}
    noul = {"urgent": {"type": "noul"}}

    def bodies(text: str) -> dict[str, dict[str, Any]]:
        said = {"messages": [{"role": "user", "content": text}], "logprobs": True}
        return {
            "/v1/tasks/desk": {"text": text},
            "/v1/decisions": {"model": "desk", "input": text, "questions": [question]},
            "/v1/systemone": {"model": "desk", "state": text, "questions": noul},
            "/v1/chat/completions": {"model": "desk", **said},
            "/v1/embeddings": {"model": "desk", "input": text, "truncate": True},
        }

    with Client(create_app([desk], inbox=freehold.feedback)) as client:
        for route in bodies(""):
            sent = [bodies(text)[route] for text in (start[:20], texts[0], texts[0], texts[1])]
            short, one, again, other = (client.post(route, body).json() for body in sent)
            assert _said(one) == _said(again)
            assert _said(one) != _said(other), f"{route} reads to the end"
            if "usage" in one:
                assert _tokens(one) > 300 > 64 > _tokens(short)
        said = client.post("/v1/tasks/desk", {"text": "x" * (1 << 20)})
        assert said.status_code == 413, "what is too large is refused, not cut"


def _said(reply: dict[str, Any]) -> str:
    """Returns an answer without what is new in each."""
    return json.dumps({name: reply[name] for name in reply if name in ("answers", "choices", "data")})


def _tokens(reply: dict[str, Any]) -> int:
    return int(reply["usage"].get("prompt_tokens") or reply["usage"]["input_tokens"])


def test_a_real_model_explains_itself(desk: Served) -> None:
    explainer = Explainer(patience=10)
    with Client(create_app([desk], inbox=freehold.feedback, explainer=explainer)) as client:
        text = "where is my parcel right now please"
        told = client.post("/v1/tasks/desk?explain=true", {"text": text}).json()["explanation"]
        assert set(told["fields"]) == {"area", "tone", "urgent"}
        [area] = told["fields"]["area"]
        assert [token["text"] for token in area["tokens"]] == text.split()
        assert max(area["tokens"], key=lambda token: token["effect"])["text"] == "parcel"
        assert told["nearest"] == {
            "searched": 0,
            "of": 0,
            "note": "The training rows of `desk@1` are not recorded here any more.",
            "rows": [],
        }
        page = client.ask("POST", "/models/desk", content=urlencode({"text": text})).text
        assert '<mark class="up5"' in page
        assert "not recorded here any more" in page


def test_it_is_ready_after_a_pass_of_the_encoder(desk: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    run = Graph.__call__

    def counted(self: Graph, *args: Any) -> Any:
        passes.append(len(args[0]))
        return run(self, *args)

    monkeypatch.setattr(Graph, "__call__", counted)
    app = create_app([desk], inbox=freehold.feedback)
    assert passes == [1]
    with Client(app) as client:
        assert client.get("/readyz").status_code == 200


def test_tampered_weights_are_not_served(desk: Served) -> None:
    release = desk.shelf.champion("desk")
    assert release is not None
    graph = release.artifact.folder / "model.onnx"
    graph.chmod(0o644)
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(IntegrityError, match=r"The champion of `desk` is damaged: .*model\.onnx"):
        create_app([desk], inbox=freehold.feedback)
