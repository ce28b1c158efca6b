"""Real training rows with the marked parts of other rows, without a model: `swap.v1`.

Each span of a row takes the text of a span with the same label from some other row, so that a phrase is seen with
other names, dates and amounts. Spans are exact. Only tasks with one input have anything to swap.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from freehold.label.synthesis.chance import Chance
from freehold.label.synthesis.drafts import GENERATORS, Draft, Ground
from freehold.label.synthesis.marking import Marked
from freehold.label.synthesis.rewriting import Edit, apply, spans_of
from freehold.task import Example, normalise

__all__ = ["SWAP", "make_swaps"]

SWAP = "swap.v1"


@GENERATORS.register(SWAP)
def make_swaps(ground: Ground, /, *, count: int) -> Iterator[Draft]:
    """Yields rows with swapped parts, each row in turn."""
    fields = [field.name for field in ground.fields if field.kind == "spans"]
    rows = [row for row in ground.rows if any(spans_of(row.outputs.get(field, [])) for field in fields)]
    if len(ground.inputs) > 1 or not rows:
        return
    known: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for field in fields:
            for span in spans_of(row.outputs.get(field, [])):
                known.setdefault((field, str(span["label"])), []).append(str(span["text"]))
    order = Chance(f"swap:{ground.seed}").shuffle(rows)
    for number in range(count):
        row = order[number % len(order)]
        chance = Chance(f"swap:{ground.seed}:{row.id}:{number // len(order)}")
        draft = _swap(row, ground.inputs[0], fields, known, chance)
        if draft is not None:
            yield draft


def _swap(
    row: Example, name: str, fields: list[str], known: dict[tuple[str, str], list[str]], chance: Chance
) -> Draft | None:
    flat = [{**span, "field": field} for field in fields for span in spans_of(row.outputs.get(field, []))]
    places = sorted((int(span["start"]), int(span["end"])) for span in flat)
    if any(before[1] > after[0] for before, after in pairwise(places)):  # one inside another
        return None
    edits = [
        Edit(int(s["start"]), int(s["end"]), chance.pick(known[str(s["field"]), str(s["label"])])) for s in flat
    ]
    swapped = apply(Marked(row.inputs[name], flat), edits)
    if swapped.text == row.inputs[name] or normalise(swapped.text) != swapped.text:
        return None
    outputs = dict(row.outputs)
    for field in fields:
        if field in outputs:
            mine = [span for span in swapped.spans if span["field"] == field]
            outputs[field] = [{k: v for k, v in span.items() if k != "field"} for span in mine]
    origin = f"example:{row.id}"
    return Draft({name: swapped.text}, outputs, f"rule:{SWAP}", origin, row.passport.licence, row.id)
