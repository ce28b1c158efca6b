"""How a peer in a process of its own is searched, fitted and asked; the same for each.

A request and a reply are JSON files, so that a peer may live in another environment: this module imports the
standard library alone. A request has `base`, `train` and `validation` (lists of [text, label]), `ask` (texts),
`settings` (a list of objects), `seed` and, where it is to be searched on a part of the train rows, their number
`searched`.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Fit", "Predict", "answer"]

Predict: TypeAlias = Callable[[Sequence[str]], list[str]]
Fit: TypeAlias = Callable[..., Predict]
"""Takes texts and labels, and by name `base`, `setting` and `seed`; returns what answers texts."""


def answer(arguments: Sequence[str], fit: Fit) -> None:
    """Reads a request, tries its settings on its validation rows, refits the best on all rows, answers.

    Where a request has one setting, or no validation rows, the first setting is taken. Imports must be done
    before this is called: its seconds are features, fits and answers alone.

    Args:
        arguments: The paths of the request and of the reply.
    """
    source, target = map(Path, arguments)
    target.write_text(json.dumps(reply(json.loads(source.read_text()), fit)))


def reply(request: Mapping[str, Any], fit: Fit) -> dict[str, Any]:
    """Returns what `answer` writes: `tried`, `chosen`, `answers`, `rows`, `seconds` and `alone`.

    `seconds` is everything; `alone` is the last fit with its answers, as if the setting had been known.
    """
    start = time.perf_counter()
    told = {"base": request["base"], "seed": request["seed"]}
    train, held = request["train"], request["validation"]
    tried: list[dict[str, Any]] = []
    if held and len(request["settings"]) > 1:
        part = _part(train, request.get("searched"), seed=request["seed"])
        tried = [_try(setting, part, held, fit, told) for setting in request["settings"]]
    best = max(tried, key=lambda each: each["validation"])["setting"] if tried else request["settings"][0]
    again = time.perf_counter()
    rows = [*train, *held]
    answers = fit(*_columns(rows), setting=best, **told)(request["ask"]) if request["ask"] else []
    end = time.perf_counter()
    found = {"tried": tried, "chosen": best, "answers": answers, "rows": len(rows)}
    return {**found, "seconds": end - start, "alone": end - again}


def _part(rows: Sequence[Any], most: int | None, *, seed: int) -> Sequence[Any]:
    return rows if most is None or most >= len(rows) else random.Random(seed).sample(list(rows), most)


def _try(
    setting: Mapping[str, Any], train: Sequence[Any], held: Sequence[Any], fit: Fit, told: Mapping[str, Any]
) -> dict[str, Any]:
    start = time.perf_counter()
    texts, labels = _columns(held)
    answers = fit(*_columns(train), setting=setting, **told)(texts)
    right = sum(a == b for a, b in zip(answers, labels, strict=True))
    return {"setting": setting, "validation": right / len(labels), "seconds": time.perf_counter() - start}


def _columns(rows: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    return [text for text, _ in rows], [label for _, label in rows]
