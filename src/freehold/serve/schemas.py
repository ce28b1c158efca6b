"""The OpenAPI document of a server: its routes, with the real inputs and outputs of its tasks.

Owns the document. What the routes do stands in `routes` and `doors`; what they mean to a reader, in docs/http.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from freehold.serve.batches import Status
from freehold.serve.browser_schemas import browser_paths, review_page_paths
from freehold.serve.champions import Slot
from freehold.serve.chat import ChatRequest
from freehold.serve.decisions import DecisionRequest
from freehold.serve.embeddings import EmbeddingRequest
from freehold.serve.faults import Code
from freehold.serve.openapi import (
    ANY,
    FLAG,
    MAYBE,
    NAME,
    NUMBER,
    SHARE,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    object_of,
    one_or_many,
    operation,
    page,
    plain,
    ref,
)
from freehold.serve.review_schemas import review_paths, review_schemas
from freehold.serve.stored import BatchRequest
from freehold.serve.systemone import SystemOneRequest
from freehold.task import Field, input_schema, output_schema

__all__ = ["describe"]


def describe(slots: Iterable[Slot], *, version: str, token: bool) -> Schema:
    """Returns the document.

    Args:
        slots: The tasks, each with what it takes and answers now.
        version: Freehold's.
        token: Whether the server wants a key or a token.
    """
    paths: Schema = {}
    schemas = _shared_schemas()
    for slot in slots:
        _add_task(slot, paths, schemas)
    paths |= _shared_paths()
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "Freehold", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        for path in ("/livez", "/readyz"):
            paths[path]["get"]["security"] = []
    return document


def _add_task(slot: Slot, paths: Schema, schemas: Schema) -> None:
    name = slot.task.name
    loaded = slot.loaded
    reader = loaded.reader if loaded else None
    fields = reader.fields if reader else slot.task.fields
    inputs = plain(input_schema(reader.inputs if reader else slot.task.inputs))
    values = plain(output_schema(slot.fields))
    answers = {field.name: _answer(field) for field in fields}
    schemas[f"{name}.inputs"] = inputs
    prediction = object_of(
        {"task": {"const": name}, "model": TEXT, "request": TEXT, "answers": object_of(answers)}
    )
    prediction["properties"]["explanation"] = ref("Explanation")
    schemas[f"{name}.prediction"] = prediction
    schemas[f"{name}.feedback"] = _feedback(inputs, {**values, "required": [], "minProperties": 1})
    paths[f"/v1/tasks/{name}"] = {
        "post": operation(
            f"predict_{name}",
            slot.task.description or f"Answers for `{name}`.",
            body=one_or_many(ref(f"{name}.inputs")),
            answer=one_or_many(ref(f"{name}.prediction")),
        )
    }
    paths[f"/v1/tasks/{name}"]["post"]["parameters"] = [{"name": "explain", "in": "query", "schema": FLAG}]
    paths[f"/models/{name}"] = {
        "get": page(f"show_{name}", "The page of the champion."),
        "post": page(f"ask_{name}", "The page, with an answer to what its form says.", form=inputs),
    }
    data = page(f"show_data_{name}", "The data that the champion was made from.")
    data["responses"]["200"]["content"]["application/json"] = {"schema": ref("Data")}
    paths[f"/models/{name}/data"] = {"get": data}
    _add_feedback(name, paths)
    paths |= review_paths(name) | review_page_paths(name)


def _add_feedback(name: str, paths: Schema) -> None:
    paths[f"/v1/tasks/{name}/feedback"] = {
        "post": operation(
            f"give_feedback_{name}",
            "Says what was right, how good an answer was, or what came of it.",
            body=one_or_many(ref(f"{name}.feedback")),
            answer=ref("Receipt"),
        ),
        "get": operation(f"list_feedback_{name}", "Lists the feedback.", answer=ref("FeedbackList")),
    }
    paths[f"/v1/tasks/{name}/feedback/{{id}}"] = {
        "delete": operation(
            f"withdraw_feedback_{name}",
            "Takes a row or a batch back.",
            answer=ref("Withdrawn"),
            names=("id",),
        )
    }


def _answer(field: Field) -> Schema:
    value = plain(output_schema([field]))["properties"][field.name]
    shares = {"type": "object", "additionalProperties": SHARE}
    return object_of({"value": value, "confidence": SHARE, "probabilities": shares, "abstained": FLAG})


def _feedback(inputs: Schema, correct: Schema) -> Schema:
    rating = {"oneOf": [NUMBER, {"enum": ["up", "down"]}]}
    return {
        "oneOf": [
            object_of({"request": TEXT, "correct": correct}),
            object_of({"request": TEXT, "rating": rating}),
            object_of({"request": TEXT, "outcome": {}}),
            object_of({"inputs": inputs, "correct": correct}),
        ]
    }


def _shared_schemas() -> Schema:
    rejected = list_of(object_of({"index": WHOLE, "reason": TEXT}))
    row = {
        **dict.fromkeys(("id", "request", "kind", "maker", "created", "batch"), TEXT),
        "inputs": ANY,
        "value": ANY,
        "withdrawn": FLAG,
    }
    error = {"message": TEXT, "type": TEXT, "param": NAME, "code": {"enum": list(get_args(Code))}}
    return {
        **_requests(),
        "Decision": _decision(),
        "SystemOne": _systemone(),
        "ChatCompletion": _chat(),
        "Embeddings": _embeddings(),
        "Batch": _batch(),
        "File": _file(),
        "Data": _data(),
        **review_schemas(),
        "Error": object_of({"error": object_of(error)}),
        "Explanation": _explanation(),
        "Model": _model(),
        "ModelList": object_of({"object": {"const": "list"}, "data": list_of(ref("Model"))}),
        "Receipt": object_of({"accepted": list_of(TEXT), "rejected": rejected, "batch": TEXT}),
        "FeedbackList": object_of({"object": {"const": "list"}, "data": list_of(object_of(row))}),
        "Withdrawn": object_of({"id": TEXT, "object": {"const": "feedback"}, "withdrawn": WHOLE}),
    }


def _requests() -> Schema:
    """Returns what the doors of other APIs take, with the parts of it."""
    schemas: Schema = {}
    for shape in (DecisionRequest, SystemOneRequest, ChatRequest, EmbeddingRequest, BatchRequest):
        made = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**made.pop("$defs", {}), shape.__name__: made}
    return schemas


def _explanation() -> Schema:
    token = {"input": TEXT, "start": WHOLE, "end": WHOLE, "text": TEXT, "effect": NUMBER, "without": NUMBER}
    value = {
        "value": {},
        "unit": {"enum": ["log-odds", "value"]},
        "whole": NUMBER,
        "tokens": list_of(object_of(dict(token))),
    }
    passport = object_of(dict.fromkeys(("source", "locator", "licence", "maker", "time", "consent"), TEXT))
    row = {
        "similarity": NUMBER,
        "id": TEXT,
        "split": TEXT,
        "inputs": ANY,
        "outputs": ANY,
        "correction": FLAG,
        "passport": passport,
    }
    nearest = {"searched": WHOLE, "of": WHOLE, "note": NAME, "rows": list_of(object_of(row))}
    return object_of(
        {
            "pieces": {"enum": ["words", "passages", "windows"]},
            "fields": {"type": "object", "additionalProperties": list_of(object_of(value))},
            "nearest": object_of(nearest),
        }
    )


def _data() -> Schema:
    lists = dict.fromkeys(("funnel", "sources", "credits", "releases", "warnings"), list_of(ANY))
    known = {"examples": WHOLE, **dict.fromkeys(("splits", "labels", "licences", "cleaning"), ANY)}
    said = {"task": TEXT, "release": NAME, "digest": TEXT, "notes": list_of(TEXT), "drift": MAYBE}
    return object_of({**said, **lists, **known})


def _decision() -> Schema:
    share = object_of({"value": {"type": ["string", "boolean"]}, "probability": SHARE})
    level = object_of({"label": TEXT, "value": WHOLE, "probability": SHARE})
    answers: Mapping[str, Schema] = {
        "predicate": {"probability": SHARE},
        "choice": {"choice": TEXT, "confidence": SHARE, "probabilities": list_of(share)},
        "score": {"score": NUMBER, "confidence": SHARE, "probabilities": list_of(level)},
        "refusal": {},
    }
    kinds = [object_of({"type": {"const": kind}, "name": NAME, **rest}) for kind, rest in answers.items()]
    usage = {
        "input_tokens": WHOLE,
        "input_tokens_details": object_of({"cached_tokens": WHOLE, "cache_write_tokens": WHOLE}),
        "output_tokens": WHOLE,
        "output_tokens_details": object_of({"reasoning_tokens": WHOLE}),
        "total_tokens": WHOLE,
    }
    return object_of({"model": TEXT, "answers": list_of({"oneOf": kinds}), "usage": object_of(usage)})


def _systemone() -> Schema:
    shares = {"type": "object", "additionalProperties": SHARE}
    answers: Mapping[str, Schema] = {
        "noul": {"noul": SHARE},
        "choice": {"choice": TEXT, "confidence": SHARE, "probabilities": shares},
        "score": {"score": NUMBER, "confidence": SHARE, "legend": ANY, "probabilities": shares},
    }
    kinds = [object_of({"type": {"const": kind}, **rest}) for kind, rest in answers.items()]
    for kind in kinds:
        kind["properties"]["abstained"] = {"const": True}
    usage = object_of({"input_tokens": WHOLE, "output_tokens": WHOLE})
    named = {"type": "object", "additionalProperties": {"oneOf": kinds}}
    return object_of({"model": TEXT, "answers": named, "usage": usage})


def _chat() -> Schema:
    chance = {"token": TEXT, "logprob": {"type": "number", "maximum": 0}, "bytes": list_of(WHOLE)}
    token = object_of({**chance, "top_logprobs": list_of(object_of(dict(chance)))})
    tokens = {"oneOf": [list_of(token), {"type": "null"}]}
    logprobs = {"oneOf": [object_of({"content": tokens, "refusal": tokens}), {"type": "null"}]}
    message = object_of({"role": {"const": "assistant"}, "content": NAME, "refusal": NAME})
    choice = {"index": {"const": 0}, "message": message, "logprobs": logprobs, "finish_reason": {"const": "stop"}}
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), WHOLE)
    return object_of(
        {
            "id": TEXT,
            "object": {"const": "chat.completion"},
            "created": WHOLE,
            "model": TEXT,
            "choices": list_of(object_of(choice)),
            "usage": object_of(usage),
        }
    )


def _embeddings() -> Schema:
    vector = {"oneOf": [list_of(NUMBER), {"type": "string", "contentEncoding": "base64"}]}
    row = object_of({"object": {"const": "embedding"}, "index": WHOLE, "embedding": vector})
    usage = object_of({"prompt_tokens": WHOLE, "total_tokens": WHOLE})
    return object_of({"object": {"const": "list"}, "data": list_of(row), "model": TEXT, "usage": usage})


def _model() -> Schema:
    names = dict.fromkeys(("id", "owned_by", "task", "digest"), TEXT)
    known = {**names, "object": {"const": "model"}, "created": WHOLE, "version": WHOLE, "champion": FLAG}
    state = {"enum": ["champion", "released", "refused", "withdrawn"]}
    return object_of({**known, "state": state, "verdict": ANY})


def _batch() -> Schema:
    time = {"type": ["integer", "null"]}
    names = ("id", "object", "endpoint", "input_file_id", "completion_window", "output_file_id", "error_file_id")
    times = ("created", "expires", *(word for word in get_args(Status) if word != "validating"))
    shown = {**dict.fromkeys(names, NAME), **{f"{word}_at": time for word in times}}
    counts = object_of(dict.fromkeys(("total", "completed", "failed"), WHOLE))
    known = {"status": {"enum": list(get_args(Status))}, "request_counts": counts}
    return object_of({**shown, **known, "errors": MAYBE, "metadata": MAYBE})


def _file() -> Schema:
    texts = dict.fromkeys(("id", "object", "filename", "purpose", "status", "status_details"), NAME)
    return object_of({**texts, "bytes": WHOLE, "created_at": WHOLE, "expires_at": {"type": "null"}})


def _stored_paths() -> Schema:
    def pages(name: str) -> Schema:
        return object_of({"object": {"const": "list"}, "data": list_of(ref(name)), "has_more": FLAG})

    deleted = object_of({"id": TEXT, "object": {"const": "file"}, "deleted": {"const": True}})
    upload = operation("create_file", "Uploads the requests of a batch.", answer=ref("File"))
    form = {"schema": object_of({"purpose": {"const": "batch"}, "file": {"type": "string", "format": "binary"}})}
    upload["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    content = operation("read_file", "The bytes of a file.", answer=TEXT, names=("id",))
    content["responses"]["200"]["content"] = {"application/octet-stream": {"schema": TEXT}}
    one: Mapping[str, Any] = {"answer": ref("File"), "names": ("id",)}
    batch: Mapping[str, Any] = {"answer": ref("Batch"), "names": ("id",)}
    begin = operation("create_batch", "Answers a file.", body=ref("BatchRequest"), answer=ref("Batch"))
    return {
        "/v1/files": {"post": upload, "get": operation("list_files", "Your files.", answer=pages("File"))},
        "/v1/files/{id}": {
            "get": operation("get_file", "One file.", **one),
            "delete": operation("delete_file", "Deletes a file.", answer=deleted, names=("id",)),
        },
        "/v1/files/{id}/content": {"get": content},
        "/v1/batches": {"post": begin, "get": operation("list_batches", "Your batches.", answer=pages("Batch"))},
        "/v1/batches/{id}": {"get": operation("get_batch", "One batch.", **batch)},
        "/v1/batches/{id}/cancel": {"post": operation("cancel_batch", "Ends a batch.", **batch)},
    }


def _shared_paths() -> Schema:
    text = {"text/plain": {"schema": TEXT}}
    metrics = operation("metrics", "The counters, for Prometheus.", answer=TEXT)
    metrics["responses"]["200"]["content"] = text
    return {
        **_doors(),
        **_stored_paths(),
        **browser_paths(),
        "/v1/models": {"get": operation("list_models", "Every model.", answer=ref("ModelList"))},
        "/v1/models/{id}": {"get": operation("get_model", "One model.", answer=ref("Model"), names=("id",))},
        "/livez": {"get": operation("livez", "Is the process alive?", answer=ANY)},
        "/readyz": {"get": operation("readyz", "Has every task a champion?", answer=ANY)},
        "/metrics": {"get": metrics},
        "/openapi.json": {"get": operation("openapi", "This document.", answer=ANY)},
    }


def _doors() -> Schema:
    doors = (
        ("/v1/decisions", "decide", "OpenAI's Decisions API over the fields of a task.", "Decision"),
        ("/v1/systemone", "judge_state", "The System One API over the fields of a task.", "SystemOne"),
        ("/v1/chat/completions", "chat", "OpenAI's Chat Completions API: the task's JSON.", "ChatCompletion"),
        ("/v1/embeddings", "embed_texts", "OpenAI's Embeddings API: what the heads read.", "Embeddings"),
    )
    taken = ("DecisionRequest", "SystemOneRequest", "ChatRequest", "EmbeddingRequest")
    paths: Schema = {
        path: {"post": operation(name, summary, body=ref(body), answer=ref(answer))}
        for (path, name, summary, answer), body in zip(doors, taken, strict=True)
    }
    events = paths["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    events["text/event-stream"] = {"schema": TEXT}
    return paths
