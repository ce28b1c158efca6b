"""A task without a single label, and a program that plays the expert: accuracy after so many answers.

Banking77's training texts are the pool, its labels' names all that is known of them. The expert is handed the head
of the review list by `freehold serve` and answers from the gold labels, then the line turns. The test rows are in
no task folder, and are asked when a turn is over. A turn goes as far as the trained model here: its small form
decides as it does.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.harness import OUT, Cell, Table
from bench.intervals import Interval
from bench.labels.expert import answer_head
from bench.learn.figures import mean_of_runs
from bench.picture import Point as Mark
from bench.picture import draw
from freehold.data import collect
from freehold.engine import (
    NGRAMS,
    encode_texts,
    field_labels,
    find_base,
    load_encoder,
    load_grams,
    load_heads,
    open_folder,
    run_encoder,
)
from freehold.label import annotate
from freehold.line import open_state
from freehold.line.runner import LocalRunner
from freehold.registry import Registry
from freehold.task import Example, Task, example_id, load_task, normalise, read_examples
from freehold.train import fit

__all__ = [
    "NOTES",
    "STRATEGIES",
    "Point",
    "draw_curves",
    "measure",
    "measure_strategy",
    "tell_means",
    "tell_points",
]

STOPS = (0, 77, 154, 385, 770)
TURNS = (0, 77, 154, 269, 385, 577, 770)
STRATEGIES = ("worth.v1", "random.v1")
FIELD = "intent"
NOTES = (
    "Answers: all that the expert gave, those that are held apart for judging among them. The task is at `quick`: "
    "the ridge alone. Means have Student's interval over the seeds, which decide the split and what is drawn.",
    "The line turns after 77, 154, 269, 385, 577 and 770 answers; the expert is handed what heads the list by the "
    "HTTP API of `freehold serve`, and answers there.",
    "A turn's seconds: collecting, guessing, ordering and training; the small form and the gate are left out.",
)


class Point(NamedTuple):
    """What one model answered.

    Attributes:
        right: Which rows of the judge it answered rightly.
        labelled: Rows for training that the expert labelled; the others of the answers are held apart.
        guessed: Rows for training that self-training labelled.
        seconds: Of the turn as far as the trained model.
    """

    strategy: str
    seed: int
    answers: int
    right: tuple[bool, ...]
    labelled: int
    guessed: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """The share of right ones."""
        return sum(self.right) / len(self.right)


def read_rows(path: Path) -> list[tuple[str, str]]:
    """Returns text and label of each row."""
    with path.open(newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def write_task(folder: Path, texts: Sequence[str], *, labels: Sequence[str], strategy: str, seed: int) -> Task:
    """Writes and returns a task of texts alone."""
    folder.mkdir(parents=True)
    with (folder / "pool.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    lines = [
        f'[task]\nname = "banking"\nseed = {seed}\neffort = "quick"\n\n[input]\ntext = "string"\n',
        f'[output.{FIELD}]\nkind = "choice"\nlabels = {json.dumps(list(labels))}\n',
        '[[source]]\nuri = "pool.csv"\nlicence = "CC-BY-4.0"\nfields = { text = "text" }\n',
        f'[review]\nstrategy = "{strategy}"\n',
    ]
    (folder / "task.toml").write_text("\n".join(lines), encoding="utf-8")
    return load_task(folder)


def measure_strategy(
    data: Path, room: Path, *, strategy: str, seed: int, judge: str = "test", stops: Sequence[int] = TURNS
) -> list[Point]:
    """Returns a point at each stop.

    Args:
        room: Where the task folder and what was encoded are kept.
        judge: `test`, or `pool`: the rows of the pool that nobody learns from, to develop on.
        stops: Answers after which the line turns and, where they are in `STOPS`, is judged.
    """
    pool = read_rows(data / "train.csv")
    gold = {example_id({"text": normalise(text)}): label for text, label in reversed(pool)}
    folder = room / f"{strategy}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    labels = sorted({label for _, label in pool})
    task = write_task(folder, [text for text, _ in pool], labels=labels, strategy=strategy, seed=seed)
    _share_cache(folder / ".freehold", room / "cache")
    points, answered = [], 0
    with open_state(folder) as shelf:
        for stop in stops:
            if stop > answered:
                answered += answer_head(folder, task.name, gold, field=FIELD, count=stop - answered)
            began = time.perf_counter()
            trained, examples = _turn(task, shelf)
            seconds = time.perf_counter() - began
            if stop in STOPS:
                asked = read_rows(data / "test.csv") if judge == "test" else _held(shelf, task, pool)
                right = _ask(shelf, task, trained, asked)
                makers = Counter(row.passport.maker.partition(":")[0] for row in examples if row.split == "train")
                point = Point(strategy, seed, answered, right, makers["person"], makers["rule"], seconds)
                points.append(point)
                print(
                    strategy, seed, answered, f"{point.accuracy:.4f}", dict(makers), f"{seconds:.0f} s", flush=True
                )
    return points


def _turn(task: Task, shelf: Registry) -> tuple[Path, list[Example]]:
    """Turns the line as far as a trained model, and returns that with the rows that it had."""
    with shelf.lock():
        room, cache = shelf.state / "work", shelf.state / "cache"
        run = LocalRunner(shelf, room=room, cache=cache, threads=2, tell=lambda _event: None)
        labelled = run(annotate, task, run(collect, task, shelf), shelf)
        trained = run(fit, task, labelled)
        run.clear()
    return trained.folder, list(read_examples(labelled.folder / "examples.jsonl"))


def _share_cache(state: Path, cache: Path) -> None:
    """Lets all tasks share what was encoded: it depends on texts and weights alone."""
    cache.mkdir(parents=True, exist_ok=True)
    state.mkdir()
    for name in ("features", "graphs"):
        (cache / name).mkdir(exist_ok=True)
        (state / "cache").mkdir(exist_ok=True)
        os.symlink(cache / name, state / "cache" / name)


def _ask(shelf: Registry, task: Task, trained: Path, rows: Sequence[tuple[str, str]]) -> tuple[bool, ...]:
    """Returns which rows the model answers rightly."""
    base = find_base(task.base, relative_to=task.folder)
    texts = [normalise(text) for text, _ in rows]
    cache = shelf.state / "cache" / "features" / "asked"
    vectors = encode_texts(texts, base=base, cache=cache, run=lambda: run_encoder(load_encoder(base.folder)))
    scores = load_heads(trained).scores(vectors, load_grams(trained / NGRAMS).transform(texts))
    names = field_labels(open_folder(trained).description.fields[0])
    return tuple(names[best] == label for best, (_, label) in zip(scores.argmax(1), rows, strict=True))


def _held(shelf: Registry, task: Task, pool: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns the rows of the pool that are held apart."""
    splits = shelf.splits(task.name)
    names = {example_id({"text": normalise(text)}): (text, label) for text, label in pool}
    return [names[name] for name, split in splits.items() if split != "train"]


def measure(data: Path, *, seeds: int, judge: str, keep: Path | None, only: str = "") -> list[Table]:
    """Returns the tables, and draws the picture beside the reports.

    Args:
        only: One of `STRATEGIES`; empty for all.
    """
    points: list[Point] = []
    with tempfile.TemporaryDirectory() as room:
        for seed in range(seeds):
            for strategy in [only] if only else STRATEGIES:
                points += measure_strategy(
                    data / "banking77", keep or Path(room), strategy=strategy, seed=seed, judge=judge
                )
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "labels-active.svg").write_text(draw_curves(points), encoding="utf-8")
    return [tell_means(points), tell_points(points)]


def draw_curves(points: Sequence[Point]) -> str:
    """Returns the picture: accuracy by answers, a point for each mean; no answer at all stands at one."""
    drawn = []
    for strategy in dict.fromkeys(each.strategy for each in points):
        for stop in sorted({each.answers for each in points}):
            mine = [each.accuracy for each in points if (each.strategy, each.answers) == (strategy, stop)]
            if mine:
                mean = mean_of_runs(mine)
                shown = mean if isinstance(mean, Interval) else Interval(mean, mean, mean, 1)
                drawn.append(Mark(strategy, str(stop), float(max(stop, 1)), shown))
    return draw(drawn, title="Banking77 from label names alone", across="answers")


def tell_points(points: Sequence[Point]) -> Table:
    """Returns a row for each run and stop."""
    rows: list[Mapping[str, Cell]] = [
        {
            "strategy": each.strategy,
            "seed": each.seed,
            "answers": each.answers,
            "accuracy": each.accuracy,
            "labelled for training": each.labelled,
            "guessed": each.guessed,
            "turn, s": each.seconds,
        }
        for each in points
    ]
    return Table("Runs", tuple(rows))


def tell_means(points: Sequence[Point]) -> Table:
    """Returns the mean of the seeds at each stop."""
    rows: list[Mapping[str, Cell]] = []
    for stop in sorted({each.answers for each in points}):
        row: dict[str, Cell] = {"answers": stop}
        for strategy in dict.fromkeys(each.strategy for each in points):
            mine = [each.accuracy for each in points if (each.strategy, each.answers) == (strategy, stop)]
            row[strategy] = mean_of_runs(mine) if mine else None
        rows.append(row)
    return Table("Accuracy, mean of seeds", tuple(rows))
