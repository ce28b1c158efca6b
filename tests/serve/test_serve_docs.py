"""docs/http.md is complete, and its examples are what the server answers."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.serve.bank import Client, routes

from freehold.serve.faults import Code

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
PAIRS = re.findall(r"```http\n(.*?)```\n\n```json\n(.*?)```", PAGE, re.DOTALL)
CHANGING = {"accepted", "batch", "created", "digest", "artifact"}


def test_every_route_has_its_section(client: Client) -> None:
    described = set(re.findall(r"^## (GET|POST|PUT|DELETE) (\S+)$", PAGE, re.MULTILINE))
    assert described == set(routes(client.app))


def test_every_code_header_and_metric_is_described(client: Client) -> None:
    table = re.findall(r"^\| \d{3} \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(table) == sorted(get_args(Code))
    sent = {name for path in ("/livez", "/v1/decisions") for name in client.get(path).headers}
    for name in sent - {"content-length", "content-type"}:
        assert f"| `{name}` |" in PAGE
    for name in re.findall(r"^# TYPE (\w+) ", client.get("/metrics").text, re.MULTILINE):
        assert f"| `{name}` |" in PAGE or name.endswith("_created")


def test_the_examples_are_what_the_server_answers(client: Client) -> None:
    assert len(PAIRS) == PAGE.count("```http")
    known: dict[str, str] = {}
    for request, shown in PAIRS:
        head, _, body = request.partition("\n\n")
        (method, path), *headers = (line.split(" ", 1) for line in head.strip().splitlines())
        for written, real in known.items():
            path = path.replace(written, real)
        named = {name.rstrip(":"): value for name, value in headers}
        found = client.ask(method, path, headers=named, content=body).json()
        expected = json.loads(shown)
        if "batch" in found:
            known[expected["batch"]] = found["batch"]
        _compare(expected, found, known=known, at=f"{method} {path}")


def _compare(expected: Any, found: Any, *, known: dict[str, str], at: str) -> None:
    if isinstance(expected, dict):
        assert list(expected) == list(found), at
        for name, value in expected.items():
            if name in CHANGING or (name == "id" and "request" in expected):
                assert type(value) is type(found[name]), at
            else:
                _compare(value, found[name], known=known, at=f"{at} {name}")
    elif isinstance(expected, list):
        assert len(expected) == len(found), at
        for number, (value, other) in enumerate(zip(expected, found, strict=True)):
            _compare(value, other, known=known, at=f"{at} {number}")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6), at
    else:
        assert known.get(expected, expected) == found, at


EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), EXAMPLES)
def test_the_python_examples_print_what_the_page_says(url: str, code: str, printed: str) -> None:
    assert len(EXAMPLES) == PAGE.count("```python")
    names: dict[str, Any] = {"__name__": "example"}
    with redirect_stdout(StringIO()) as out:
        exec(compile(code.replace("http://127.0.0.1:8420", url), "example", "exec", dont_inherit=True), names)
    names["client"].close()
    assert out.getvalue() == printed


@pytest.mark.parametrize("word", ["FREEHOLD_TOKEN", "127.0.0.1:8420", "0.0.0.0", "--port", "--host"])
def test_the_page_names_what_the_operator_sets(word: str) -> None:
    assert word in PAGE


def test_limits_are_those_of_the_settings() -> None:
    from freehold.serve import Settings
    from freehold.serve.bodies import DEPTH_LIMIT

    limits = Settings()
    assert f"| a body that is an object | {limits.body_limit >> 20} MiB |" in PAGE
    assert f"| {limits.batch_limit >> 20} MiB, {limits.rows_limit:,} rows |" in PAGE
    assert f"| {DEPTH_LIMIT} levels |" in PAGE
    assert f"| {limits.queue_limit} |" in PAGE
    assert f"| an uploaded file | {limits.file_limit >> 20} MiB |" in PAGE
    assert f"| all files of one key, when one is uploaded | {limits.files_limit >> 30} GiB |" in PAGE
    assert f"| requests of one batch | {limits.lines_limit:,} |" in PAGE
    assert f"| batches of one key that have not ended | {limits.batches_limit} |" in PAGE
