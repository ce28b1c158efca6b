"""Experts at work: items are handed out, answered, skipped, taken back, and nothing is lost or done twice.

Owns the order in which things happen, each in one transaction: whoever is killed in the middle has done all of it
or nothing, and may do it again. Who may be given what is known to `candidates`, what answers come to to
`settlements`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from freehold.registry import assignments, candidates, judgements, tables
from freehold.registry.acts import Answered, Said, Taken, Undone, assign, judge, until
from freehold.registry.assignments import Assignment
from freehold.registry.candidates import Asking, Candidate
from freehold.registry.database import Database, pack, unpack
from freehold.registry.judgements import LedgerRow
from freehold.registry.queue import Listed, list_queue
from freehold.registry.settlements import reconcile
from freehold.task import Json, ReviewRules

__all__ = ["Experts"]

_LOCK = 0x66_72_65_65


class Experts:
    """What experts do in one database.

    Attributes:
        draw: Returns a number from 0 to 1 that nobody can foresee: whether the next item is a gold one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.draw: Callable[[], float] = random.SystemRandom().random

    @contextmanager
    def _alone(self, task: str) -> Iterator[sa.Connection]:
        """A transaction that no other one about this task's assignments runs beside."""
        with self._database.write() as connection:
            if not self._database.is_sqlite:  # SQLite has one writer at a time
                lock = sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashtext(task))
                connection.execute(sa.select(lock))
            yield connection

    def take(self, asking: Asking, *, limit: int) -> Taken:
        """Returns what an expert holds, and hands out more until it is `limit` items.

        What was handed out before and not answered comes first, with its draft, so that asking again after a crash
        loses nothing; its time begins anew.
        """
        with self._alone(asking.task) as connection:
            self._settle_due(connection, asking)
            held = [each for each in self._renew(connection, asking) if _is_asked_for(each, asking)]
            made = self._choose(connection, asking, limit=limit - len(held))
            assignments.insert(connection, made)
            waiting = candidates.count_first_looks(connection, asking._replace(search=""))
            waiting += len(candidates.adjudications(connection, asking))
            rows = tables.assignments.c
            mine = (rows.task == asking.task, rows.expert == asking.expert, rows.state == "open")
            known = {each.id: each for each in assignments.read(connection, *mine)}
            open_ = sum(each.kind != "gold" for each in known.values())
            found = [known[each.id] for each in (*held, *made)][:limit]
            return Taken(tuple(found), waiting + open_, _count_done(connection, asking.task, asking.expert))

    def _settle_due(self, connection: sa.Connection, asking: Asking) -> None:
        """Settles what waits for nobody any more, since fewer experts are asked for than were before."""
        rows = tables.assignments.c
        query = sa.select(rows.example, rows.field).where(
            rows.task == asking.task, rows.state == "answered", rows.kind == "first"
        )
        enough = sa.func.count() >= asking.rules.overlap
        due = connection.execute(query.group_by(rows.example, rows.field).having(enough)).all()
        settlements = tables.settlements.c
        where = (settlements.task == asking.task, settlements.state == "disputed")
        disputed = {
            (row.example, row.field)
            for row in connection.execute(sa.select(settlements.example, settlements.field).where(*where))
        }
        for row in due:
            if (row.example, row.field) not in disputed:
                self._reconcile(connection, asking, row.example, [row.field])

    def _reconcile(self, connection: sa.Connection, asking: Asking, example: str, fields: Sequence[str]) -> None:
        reconcile(
            self._database,
            connection,
            task=asking.task,
            example=example,
            fields=fields,
            overlap=asking.rules.overlap,
        )

    def _renew(self, connection: sa.Connection, asking: Asking) -> list[Assignment]:
        """Begins the time of what an expert holds anew; lets go of what others have, or nobody waits for."""
        rows = tables.assignments.c
        mine = (rows.task == asking.task, rows.expert == asking.expert, rows.state == "open")
        held = assignments.read(connection, *mine)
        waiting = candidates.waiting_fields(connection, asking.task, [each.example for each in held])
        kept = []
        for each in held:
            free = set(each.fields)
            if each.until <= asking.moment:
                free = candidates.free_fields(connection, each, asking)
            if each.kind != "gold":
                free = {field for field in free if (each.example, field) in waiting}
            if gone := set(each.fields) - free:
                assignments.change(connection, each.id, fields=gone, state="lapsed")
            if free:
                assignments.change(connection, each.id, fields=free, until=until(asking))
                kept.append(
                    replace(each, fields={name: each.fields[name] for name in each.fields if name in free})
                )
        return kept

    def _choose(self, connection: sa.Connection, asking: Asking, *, limit: int) -> list[Assignment]:
        """Returns new assignments: adjudications first, then blind looks, gold among them by lot."""
        if limit <= 0:
            return []
        found = candidates.adjudications(connection, asking)[:limit]
        looks = candidates.first_looks(connection, asking, limit=limit - len(found)) if len(found) < limit else []
        gold: list[Candidate] = []
        if looks and asking.rules.gold:
            gold = candidates.gold_items(connection, asking, limit=limit, offset=self.draw())
        while looks and len(found) < limit:
            is_gold = bool(gold) and self.draw() < asking.rules.gold
            found.append((gold if is_gold else looks).pop(0))
        return [assign(each, asking) for each in found]

    def answer(
        self, task: str, said: Sequence[Said], *, expert: str, rules: ReviewRules, now: datetime
    ) -> list[Answered]:
        """Keeps what an expert says of assignments, in one transaction, and settles what can be settled.

        The same said twice is kept once. What cannot be kept changes nothing.
        """
        asking = Asking(task, expert, rules, now)
        with self._alone(task) as connection:
            known = _look_up(connection, [each.assignment for each in said], asking)
            answered: dict[str, Answered] = {}
            results = []
            for each in said:
                if each.assignment in answered:  # twice in one list: the second meets what the first has left
                    known |= _look_up(connection, [each.assignment], asking)
                answered[each.assignment] = self._answer(connection, each, known.get(each.assignment), asking)
                results.append(answered[each.assignment])
            return results

    def _answer(self, connection: sa.Connection, said: Said, known: _Known | None, asking: Asking) -> Answered:
        if known is None:
            return Answered(said.assignment, "unknown")
        if before := known.before:
            same = _is_same(before[0], said) and len(before) == 1
            return Answered(said.assignment, "repeated" if same else "closed", before[0].milliseconds)
        answered = set(said.answers or {})
        if answered - set(known.whole.fields):
            return Answered(said.assignment, "unfit")
        held = known.held
        free = self._kept_fields(connection, held, asking) if held else set()
        if held is None or not free or answered - free:
            return Answered(said.assignment, "lapsed")
        judgement = judge(held, said, asking)
        judgements.append(connection, judgement)
        self._close(connection, held, said, asking)
        return Answered(said.assignment, "kept", judgement.milliseconds)

    def _kept_fields(self, connection: sa.Connection, held: Assignment, asking: Asking) -> set[str]:
        """Returns the fields that are still this expert's, and lets go of the others."""
        if held.until > asking.moment:
            return set(held.fields)
        free = candidates.free_fields(connection, held, asking)
        if gone := set(held.fields) - free:
            assignments.change(connection, held.id, fields=gone, state="lapsed")
        return free

    def _close(self, connection: sa.Connection, held: Assignment, said: Said, asking: Asking) -> None:
        answers = said.answers or {}
        passed = [field for field in held.fields if field not in answers]
        if passed:
            assignments.change(connection, held.id, fields=passed, state="skipped")
        for field, value in answers.items():
            assignments.change(connection, held.id, fields=[field], state="answered", value=pack(value))
        if held.draft is not None:
            connection.execute(sa.delete(tables.drafts).where(tables.drafts.c.assignment == held.id))
        if answers and held.kind != "gold":
            self._reconcile(connection, asking, held.example, list(answers))

    def undo(self, task: str, *, expert: str, rules: ReviewRules, now: datetime) -> Undone | None:
        """Takes back the last thing that an expert said, and hands the item out again with what was said as draft.

        A correction that rests on it is withdrawn. None where there is nothing to take back.
        """
        asking, ledger = Asking(task, expert, rules, now), tables.judgements.c
        with self._alone(task) as connection:
            last = _last(connection, task, expert)
            if last is None:
                return None
            [judgement] = judgements.read(connection, ledger.id == last)
            taken_back = replace(judgement, act="undo", undoes=judgement.id, created=asking.moment)
            blank = replace(taken_back, answers={}, reason="", comment="", flag=False, milliseconds=0)
            judgements.append(connection, blank)
            [held] = assignments.read(connection, tables.assignments.c.id == judgement.assignment)
            assignments.change(connection, held.id, state="undone")
            if held.kind != "gold" and judgement.act == "answer":
                self._reconcile(connection, asking, held.example, list(judgement.answers))
            return Undone(judgement, self._hand_out_again(connection, held, judgement, asking))

    def _hand_out_again(
        self, connection: sa.Connection, held: Assignment, judgement: LedgerRow, asking: Asking
    ) -> Assignment | None:
        free = candidates.free_fields(connection, held, asking)
        if held.kind != "gold":
            waiting = candidates.waiting_fields(connection, asking.task, [held.example])
            free = {field for field in free if (held.example, field) in waiting}
        if not free:
            return None
        fields = {name: shown for name, shown in held.fields.items() if name in free}
        candidate = Candidate(held.kind, held.example, held.inputs, fields, held.known)
        again = assign(candidate, asking)
        assignments.insert(connection, [again])
        said = ("answers", "reason", "flag", "comment")
        draft: Json = {name: getattr(judgement, name) for name in said}
        _keep_draft(self._database, connection, again.id, draft, asking)
        return replace(again, draft=draft)

    def draft(self, task: str, id: str, *, expert: str, content: Json, now: datetime) -> bool:
        """Keeps what an expert has typed so far; returns whether the assignment is open and this expert's."""
        rows = tables.assignments.c
        mine = (rows.id == id, rows.task == task, rows.expert == expert, rows.state == "open")
        with self._database.write() as connection:
            if connection.execute(sa.select(rows.id).where(*mine).limit(1)).first() is None:
                return False
            _keep_draft(self._database, connection, id, content, Asking(task, expert, ReviewRules(), now))
        return True

    def find(self, task: str, ids: Sequence[str], *, expert: str) -> dict[str, Assignment]:
        """Returns this expert's assignments by id, as far as there are any."""
        rows = tables.assignments.c
        found: dict[str, Assignment] = {}
        with self._database.read() as connection:
            for part in assignments.in_parts(ids):
                mine = (rows.task == task, rows.expert == expert, rows.id.in_(part))
                found |= {each.id: each for each in assignments.read(connection, *mine)}
        return found

    def latest(self, task: str, examples: Sequence[str], *, expert: str) -> dict[str, Assignment]:
        """Returns the last assignment that an expert had of each example, gold apart."""
        rows = tables.assignments.c
        found: dict[str, Assignment] = {}
        with self._database.read() as connection:
            for part in assignments.in_parts(examples):
                mine = (rows.task == task, rows.expert == expert, rows.example.in_(part), rows.kind != "gold")
                found |= {each.example: each for each in assignments.read(connection, *mine)}
        return found

    def inputs(self, task: str) -> dict[str, Mapping[str, str]]:
        """Returns the inputs of every item that was ever handed out, by example."""
        rows = tables.assignments.c
        query = sa.select(rows.example, rows.inputs).distinct().where(rows.task == task)
        with self._database.read() as connection:
            return {row.example: unpack(row.inputs, what="assignment") for row in connection.execute(query)}

    def queue(self, asking: Asking, *, limit: int, offset: int = 0) -> tuple[int, list[Listed]]:
        """Returns how many items wait for anybody, and a page of them as an expert sees them; holds nothing."""
        with self._database.snapshot() as connection:
            return list_queue(connection, asking, limit=limit, offset=offset)

    def ledger(self, task: str, *, expert: str = "") -> list[LedgerRow]:
        """Returns every row of the ledger, or those of one expert, in the order in which they were added."""
        ledger = tables.judgements.c
        mine = [ledger.expert == expert] if expert else []
        with self._database.read() as connection:
            return judgements.read(connection, ledger.task == task, *mine)


class _Known(NamedTuple):
    """What there is of an assignment: all of it, what is still held of it, and what was said of it."""

    whole: Assignment
    held: Assignment | None
    before: list[LedgerRow]


def _look_up(connection: sa.Connection, ids: Sequence[str], asking: Asking) -> dict[str, _Known]:
    """Returns an expert's assignments by id, as far as there are any."""
    rows = tables.assignments.c
    found: dict[str, _Known] = {}
    for part in assignments.in_parts(ids):
        mine = (rows.id.in_(part), rows.task == asking.task, rows.expert == asking.expert)
        held = {each.id: each for each in assignments.read(connection, *mine, rows.state == "open")}
        before: dict[str, list[LedgerRow]] = {}
        for judgement in judgements.read(connection, tables.judgements.c.assignment.in_(part)):
            before.setdefault(judgement.assignment, []).append(judgement)
        for each in assignments.read(connection, *mine):
            found[each.id] = _Known(each, held.get(each.id), before.get(each.id, []))
    return found


def _is_asked_for(each: Assignment, asking: Asking) -> bool:
    named = asking.field in ("", *each.fields)
    labels = {pack(shown.suggestion) for shown in each.fields.values()}
    named = named and (not asking.label or not labels.isdisjoint([pack(asking.label), asking.label]))
    chosen = asking.examples is None or each.example in asking.examples
    return named and chosen and asking.fits(each.inputs)


def _is_same(before: LedgerRow, said: Said) -> bool:
    if said.answers is None:
        return before.act == "skip" and before.reason == said.reason
    return before.act == "answer" and pack(dict(before.answers)) == pack(dict(said.answers))


def _last(connection: sa.Connection, task: str, expert: str) -> int | None:
    """Returns the last row of an expert that is neither an undo nor undone."""
    ledger = tables.judgements.c
    query = sa.select(sa.func.max(ledger.id)).where(ledger.task == task, ledger.expert == expert)
    return connection.execute(query.where(ledger.act != "undo", ~_is_undone())).scalar()


def _is_undone() -> sa.Exists:
    ledger, undo = tables.judgements.c, tables.judgements.alias("undo")
    named = (undo.c.assignment == ledger.assignment) & (undo.c.undoes == ledger.id)
    return sa.exists().where(named).correlate(tables.judgements)


def _count_done(connection: sa.Connection, task: str, expert: str) -> int:
    ledger = tables.judgements.c
    query = sa.select(sa.func.count()).select_from(tables.judgements)
    mine = (ledger.task == task, ledger.expert == expert, ledger.act == "answer", ~_is_undone())
    return int(connection.execute(query.where(*mine)).scalar_one())


def _keep_draft(database: Database, connection: sa.Connection, id: str, content: Json, asking: Asking) -> None:
    values = {"assignment": id, "content": pack(content), "saved": asking.moment}
    insert = database.insert(tables.drafts).values(values)
    update = {"content": insert.excluded.content, "saved": insert.excluded.saved}
    connection.execute(insert.on_conflict_do_update(index_elements=["assignment"], set_=update))
