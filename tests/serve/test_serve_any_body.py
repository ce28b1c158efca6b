"""Whatever is sent, it is never our bug."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.bank import Client, WordReader, make_task, release

import freehold.feedback
from freehold.registry import Registry
from freehold.serve import Served, create_app
from freehold.serve.bodies import check, parse
from freehold.serve.faults import Fault

KEYS = """text request correct rating outcome inputs intent mood model input questions type name choices
levels instructions role content data value state criteria messages response_format json_schema schema
properties required additionalProperties anyOf enum const items $ref stream n urgent encoding_format"""
WORDS = """banking banking@1 message user input_json input_text choice score predicate intent mood urgent
function_call label lost_card up noul text json_object json_schema object string boolean array null #
#/properties base64"""

keys = st.sampled_from(KEYS.split())
words = st.sampled_from(WORDS.split())
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
bodies: st.SearchStrategy[Any] = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=6),
    max_leaves=25,
)
question = st.fixed_dictionaries(
    {"type": words | scalars, "instructions": bodies}, optional={"name": words | bodies}
)
questions = st.lists(question | bodies, max_size=3) | bodies
decisions = st.fixed_dictionaries({"model": st.just("banking"), "input": bodies, "questions": questions})
named = st.dictionaries(words | keys, question, max_size=3)
states = st.fixed_dictionaries({"model": st.just("banking"), "state": bodies, "questions": named})
wanted = st.fixed_dictionaries({"name": st.just("n"), "schema": bodies})
chats = st.fixed_dictionaries(
    {"model": st.just("banking"), "messages": st.just([{"role": "user", "content": "a"}])},
    optional={"response_format": st.fixed_dictionaries({"type": st.just("json_schema"), "json_schema": wanted})},
)
PATHS = (
    "/v1/tasks/banking",
    "/v1/decisions",
    "/v1/systemone",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/tasks/banking/feedback",
    "/v1/batches",
    "/v1/files",
)


@pytest.fixture(scope="module")
def open_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("bank")
    with Registry.open(folder / "state") as shelf:
        task = make_task(folder)
        release(shelf, task)
        app = create_app([Served(task, shelf)], inbox=freehold.feedback, open_reader=WordReader)
        with Client(app) as client:
            yield client


@settings(max_examples=60, deadline=None)
@given(body=bodies | decisions | states | chats)
@pytest.mark.parametrize("path", PATHS)
def test_no_json_body_is_ever_our_bug(open_client: Client, path: str, body: Any) -> None:
    response = open_client.post(path, body)
    assert response.status_code in (200, 400, 404)
    if response.status_code != 200:
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60))
def test_no_bytes_are_ever_our_bug(open_client: Client, content: bytes) -> None:
    for path in PATHS:
        assert open_client.post(path, content=content).status_code < 500


deep = st.integers(1, 70).map(lambda depth: json.loads("[" * depth + "]" * depth))
odd = st.text(st.sampled_from('a{[\\u\0\ud800\udc00"é'), max_size=8)
rough = st.recursive(odd | deep, lambda inner: st.lists(inner) | st.dictionaries(odd, inner), max_leaves=8)


@given(body=rough, plain=st.booleans())
def test_what_is_read_is_safe_whether_it_was_looked_through_or_not(body: Any, plain: bool) -> None:
    sent = json.dumps(body, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    try:
        value = parse(sent)
    except Fault:
        return
    check(value)
