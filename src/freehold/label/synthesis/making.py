"""Rows are made, sifted and written down beside the real ones, as training rows that carry their maker.

Owns the order of the work, the files and the counts. Test rows are compared with, so that none is given away, and
go to no generator and no model. Whether made rows help is for stage 3 to find out.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.label.synthesis.filters import LEAK
from freehold.task import (
    Desk,
    Event,
    Example,
    Json,
    LabelledExamples,
    Passport,
    Task,
    canonical,
    example_id,
    file_digest,
    read_examples,
    stage,
    write_examples,
)

if TYPE_CHECKING:
    from freehold.label.synthesis.drafts import Draft, Ground
    from freehold.label.synthesis.filters import Likeness
    from freehold.label.synthesis.measuring import Measuring
    from freehold.label.synthesis.writers import Writers

__all__ = ["SOURCE", "synthesise"]

SOURCE = "synthesis"
"""What the source of a made row begins with; its generator follows."""

_NAME = "label.synthesise"


def _state(task: Task, labelled: LabelledExamples, likeness: Likeness) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, and what is in the file of templates."""
    from freehold.engine import name_base

    path = task.folder / task.synthesis.templates
    templates = file_digest(path) if task.synthesis.templates and path.is_file() else ""
    return {"base": name_base(task.base, relative_to=task.folder), "templates": templates}


@stage(
    _NAME,
    version=1,
    result=LabelledExamples,
    reads=("name", "description", "inputs", "fields", "base", "synthesis"),
    state=_state,
)
def synthesise(desk: Desk, task: Task, labelled: LabelledExamples, likeness: Likeness) -> LabelledExamples:
    """Returns the labelled rows and, behind them, the rows that were made: training rows, whose source says so.

    Facts: `made`, what each generator gave and what was refused for what, with samples; how much the rows differ;
    how well they can be told from real ones; what writers cost and which was better value.

    Args:
        likeness: Who tells what is near what: `freehold.data.Likeness`.

    Raises:
        UserError: There is no such generator, or a writer's key is not set.
        TaskFileError: The file of templates has mistakes.
    """
    from freehold.label.synthesis.filters import Sieve
    from freehold.label.synthesis.measuring import Measuring

    rows = list(read_examples(labelled.folder / "examples.jsonl"))
    measuring = Measuring(desk, task, rows, note=lambda text: desk.tell(Event(_NAME, "progress", note=text)))
    writers = _open_writers(desk, task)
    drafts = _make(desk, task, _ground(task, measuring, writers=writers))
    tests = [row.inputs for row in rows if row.split == "test"]
    sieve = Sieve(measuring.fields, measuring.real, measuring.held, tests, likeness)
    sifted = sieve.sift([made.draft for made in drafts])
    agreed = measuring.agreeing(sifted, sieve.refusals, writers=writers)
    kept = agreed[: task.synthesis.rows]
    for draft in agreed[task.synthesis.rows :]:
        sieve.refusals.note("more than `rows`", draft)
    names, parents = {id(made.draft): made for made in drafts}, {row.id: row for row in measuring.real}
    _write(desk, labelled, [_example(names[id(draft)], parents) for draft in kept])
    counts: dict[str, Any] = {"rows": len(kept), "drafts": len(drafts), "refused": sieve.refusals.to_json()}
    counts["generators"] = dict(Counter(names[id(draft)].generator for draft in kept))
    made = {**counts, **measuring.describe(kept, [each.draft for each in drafts], writers=writers)}
    (desk.folder / "made.json").write_bytes(canonical(made) + b"\n")
    for note in _notes(made):
        desk.tell(Event(_NAME, "note", note=note))
    return LabelledExamples(desk.folder, {"made": made, "labelled": len(measuring.real)})


class _Made(NamedTuple):
    draft: Draft
    generator: str


def _ground(task: Task, measuring: Measuring, *, writers: Writers) -> Ground:
    from freehold.label.synthesis.drafts import Ground

    rules = task.synthesis
    return Ground(
        task=task.name,
        about=task.description,
        inputs=tuple(task.inputs),
        fields=measuring.fields,
        rows=tuple(measuring.real),
        confusions=measuring.confusions()
        if any(s.generator.startswith("gaps.") for s in rules.generators)
        else (),
        templates=task.folder / rules.templates if rules.templates else None,
        licence=rules.licence,
        writers=writers,
        seed=rules.seed,
    )


def _open_writers(desk: Desk, task: Task) -> Writers:
    """Returns the task's writers, each with its share of the budget."""
    from freehold.label.synthesis.purse import Amount, Purse
    from freehold.label.synthesis.remote_writer import RemoteWriter
    from freehold.label.synthesis.writers import Writers

    rules = task.synthesis
    count = max(1, len(rules.writers))
    limit = Amount(
        None if rules.cost is None else int(rules.cost * 1e9) // count,
        None if rules.tokens is None else rules.tokens // count,
    )
    return Writers(
        tuple(
            RemoteWriter(each, purse=Purse(desk.scratch / f"spent-{each.name}.jsonl", limit), cache=desk.cache)
            for each in rules.writers
        )
    )


def _make(desk: Desk, task: Task, ground: Ground) -> list[_Made]:
    """Returns what generators and writers made, in turn: where two say the same, both lose alike."""
    from freehold.label.synthesis import GENERATORS

    parts: list[list[_Made]] = []
    for share in task.synthesis.generators:
        generator = GENERATORS.get(share.generator)
        desk.tell(Event(_NAME, "progress", note=share.generator))
        drafts = [_Made(draft, share.generator) for draft in generator(ground, count=share.rows)]
        makers = dict.fromkeys(each.draft.maker for each in drafts)
        parts += [[each for each in drafts if each.draft.maker == maker] for maker in makers]
        desk.tell(Event(_NAME, "note", note=f"{share.generator}: {len(drafts):,} drafts"))
    return [each for turn in zip_longest(*parts) for each in turn if each is not None]


def _example(made: _Made, parents: Mapping[str, Example]) -> Example:
    draft = made.draft
    name = example_id(draft.inputs)
    passport = Passport(
        source=f"{SOURCE}:{made.generator}",
        locator=draft.origin,
        licence=draft.licence,
        maker=draft.maker,
        making=draft.making,
    )
    cluster = parents[draft.parent].cluster or draft.parent if draft.parent in parents else name
    return Example(name, draft.inputs, draft.outputs, passport, "train", cluster)


def _write(desk: Desk, labelled: LabelledExamples, made: Sequence[Example]) -> None:
    """Writes the real rows as they were and the made ones behind them."""
    for path in sorted(labelled.folder.iterdir()):
        shutil.copyfile(path, desk.folder / path.name)
    if not made:
        return
    added = desk.folder / "made.jsonl"
    write_examples(added, sorted(made, key=lambda row: row.id))
    with (desk.folder / "examples.jsonl").open("ab") as file:
        file.write(added.read_bytes())
    added.unlink()


def _notes(made: Mapping[str, Any]) -> Iterator[str]:
    yield f"{made['rows']:,} rows were made from {made['drafts']:,} drafts"
    if away := sum(each["count"] for reason, each in made["refused"].items() if reason.startswith(LEAK)):
        yield f"{away:,} drafts gave test rows away and were refused"
    if told := made["told_apart"]:
        bounds = f"{told['low']:.2f} to {told['high']:.2f}"
        yield f"made rows are told from real ones with an AUC of {told['auc']:.2f} ({bounds}; 0.5: not at all)"
