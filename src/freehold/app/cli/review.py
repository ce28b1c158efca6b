"""`freehold review`: the rows that wait for a person, those worth most first, and why they wait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line
from freehold.app.cli.review_desk import open_desk
from freehold.task import normalise

if TYPE_CHECKING:
    from freehold.registry import Review

__all__ = ["review"]

_EVERY = 1_000_000
_LONGEST = 160


def review(
    folder: Folder = Path(),
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows to list.")] = 20,
    open_page: Annotated[
        bool, typer.Option("--open", help="Serve the review page to this machine and open it in a browser.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="With `--open`: its port; 0 takes any free one.")] = 8421,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """List the rows that wait for a person, those worth most first, or judge them on a page."""
    if open_page:
        open_desk(folder, state=state, port=port, as_json=as_json)
        return Code.DONE
    with opened(folder, state=state) as here:
        waiting = here.shelf.reviews(here.task.name, limit=_EVERY)
        name, is_turned = here.task.name, bool(here.shelf.splits(here.task.name))
    if as_json:
        listed = [_describe(row) for row in waiting[:limit]]
        print_document({"task": name, "waiting": len(waiting), "reviews": listed})
        return Code.DONE
    print_line(f"{name}: {len(waiting):,} wait for review")
    if not waiting:
        if not is_turned:
            print_line(f"Nothing was read yet. Next: {command_line('run', folder, state=state)}")
        return Code.DONE
    for row in waiting[:limit]:
        print_line(f"\n{_shorten(row)}\n  `{row.field}`: {row.reason or _suggested(row)}")
    inputs = {name: normalise(text) for name, text in waiting[0].inputs.items()}
    answer = {"inputs": inputs, "correct": {waiting[0].field: _confirmed(waiting[0])}}
    print_line("\nA row of answers, which gives a label, corrects it or confirms it:")
    print_line(json.dumps(answer, ensure_ascii=False))
    print_line(f"Next: {command_line('feedback', folder, state=state, more='--data answers.jsonl')}")
    print_line(f"Or on a page: {command_line('review', folder, state=state, more='--open')}")
    return Code.DONE


def _describe(row: Review) -> dict[str, object]:
    return {
        "example": row.example,
        "field": row.field,
        "inputs": dict(row.inputs),
        "given": row.given,
        "suggestion": row.suggestion,
        "confidence": row.confidence,
        "reason": row.reason,
        "origin": row.origin,
    }


def _shorten(row: Review) -> str:
    # What was asked over HTTP may hold what a terminal would obey.
    texts = " / ".join(" ".join(normalise(text).split()) for text in row.inputs.values())
    return texts if len(texts) <= _LONGEST else f"{texts[: _LONGEST - 3]}..."


def _suggested(row: Review) -> str:
    if row.suggestion is None:
        return "no label"
    value = row.suggestion if isinstance(row.suggestion, str) else json.dumps(row.suggestion, ensure_ascii=False)
    return f"no label; perhaps `{value}` ({row.confidence:.2f})"


def _confirmed(row: Review) -> object:
    return row.suggestion if row.given is None else row.given
