"""From rows without labels to labels that may be learned from, and suggestions for the rest.

Owns the order of the work: teachers are asked about rows whose label is known and about those that lack one, the
committee decides, verifiers refuse, and what it is sure enough of goes to the training rows. Rows of the
validation split and of the test split are never taught.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, NamedTuple

from freehold.engine import MINILM_DIGEST
from freehold.label.teach.checks import choose_checks, is_known
from freehold.label.teach.committee import Verdict, decide
from freehold.label.teach.hearings import Heard, count_samples, hear, open_books, plan_calls
from freehold.label.teach.in_process import Asking, teacher_digest
from freehold.label.teach.purses import BILLION, Purse
from freehold.label.teach.questions import prompt_digest
from freehold.label.teach.rules import rule_digest
from freehold.label.teach.sayings import Sayings, agree_with_self, resolve_fields
from freehold.label.teach.verifiers import Proposal, Refusals, Room, verify
from freehold.task import Example, Field, Json, Passport, Task, Value, canonical, digest

if TYPE_CHECKING:
    from freehold.label.teach.books import Book
    from freehold.label.teach.sayings import Saying
    from freehold.registry import Registry
    from freehold.task import Desk

__all__ = ["Guess", "Taught", "decide_fields", "is_taught", "teach", "teachers_state"]

_SAMPLES = 5


class Guess(NamedTuple):
    """The committee's best guess at a label that a person has to give, and why it is not learned from."""

    example: str
    field: str
    value: Value
    confidence: float
    reason: str


class Taught(NamedTuple):
    """What came of asking teachers.

    Attributes:
        rows: Training rows with labels that teachers gave, passports and all; by id.
        guesses: What waits for people.
        facts: Counts, for people and for what depends on whether all was asked.
    """

    rows: Mapping[str, Example]
    guesses: tuple[Guess, ...]
    facts: Mapping[str, Json]

    @property
    def note(self) -> str:
        """One sentence for people."""
        spent = self.facts["spent"]
        assert isinstance(spent, dict)
        cost = f", {spent['cost']:g} spent in {spent['calls']:,} calls" if spent["calls"] else ""
        left = f"; {self.facts['left']:,} questions were not answered" if self.facts["left"] else ""
        waiting = len({guess.example for guess in self.guesses})
        over = (
            "; THE BUDGET WAS EXCEEDED: an endpoint counted more than was asked for"
            if self.facts["exceeded"]
            else ""
        )
        return f"teachers labelled {len(self.rows):,} rows, {waiting:,} wait for review{cost}{left}{over}"


def teachers_state(task: Task, shelf: Registry) -> dict[str, Json]:
    """Returns what labels depend on besides the rows, where a task has teachers; nothing where it has none."""
    if not task.teachers:
        return {}
    seen: list[Json] = [[str(asdict(each)), teacher_digest(each, task, shelf)] for each in task.teachers]
    rules = [word.removeprefix("rule:") for word in task.teaching.verifiers if word.startswith("rule:")]
    checks: list[Json] = [rule_digest(place, folder=task.folder) for place in rules]
    about: list[Json] = [task.description, MINILM_DIGEST]
    return {"teachers": digest([seen, str(asdict(task.teaching)), checks, about])}


def is_taught(facts: Mapping[str, Json]) -> bool:
    """Tells by a result's facts whether every question to a teacher was answered."""
    told = facts.get("teachers")
    return not isinstance(told, dict) or not told.get("left")


def teach(desk: Desk, task: Task, rows: Sequence[Example], *, shelf: Registry) -> Taught:
    """Returns labels that teachers gave to rows that lack one, and guesses where they were not sure enough.

    Args:
        rows: Training and validation rows. Test rows among them are shown to nobody.

    Raises:
        UserError: The key of an endpoint, or a verifier's function, is not there.
        StorageError: What was answered cannot be kept.
    """
    seen = [row for row in rows if row.split != "test"]
    fields = resolve_fields(task.fields, seen)
    asking = Asking(desk, task, shelf, fields=fields, known=[row for row in seen if row.outputs])
    settled = shelf.settled(task.name)
    checks = choose_checks(seen, fields, settled=settled, most=task.teaching.checks)
    wanted = [row for row in seen if row.split == "train" and _missing(row, fields)]
    books, purse = (
        open_books(task.teachers, asking),
        Purse(task.name, shelf, teaching=task.teaching, scratch=desk.scratch),
    )
    asked = list({row.id: row for row in (*checks, *wanted)}.values()) if wanted else []
    heard = hear(asked, asking, books=books, purse=purse)
    verdicts = decide_fields(fields, heard.sayings, checks=checks)
    proposals = _propose(wanted, fields, verdicts, sure=task.teaching.agreement)
    room = Room(asking, books, purse, checks)
    refused = verify(proposals, room)
    passed = {each.row.id: each for each in proposals if each.row.id not in refused.reasons}
    prompts = _describe_teachers(asking)
    taught = {
        name: _taught(each, verdicts, sayings=heard.sayings, told=prompts, costs=_costs(each.row, asking, books))
        for name, each in passed.items()
    }
    guesses = _guess(wanted, fields, verdicts, taught=passed, reasons=refused.reasons)
    facts = _facts(heard, refused, purse, taught=taught, checks=checks, guesses=guesses)
    return Taught(taught, tuple(guesses), facts)


def decide_fields(
    fields: Sequence[Field], sayings: Sayings, *, checks: Sequence[Example]
) -> dict[str, dict[str, Verdict]]:
    """Returns field to example to what the committee says of it."""
    found = {}
    for field in fields:
        said: defaultdict[str, list[Saying]] = defaultdict(list)
        for teacher, rows in sayings.items():
            for example, samples in rows.items():
                saying = agree_with_self(teacher, samples, field=field.name)
                if saying is not None:
                    said[example].append(saying)
        known = {row.id: row.outputs[field.name] for row in checks if is_known(row, field)}
        found[field.name] = decide(field, said, known=known)
    return found


def _missing(row: Example, fields: Sequence[Field]) -> list[Field]:
    return [field for field in fields if field.name not in row.outputs]


def _propose(
    rows: Sequence[Example],
    fields: Sequence[Field],
    verdicts: Mapping[str, Mapping[str, Verdict]],
    *,
    sure: float,
) -> list[Proposal]:
    """Returns the labels that the committee is sure enough of."""
    found = []
    for row in rows:
        values = {}
        for field in _missing(row, fields):
            verdict = verdicts[field.name].get(row.id)
            if verdict is not None and verdict.value is not None and verdict.confidence >= sure:
                values[field.name] = verdict.value
        if values:
            found.append(Proposal(row, values))
    return found


def _describe_teachers(asking: Asking) -> dict[str, dict[str, Json]]:
    """Returns what each teacher's labels are made with, for passports."""
    found: dict[str, dict[str, Json]] = {}
    for each in asking.task.teachers:
        said: dict[str, Json] = {"teacher": each.name, "kind": each.kind, "place": each.place}
        if each.kind == "url":
            parameters: dict[str, Json] = {"temperature": each.temperature, "output_tokens": each.output_tokens}
            said |= {"model": each.model, "prompt": prompt_digest(each, asking.task, asking.fields)}
            said |= {"parameters": parameters, "samples": count_samples(each, asking)}
        else:
            said["digest"] = teacher_digest(each, asking.task, asking.shelf)
        found[each.name] = said
    return found


def _costs(row: Example, asking: Asking, books: Mapping[str, Book]) -> dict[str, dict[str, Json]]:
    """Returns teacher to what asking it about a row took."""
    found: dict[str, dict[str, Json]] = {}
    for call in plan_calls([row], asking):
        entry = books[call.teacher.name].find(call.key)
        if entry is not None:
            told = found.setdefault(call.teacher.name, {"tokens": 0, "cost": 0.0})
            tokens, cost = told["tokens"], told["cost"]
            assert isinstance(tokens, int)
            assert isinstance(cost, int | float)
            told.update(tokens=tokens + entry.read + entry.written, cost=cost + entry.cost / BILLION)
    return found


def _taught(
    proposal: Proposal,
    verdicts: Mapping[str, Mapping[str, Verdict]],
    *,
    sayings: Sayings,
    told: Mapping[str, Mapping[str, Json]],
    costs: Mapping[str, Mapping[str, Json]],
) -> Example:
    """Returns a row with its new labels and a passport that says who gave them, and how."""
    row, names = proposal.row, sorted(proposal.values)
    mine = {name: verdicts[name][row.id] for name in names}
    asked = [name for name, rows in sayings.items() if row.id in rows]
    agreed = [
        each.teacher for each in mine[names[0]].sayings if canonical(each.value) == canonical(mine[names[0]].value)
    ] or asked
    confidence: dict[str, Json] = {name: verdict.confidence for name, verdict in mine.items()}
    by: list[Json] = [{**told[name], **costs.get(name, {})} for name in asked]
    passport: dict[str, Json] = {"fields": list(names), "confidence": confidence, "by": by}
    maker = row.passport.maker if row.outputs else _name_makers(agreed, told)
    outputs = {**row.outputs, **proposal.values}
    return replace(row, outputs=outputs, passport=_with(row.passport, maker=maker, taught=passport))


def _with(passport: Passport, *, maker: str, taught: Mapping[str, Json]) -> Passport:
    return replace(passport, maker=maker, taught=taught)


def _name_makers(names: Sequence[str], told: Mapping[str, Mapping[str, Json]]) -> str:
    """Returns `model:NAME` or, where only rules and patterns say so, `rule:NAME`; several are joined by `+`."""
    kinds = {told[name]["kind"] for name in names}
    return f"{'rule' if kinds <= {'rule', 'patterns'} else 'model'}:{'+'.join(names)}"


def _guess(
    rows: Sequence[Example],
    fields: Sequence[Field],
    verdicts: Mapping[str, Mapping[str, Verdict]],
    *,
    taught: Mapping[str, Proposal],
    reasons: Mapping[str, str],
) -> list[Guess]:
    found = []
    for row in rows:
        for field in _missing(row, fields):
            given = row.id in taught and field.name in taught[row.id].values
            verdict = verdicts[field.name].get(row.id)
            if given or verdict is None:
                continue
            best = verdict.value if verdict.value is not None else verdict.sayings[0].value
            why = reasons.get(row.id, "") or _explain(verdict)
            found.append(Guess(row.id, field.name, best, verdict.confidence, why))
    return found


def _explain(verdict: Verdict) -> str:
    """Returns what teachers say, where they are not sure enough, the most frequent first."""
    counts = Counter(canonical(each.value).decode().strip('"') for each in verdict.sayings)
    if len(counts) == 1:
        return f"teachers say `{next(iter(counts))}`, and are {verdict.confidence:.2f} sure"
    said = ", ".join(f"`{value}` ({count})" for value, count in counts.most_common(3))
    return f"teachers disagree: {said}"


def _facts(
    heard: Heard,
    refused: Refusals,
    purse: Purse,
    *,
    taught: Mapping[str, Example],
    checks: Sequence[Example],
    guesses: Sequence[Guess],
) -> dict[str, Json]:
    reasons, spent = refused.reasons, purse.spent()
    unsure = [each for each in guesses if each.example not in reasons]
    filtered: dict[str, list[str]] = defaultdict(list)
    for name, why in reasons.items():
        filtered[why.partition(":")[0]].append(name)
    for each in unsure:
        filtered[each.reason.partition(":")[0].partition(" `")[0]].append(each.example)
    return {
        "taught": len(taught),
        "checks": len(checks),
        "left": heard.left + refused.left,
        "exceeded": purse.is_exceeded,
        "spent": {"calls": spent.calls, "tokens": spent.tokens, "cost": spent.cost / BILLION},
        "teachers": {name: record.to_json() for name, record in heard.records.items()},
        "filtered": {
            why: {"rows": len(set(ids)), "samples": list(ids[:_SAMPLES])} for why, ids in filtered.items()
        },
    }
