"""The routes of experts: items are asked for, answered, skipped, taken back, one by one or many at once.

Owns the way from a request to the registry's experts and back. What is sent stands in `review_bodies`, what is
shown in `review_items`. No model is asked: a task without a champion can be reviewed too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse

from freehold.errors import UserError
from freehold.registry import Asking, Assignment, LedgerRow, Said, reckon
from freehold.serve.bodies import parse, read_body
from freehold.serve.callers import admission
from freehold.serve.champions import Slot
from freehold.serve.faults import Fault
from freehold.serve.inputs import check_rows
from freehold.serve.proposals import Proposals
from freehold.serve.review_bodies import Remark, Wanted, name_expert, read_page, read_remark, read_wanted
from freehold.serve.review_items import (
    describe_experts,
    describe_held,
    describe_labels,
    describe_listed,
    explain_refusal,
)
from freehold.serve.routing import Routes
from freehold.serve.service import Inbox, Panel, Service
from freehold.task import Json

__all__ = ["add_reviewing"]

_LONGEST_DRAFT = 65_536


def add_reviewing(routes: Routes, service: Service) -> None:
    """Adds the routes under /v1/tasks/{task}/reviews, and /v1/tasks/{task}/experts."""
    _add_asking(routes, service)
    _add_telling(routes, service)
    _add_many(routes, service)
    _add_standing(routes, service)


def _add_asking(routes: Routes, service: Service) -> None:
    path = "/v1/tasks/{task}/reviews"
    proposals = Proposals(service.panel)

    @routes.post(f"{path}/next")
    async def take_reviews(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        wanted = read_wanted(await _read(request, service), fields=_names(slot))
        expert = name_expert(wanted.expert, keyring=service.keyring)
        asking = _ask(slot, expert, wanted)
        taken = await service.work(slot.shelf.experts.take, asking, limit=wanted.limit)
        proposed = await service.work(proposals.find, slot, taken.assignments)
        items: list[Json] = [describe_held(each, slot.task, proposed=proposed) for each in taken.assignments]
        counts: dict[str, Json] = {"waiting": taken.waiting, "done": taken.done}
        return JSONResponse({"items": items, **counts, "labels": describe_labels(slot.fields)})

    @routes.post(f"{path}/undo")
    async def undo_review(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        said = await _read(request, service)
        if not isinstance(said, dict) or set(said) - {"expert"}:
            raise Fault(400, "An undo is an object with `expert`, or an empty one.", code="invalid_value")
        expert = name_expert(said.get("expert"), keyring=service.keyring)
        undo, rules = slot.shelf.experts.undo, slot.task.review
        undone = await service.work(undo, slot.task.name, expert=expert, rules=rules, now=_now())
        if undone is None:
            raise Fault(404, "There is nothing that you could take back.", code="assignment_not_found")
        again = describe_held(undone.again, slot.task) if undone.again else None
        return JSONResponse({"undone": undone.judgement.assignment, "item": again})


def _add_telling(routes: Routes, service: Service) -> None:
    path = "/v1/tasks/{task}/reviews/{assignment}"

    @routes.post(path)
    async def answer_review(request: Request) -> JSONResponse:
        slot, id = service.slot(request.path_params["task"]), request.path_params["assignment"]
        remark = read_remark(await _read(request, service))
        expert = name_expert(remark.expert, keyring=service.keyring)
        remarks = [remark._replace(assignment=id)]
        [answered] = await service.work(_answer, slot, remarks, inbox=service.inbox, expert=expert)
        if isinstance(answered, Fault):
            raise answered
        return JSONResponse(answered)

    @routes.put(f"{path}/draft")
    async def keep_draft(request: Request) -> JSONResponse:
        slot, id = service.slot(request.path_params["task"]), request.path_params["assignment"]
        body = await read_body(request.receive, limit=_LONGEST_DRAFT, batch_limit=_LONGEST_DRAFT)
        said = parse(body)
        if not isinstance(said, dict) or set(said) - {"draft", "expert"} or "draft" not in said:
            raise Fault(400, "A draft is an object with `draft`, any JSON.", code="invalid_value")
        expert = name_expert(said.get("expert"), keyring=service.keyring)
        keep, name = slot.shelf.experts.draft, slot.task.name
        if not await service.work(keep, name, id, expert=expert, content=said["draft"], now=_now()):
            raise Fault(404, f"You hold no assignment {id[:64]!r} here.", code="assignment_not_found")
        return JSONResponse({"assignment": id, "kept": True})


def _add_standing(routes: Routes, service: Service) -> None:
    @routes.get("/v1/tasks/{task}/experts")
    async def show_experts(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        caller = admission().caller
        whole = caller.may("admin", task=slot.task.name)
        mine = "" if whole else name_expert(None, keyring=service.keyring)
        ledger = await service.work(slot.shelf.experts.ledger, slot.task.name, expert=mine)
        told = await service.work(_measure, service.panel, ledger, slot) if whole else None
        return JSONResponse(describe_experts(reckon(ledger), told, rows=len(ledger)))


def _measure(panel: Panel | None, ledger: Sequence[LedgerRow], slot: Slot) -> Mapping[str, Json] | None:
    if panel is None:
        return None
    return panel.measure(ledger, slot.fields, inputs=slot.shelf.experts.inputs(slot.task.name))


def _add_many(routes: Routes, service: Service) -> None:
    path = "/v1/tasks/{task}/reviews"

    @routes.get(path)
    async def list_reviews(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        wanted, offset = read_page(dict(request.query_params), fields=_names(slot))
        expert = name_expert(wanted.expert, keyring=service.keyring)
        asking = _ask(slot, expert, wanted)
        total, found = await service.work(slot.shelf.experts.queue, asking, limit=wanted.limit, offset=offset)
        items: list[Json] = [describe_listed(each, slot.task) for each in found]
        page: dict[str, Json] = {"items": items, "total": total, "offset": offset}
        return JSONResponse({**page, "labels": describe_labels(slot.fields)})

    @routes.post(path)
    async def answer_reviews(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        expert = name_expert(request.query_params.get("expert"), keyring=service.keyring)
        body = await _read(request, service)
        if not isinstance(body, list):
            message = (
                'Many answers are a list, `[{"assignment": ID, "answers": {...}}]`; one alone is sent to '
                "`reviews/ID`. Who answers is `?expert=NAME` on a server without keys."
            )
            raise Fault(400, message, code="invalid_value")
        rows = check_rows(body, limit=service.settings.rows_limit)
        remarks = [read_remark(row, at=f"[{n}]", named=True) for n, row in enumerate(rows)]
        found = await service.work(_answer, slot, remarks, inbox=service.inbox, expert=expert)
        return JSONResponse(_receipt(found))


def _receipt(found: Sequence[dict[str, Json] | Fault]) -> dict[str, Json]:
    kept: list[Json] = [each for each in found if not isinstance(each, Fault)]
    rejected: list[Json] = [
        {"index": n, "code": each.code, "reason": each.message}
        for n, each in enumerate(found)
        if isinstance(each, Fault)
    ]
    return {"kept": kept, "rejected": rejected}


def _answer(slot: Slot, remarks: Sequence[Remark], *, inbox: Inbox, expert: str) -> list[dict[str, Json] | Fault]:
    """Keeps what an expert says of items, all in one transaction; returns what each came to, in order."""
    now, name, rules = _now(), slot.task.name, slot.task.review
    experts = slot.shelf.experts
    by_example = _hold(slot, [each.example for each in remarks if each.example], expert=expert, now=now)
    named = [each.assignment or _id(by_example, each.example) for each in remarks]
    held = experts.find(name, named, expert=expert)
    checked: list[Said | Fault] = []
    for id, each in zip(named, remarks, strict=True):
        checked.append(_check(held.get(id), each._replace(assignment=id or each.example), slot=slot, inbox=inbox))
    said = [each for each in checked if isinstance(each, Said)]
    answered = iter(experts.answer(name, said, expert=expert, rules=rules, now=now) if said else ())
    results: list[dict[str, Json] | Fault] = []
    for one in checked:
        if isinstance(one, Fault):
            results.append(one)
            continue
        outcome = next(answered)
        seconds, repeated = outcome.milliseconds / 1000, outcome.result == "repeated"
        shown: dict[str, Json] = {"assignment": outcome.assignment, "seconds": seconds, "repeated": repeated}
        results.append(explain_refusal(outcome) or shown)
    return results


def _hold(slot: Slot, examples: Sequence[str], *, expert: str, now: datetime) -> Mapping[str, Assignment]:
    """Returns the assignment of each example that an expert answers unasked: the last one, or a new one."""
    if not examples:
        return {}
    experts, name = slot.shelf.experts, slot.task.name
    known = experts.latest(name, examples, expert=expert)
    usable = {example: each for example, each in known.items() if each.state not in ("lapsed", "undone", "over")}
    if missing := [example for example in examples if example not in usable]:
        asking = Asking(name, expert, slot.task.review, now, examples=missing)
        taken = experts.take(asking, limit=len(missing)).assignments
        usable |= {each.example: each for each in taken}
    return usable


def _id(by_example: Mapping[str, Assignment], example: str) -> str:
    return by_example[example].id if example in by_example else ""


def _check(held: Assignment | None, remark: Remark, *, slot: Slot, inbox: Inbox) -> Said | Fault:
    """Returns what is said with values in the one form that equal ones have, or why it cannot be."""
    if held is None:
        if remark.example:
            message = f"Item {remark.example!r} does not wait for you: it is done, or others have it."
            return Fault(409, message, code="assignment_lapsed", param="example")
        message = f"You have no assignment {remark.assignment[:64]!r} here."
        return Fault(404, message, code="assignment_not_found", param="assignment")
    answers = None
    if remark.answers is not None:
        try:
            answers = inbox.fit_values(remark.answers, fields=slot.fields, inputs=held.inputs)
        except UserError as error:
            return Fault(400, error.message, code="invalid_value", param="answers")
    return Said(held.id, answers, remark.skip, remark.flag, remark.comment, remark.milliseconds)


def _ask(slot: Slot, expert: str, wanted: Wanted) -> Asking:
    if wanted.label and slot.task.review.suggestions == "hidden":
        message = f"`label` is {wanted.label!r}; `{slot.task.name}` hides suggestions, so nobody can ask by them."
        raise Fault(400, message, code="invalid_value", param="label")
    narrowed = {"field": wanted.field, "search": wanted.search, "label": wanted.label}
    return Asking(slot.task.name, expert, slot.task.review, _now(), **narrowed)


def _names(slot: Slot) -> list[str]:
    return [field.name for field in slot.task.fields]


def _now() -> datetime:
    return datetime.now(UTC)


async def _read(request: Request, service: Service) -> Json:
    settings = service.settings
    body = await read_body(request.receive, limit=settings.body_limit, batch_limit=settings.batch_limit)
    return parse(body) if body.strip() else {}
