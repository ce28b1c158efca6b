"""A server for browsers, in a process of its own: `python -m tests.browser.desk STATE FOLDER PORT OVERLAP`.

Its task has a field of every kind and no model; another has labels that are in its data alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import freehold.feedback
from freehold.label import panel
from freehold.registry import Registry, Review
from freehold.serve import Served, serve
from freehold.task import Field, Json, Label, ReviewRules, Task

EVIL = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>\"'& \u202egnp.exe\x07"
REASONS = (f"reason_{number}" for number in range(120))
INTENTS = (*REASONS, "card_arrival", "card_delivery_estimate", "lost_card")
SPANNED = "Zoë \U0001f469\u200d\U0001f680 met e\u0301va \U0001f600 in São Paulo."
SUGGESTED: Mapping[str, Json] = {
    "intent": "card_arrival",
    "urgent": True,
    "mood": 2,
    "tags": ["card", "fee"],
    "topics": ["topic 3", "topic 17"],
    "amount": 12.5,
    "parts": [{"label": "person", "start": 0, "end": 3, "text": "Zoë"}],
    "note": "A short summary.",
}
FIELDS = (
    Field("intent", "choice", "What does the customer want?", tuple(Label(name) for name in INTENTS)),
    Field("urgent", "predicate", "Does it have to be done today?"),
    Field("mood", "score", labels=(Label("1", "angry"), Label("2", "calm"), Label("3", "glad"))),
    Field("tags", "choices", labels=tuple(Label(name) for name in ("card", "fee", "phone", "app"))),
    Field("topics", "choices", labels=tuple(Label(f"topic {number}") for number in range(40))),
    Field("amount", "number", "In euro."),
    Field("parts", "spans", labels=(Label("person"), Label("place"), Label("thing"))),
    Field("note", "text", "What is it about, in a sentence?"),
)
GUIDELINES = """# Reading letters

Pick what the **customer** wants, not what `we` would sell.

- `lost_card`: it is gone
- `card_arrival`: it is not there *yet*

1. Read to the end.
2. <script>window.evil = 1</script>
"""


def make_tasks(folder: Path, *, overlap: int) -> tuple[Task, ...]:
    """Returns the task with all kinds, two with some of them, and one whose labels nobody knows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guidelines.md").write_text(GUIDELINES, encoding="utf-8")
    rules = ReviewRules(guidelines="guidelines.md", overlap=overlap)
    hidden = ReviewRules(suggestions="hidden")
    plain: dict[str, str] = {"text": "string"}
    desk = Task("desk", folder, plain, FIELDS, description="What is it?", review=rules)  # type: ignore[arg-type]
    pair = Task("pair", folder, plain, FIELDS[1:3], review=rules)  # type: ignore[arg-type]
    free = Task("free", folder, plain, (Field("area", "choice"),), review=rules)  # type: ignore[arg-type]
    blind = Task("blind", folder, plain, FIELDS[1:3], review=hidden)  # type: ignore[arg-type]
    return desk, pair, free, blind


def fill(shelf: Registry, task: Task, texts: Sequence[str], *, suggested: bool = True) -> None:
    """Puts items into the queue of a task, the first one first."""
    shelf.queue_reviews(
        task.name,
        [
            Review(
                f"{task.name}-{number:04}",
                task.name,
                field.name,
                {"text": text},
                SUGGESTED.get(field.name, "x") if suggested else None,
                0.75 if suggested else 0.0,
                worth=float(len(texts) - number),
            )
            for number, text in enumerate(texts)
            for field in task.fields
        ],
    )


def main(state: str, folder: str, port: str, overlap: str) -> None:
    """Serves the tasks until it is killed."""
    with Registry.open(Path(state)) as shelf:
        served = [Served(task, shelf) for task in make_tasks(Path(folder), overlap=int(overlap))]
        tell = lambda url: print(url, flush=True)  # noqa: E731
        serve(served, inbox=freehold.feedback, panel=panel, port=int(port), tell=tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
