"""A line of three small real stages: words are split, counted and ranked. Every stage leaves files.

`ranked` writes down in `<state>/computed` each stage that it computes, and `checkpoints` shows whether a killed
stage found its scratch again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from freehold.line import LocalRunner, Tell
from freehold.registry import Registry
from freehold.task import Desk, Event, Field, Json, Result, Task, stage

STAGES = ("toy.split", "toy.count", "toy.rank")


class Words(Result):
    """`words.txt`, and one file a letter below `letters/`."""


class Counts(Result):
    """`counts.json`."""


class Ranking(Result):
    """`ranking.json`."""


def fingerprint(task: Task, shelf: Registry) -> Mapping[str, Json]:
    return {"text": (task.folder / "text.txt").read_text()}


@stage("toy.split", version=1, result=Words, reads=("seed",), state=fingerprint)
def split(desk: Desk, task: Task, shelf: Registry) -> Words:
    words = (task.folder / "text.txt").read_text().split()
    (desk.folder / "words.txt").write_text("\n".join(words))
    (desk.folder / "letters").mkdir()
    for letter in sorted({word[0] for word in words}):
        (desk.folder / "letters" / letter).write_text(letter)
    desk.tell(Event("toy.split", "note", note=f"{len(words)} words"))
    return Words(desk.folder, facts={"words": len(words)})


@stage("toy.count", version=1, result=Counts)
def count(desk: Desk, task: Task, words: Words) -> Counts:
    """Keeps a checkpoint for each word, and starts from those that it finds."""
    done = desk.scratch / "done.txt"
    counted = done.read_text().splitlines() if done.exists() else []
    all_words = (words.folder / "words.txt").read_text().splitlines()
    for place, word in enumerate(all_words[len(counted) :], start=len(counted)):
        counted.append(word)
        draft = desk.scratch / "done.new"
        draft.write_text("\n".join(counted))
        draft.replace(done)
        desk.tell(Event("toy.count", "progress", place + 1, len(all_words)))
    (desk.folder / "counts.json").write_text(json.dumps(Counter(counted), sort_keys=True))
    return Counts(desk.folder)


@stage("toy.rank", version=1, result=Ranking)
def rank(desk: Desk, task: Task, counts: Counts, *, top: int) -> Ranking:
    found = json.loads((counts.folder / "counts.json").read_text())
    best = sorted(found, key=lambda word: (-found[word], word))[:top]
    (desk.folder / "ranking.json").write_text(json.dumps(best))
    return Ranking(desk.folder)


def make_task(folder: Path, text: str = "to be or not to be") -> Task:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.txt").write_text(text)
    return Task("toy", folder, {"text": "string"}, (Field("kind", "predicate"),))


def make_runner(shelf: Registry, tell: Tell = lambda event: None) -> LocalRunner:
    return LocalRunner(shelf, room=shelf.state / "work" / "toy", cache=shelf.state / "cache", threads=1, tell=tell)


def turn(task: Task, *, shelf: Registry, run: LocalRunner, top: int = 2) -> Ranking:
    words = run(split, task, shelf)
    counts = run(count, task, words)
    return run(rank, task, counts, top=top)


def turn_once(task: Task, state: Path, tell: Tell = lambda event: None) -> tuple[str, dict[str, bool]]:
    """Opens the state as a run does; returns the last digest, and which stages were recalled."""
    with Registry.open(state) as shelf, shelf.lock():
        shelf.sweep()
        run = make_runner(shelf, tell)
        ranking = turn(task, shelf=shelf, run=run)
        run.clear()
        return ranking.digest, {stage.name: stage.cached for stage in run.stages}
