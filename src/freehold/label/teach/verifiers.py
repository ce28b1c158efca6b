"""What a committee's label has to pass before it is learned from, beside the task's schema.

Owns the words of `verifiers`: texts that give orders to a model are left to people, and labels that look wrong to
what learned from the other rows; the owner's own function; a second model as judge; and the way back, from the
label to the text among others. Test rows are shown to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from freehold.engine import join_inputs
from freehold.label.teach.endpoints import Call, ask_endpoints
from freehold.label.teach.orders import watch
from freehold.label.teach.questions import JUDGED, PICKED, ask_judge, ask_round_trip
from freehold.label.teach.rules import load_function
from freehold.task import Event, Example, Json, Teacher, Value, canonical

if TYPE_CHECKING:
    from freehold.label.teach.books import Book
    from freehold.label.teach.in_process import Asking
    from freehold.label.teach.purses import Purse

__all__ = ["Proposal", "Refusals", "Room", "verify"]

_NAME = "label.annotate"
_TEXTS = 4
_LONGEST = 160


class Proposal(NamedTuple):
    """Labels that the committee is sure enough of, for one row."""

    row: Example
    values: Mapping[str, Value]


class Room(NamedTuple):
    """What verifiers work with; `rows` are others to tell a row from."""

    asking: Asking
    books: Mapping[str, Book]
    purse: Purse
    rows: Sequence[Example]


class Refusals(NamedTuple):
    """Example to why its labels are not learned from, and how many questions could not be put."""

    reasons: Mapping[str, str]
    left: int


def verify(proposals: Sequence[Proposal], room: Room) -> Refusals:
    """Returns which proposals do not pass, each with the first reason.

    Raises:
        UserError: The owner's function cannot be loaded.
    """
    reasons: dict[str, str] = {}
    left = 0
    for word in room.asking.task.teaching.verifiers:
        kind, _, rest = word.partition(":")
        standing = [each for each in proposals if each.row.id not in reasons]
        found, more = _VERIFIERS[kind](standing, rest, room)
        reasons.update(found)
        left += more
    return Refusals(reasons, left)


_Found = tuple[dict[str, str], int]


def _instructions(proposals: Sequence[Proposal], rest: str, room: Room) -> _Found:
    see = watch(room.asking.fields)
    reasons = {each.row.id: see(each.row.inputs) for each in proposals}
    return {name: reason for name, reason in reasons.items() if reason}, 0


def _doubts(proposals: Sequence[Proposal], rest: str, room: Room) -> _Found:
    """A label has to look right to heads that have learned from all the other rows: confident learning."""
    from freehold.label.doubts import find_doubts

    asking = room.asking
    known = [row for row in asking.known if row.outputs]
    judged = [replace(each.row, outputs={**each.row.outputs, **each.values}) for each in proposals]
    names = [field.name for field in asking.fields]
    settled = {(row.id, name) for row in known for name in names if name in row.outputs}
    ids = {each.row.id for each in proposals}
    rows = [*(row for row in known if row.id not in ids), *judged]
    found = find_doubts(asking.desk, asking.task, rows, settled=settled).found
    return {each.example: "it looks wrong to what learned from the other rows" for each in found}, 0


def _rule(proposals: Sequence[Proposal], place: str, room: Room) -> _Found:
    """The owner's function says True, or why not; what it raises is a reason too."""
    function = load_function(place, folder=room.asking.task.folder)
    found = {}
    for each in proposals:
        try:
            said = function(dict(each.row.inputs), dict(each.values))
        except (Exception, SystemExit) as error:  # noqa: BLE001  the rim of the owner's own code
            said = f"{type(error).__name__}: {error}"
        if said is not True:
            why = f": {said}"[:_LONGEST] if isinstance(said, str) and said else ""
            found[each.row.id] = f"`{place}` refuses it{why}"
    return found, 0


def _judge(proposals: Sequence[Proposal], name: str, room: Room) -> _Found:
    def call(each: Proposal) -> Call:
        return ask_judge(_teacher(name, room), room.asking.task, each.row.inputs, values=each.values)

    def refuses(each: Proposal, values: Mapping[str, Json]) -> str:
        return "" if values.get(JUDGED) is True else f"the judge `{name}` finds it wrong"

    return _ask(proposals, name, room, call=call, refuses=refuses)


def _round_trip(proposals: Sequence[Proposal], name: str, room: Room) -> _Found:
    """From the label back to the text: the endpoint has to find the row among others that have another label."""
    names = tuple(room.asking.task.inputs)
    field = next((f for f in room.asking.fields if f.kind in ("choice", "predicate", "score")), None)
    if field is None:
        return {}, 0
    texts = {each.row.id: _shuffled(each, room, field=field.name, names=names) for each in proposals}
    asked = [each for each in proposals if field.name in each.values and len(texts[each.row.id]) > 1]

    def call(each: Proposal) -> Call:
        label = canonical(each.values[field.name]).decode().strip('"')
        teacher, task = _teacher(name, room), room.asking.task
        return ask_round_trip(teacher, task, label=label, texts=texts[each.row.id], about=field.description)

    def refuses(each: Proposal, values: Mapping[str, Json]) -> str:
        own = texts[each.row.id].index(join_inputs(each.row.inputs, names)) + 1
        return "" if values.get(PICKED) == str(own) else f"`{name}` does not find its way back to the text"

    return _ask(asked, name, room, call=call, refuses=refuses)


def _shuffled(each: Proposal, room: Room, *, field: str, names: Sequence[str]) -> list[str]:
    """Returns the row's text among those of rows that are known to have another label, in an order of its own."""

    def rank(row: Example) -> bytes:
        return hashlib.sha256(f"{each.row.id} {row.id}".encode()).digest()

    value = each.values.get(field)
    others = [row for row in room.rows if field in row.outputs and row.outputs[field] != value]
    chosen = [each.row, *sorted(others, key=rank)[: _TEXTS - 1]]
    return list(dict.fromkeys(join_inputs(row.inputs, names) for row in sorted(chosen, key=rank)))


def _ask(
    proposals: Sequence[Proposal],
    name: str,
    room: Room,
    *,
    call: Callable[[Proposal], Call],
    refuses: Callable[[Proposal, Mapping[str, Json]], str],
) -> _Found:
    """Asks an endpoint about each proposal; one without an answer is not passed."""
    calls = {each.row.id: call(each) for each in proposals}

    def tell(done: int, total: int) -> None:
        room.asking.desk.tell(Event(_NAME, "progress", done=done, total=total, note=f"verifying with {name}"))

    outcomes = ask_endpoints(list(calls.values()), books=room.books, purse=room.purse, tell=tell)
    found = {}
    for each in proposals:
        entry = room.books[name].find(calls[each.row.id].key)
        if entry is None or entry.values is None:
            found[each.row.id] = f"`{name}` could not be asked" if entry is None else f"`{name}` gave no answer"
        elif reason := refuses(each, entry.values):
            found[each.row.id] = reason
    return found, outcomes.left


def _teacher(name: str, room: Room) -> Teacher:
    return next(each for each in room.asking.task.teachers if each.name == name)


_VERIFIERS: Mapping[str, Callable[[Sequence[Proposal], str, Room], _Found]] = {
    "instructions": _instructions,
    "doubts": _doubts,
    "rule": _rule,
    "judge": _judge,
    "round-trip": _round_trip,
}
