"""Plays the expert of a task whose labels are known: over HTTP, as anybody who labels would.

Knows neither the registry nor the rows that nobody handed out: items come from `POST .../reviews/next`, answers go
to `POST .../reviews`, and no label leaves this program but those of the items that it was given.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.serve.contenders import CLI
from bench.serve.servers import free_port, running

__all__ = ["answer_head"]

NAME = "gold"
_MOST = 1_000
"""Items that the API hands out, and takes answers for, at once."""


def answer_head(folder: Path, name: str, gold: Mapping[str, str], *, field: str, count: int) -> int:
    """Answers what heads the review list of a task, through a server that runs as long as that takes.

    Args:
        name: The task's.
        gold: Example to the label of `field`.
        count: The most items to answer.

    Returns:
        How many were answered: fewer where the list is shorter.

    Raises:
        RuntimeError: The server gave no answer, or did not take one.
    """
    port, path, answered = free_port(), f"/v1/tasks/{name}/reviews", 0
    words = [*CLI, "serve", str(folder), "--port", str(port)]
    ask = {"expert": NAME, "limit": 1}
    with running(words, port=port, path=f"{path}/next", body=json.dumps(ask)):
        while answered < count:
            items = _post(port, f"{path}/next", {**ask, "limit": min(count - answered, _MOST)})["items"]
            if not items:
                break
            said = [
                {"assignment": each["assignment"], "answers": {field: gold[each["example"]]}} for each in items
            ]
            receipt = _post(port, f"{path}?expert={NAME}", said)
            if receipt["rejected"]:
                raise RuntimeError(f"An answer was not taken: {receipt['rejected'][0]['reason']}")
            answered += len(receipt["kept"])
    return answered


def _post(port: int, path: str, body: object) -> Any:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        asking.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        answer = asking.getresponse()
        text = answer.read()
    finally:
        asking.close()
    if answer.status != 200:
        raise RuntimeError(f"`{path}` answered {answer.status}: {text[:200]!r}")
    return json.loads(text)
