"""Whatever is sent, it is never our bug."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.bank import Client, WordReader, make_task, release

import freehold.feedback
from freehold.registry import Registry
from freehold.serve import Served, create_app

KEYS = """text request correct rating outcome inputs intent mood model input questions type name choices
levels instructions role content data value"""
WORDS = """banking banking@1 message user input_json input_text choice score predicate intent mood urgent
function_call label lost_card up"""

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
@given(body=bodies | decisions)
@pytest.mark.parametrize("path", ["/v1/tasks/banking", "/v1/decisions", "/v1/tasks/banking/feedback"])
def test_no_json_body_is_ever_our_bug(open_client: Client, path: str, body: Any) -> None:
    response = open_client.post(path, body)
    assert response.status_code in (200, 400, 404)
    if response.status_code != 200:
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60))
def test_no_bytes_are_ever_our_bug(open_client: Client, content: bytes) -> None:
    for path in ("/v1/tasks/banking", "/v1/decisions", "/v1/tasks/banking/feedback"):
        assert open_client.post(path, content=content).status_code < 500
