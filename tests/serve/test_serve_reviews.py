"""Experts over HTTP: items are taken, answered, skipped and taken back, under the name of whoever asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.serve.bank import Client, release

from freehold.label import panel
from freehold.registry import Registry, Review
from freehold.registry.reviews import row_name
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import ReviewRules, Task

ROUTE = "/v1/tasks/banking/reviews"
TEXTS = ("my card is gone", "top up", "make a transfer", "Überweisung", "hello")


def queue(shelf: Registry, *, fields: tuple[str, ...] = ("intent",)) -> None:
    shelf.queue_reviews(
        "banking",
        [
            Review(row_name({"text": text}), "banking", field, {"text": text}, "top_up", 0.5, worth=-number)
            for number, text in enumerate(TEXTS)
            for field in fields
        ],
    )


@pytest.fixture
def office(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Iterator[Callable[..., Client]]:
    """Returns what opens a server without a model, by the rules of a `[review]` table."""
    opened: list[Client] = []

    def open_it(**rules: Any) -> Client:
        app = make_app(Served(replace(task, review=ReviewRules(**rules)), shelf), panel=panel)
        opened.append(Client(app).__enter__())
        return opened[-1]

    yield open_it
    for client in opened:
        client.__exit__(None, None, None)


def take(client: Client, expert: str = "ann", **wanted: Any) -> Any:
    return client.post(f"{ROUTE}/next", {"limit": 10, "expert": expert, **wanted}).json()


def say(client: Client, assignment: str, value: Any = "top_up", expert: str = "ann", **more: Any) -> Any:
    body = {"answers": {"intent": value}, "expert": expert, **more}
    return client.post(f"{ROUTE}/{assignment}", body).json()


def test_a_task_without_a_model_is_labelled_from_nothing(office: Callable[..., Client], shelf: Registry) -> None:
    client = office()
    queue(shelf)
    found = take(client, limit=2)
    assert [each["inputs"]["text"] for each in found["items"]] == list(TEXTS[:2])
    assert (found["waiting"], found["done"]) == (5, 0)
    assert found["labels"]["intent"] is None
    assert found["labels"]["mood"][0] == {"name": "1", "description": "angry"}
    item = found["items"][0]
    assert item["fields"] == {
        "intent": {"kind": "choice", "suggestion": "top_up", "confidence": 0.5, "given": None, "reason": ""}
    }
    kept = say(client, item["assignment"], "lost_card", seconds=3.25)
    assert kept == {"assignment": item["assignment"], "seconds": 3.25, "repeated": False}
    [correction] = shelf.feedback("banking")
    assert (correction.value, correction.maker) == ({"intent": "lost_card"}, "person:ann")
    assert len(shelf.reviews("banking")) == 4
    found = take(client, limit=2)
    assert (found["waiting"], found["done"]) == (4, 1)


def test_an_answer_that_is_sent_twice_is_kept_once(office: Callable[..., Client], shelf: Registry) -> None:
    client = office()
    queue(shelf)
    id = take(client)["items"][0]["assignment"]
    first, again = (say(client, id, "card", seconds=seconds) for seconds in (2, 9))
    assert again == {**first, "repeated": True}
    other = say(client, id, "cash")
    assert other["error"]["code"] == "assignment_closed"
    assert client.post(f"{ROUTE}/{id}", {"skip": "why not", "expert": "ann"}).status_code == 409
    assert len(shelf.experts.ledger("banking")) == len(shelf.feedback("banking")) == 1


def test_asking_again_gives_what_is_held_with_what_was_typed(
    office: Callable[..., Client], shelf: Registry
) -> None:
    client = office()
    queue(shelf)
    items = take(client, limit=2)["items"]
    id = items[1]["assignment"]
    typed = {"draft": {"answers": {"intent": "ca"}}, "expert": "ann"}
    kept = client.ask("PUT", f"{ROUTE}/{id}/draft", content=json.dumps(typed)).json()
    assert kept == {"assignment": id, "kept": True}
    again = take(client, limit=2)["items"]
    assert [each["assignment"] for each in again] == [each["assignment"] for each in items]
    assert again[1]["draft"] == typed["draft"]
    wrong = {**typed, "expert": "bob"}
    assert client.ask("PUT", f"{ROUTE}/{id}/draft", content=json.dumps(wrong)).status_code == 404
    others = {each["assignment"] for each in take(client, "bob")["items"]}
    assert others.isdisjoint(each["assignment"] for each in items)


def test_who_disagrees_is_decided_between_with_what_all_said(
    office: Callable[..., Client], shelf: Registry
) -> None:
    client = office(overlap=3)
    queue(shelf)
    for expert, value in (("ann", "card"), ("bob", "card"), ("cy", "cash")):
        for item in take(client, expert)["items"]:
            assert item["kind"] == "first"
            say(client, item["assignment"], value, expert)
    assert shelf.feedback("banking") == []
    item = take(client, "dan", limit=1)["items"][0]
    assert take(client, "ann")["items"] == [], "whoever disagreed does not decide while somebody else is there"
    assert item["kind"] == "adjudication"
    shown = item["fields"]["intent"]
    assert shown["answers"] == [{"value": "card", "experts": 2}, {"value": "cash", "experts": 1}]
    assert shown["proposed"]["value"] == "card"
    assert 0.5 < shown["proposed"]["confidence"] <= 1
    say(client, item["assignment"], "cash", "dan")
    assert [(row.value, row.maker) for row in shelf.feedback("banking")] == [({"intent": "cash"}, "person:dan")]


def test_an_undo_withdraws_the_correction_and_gives_the_item_back(
    office: Callable[..., Client], shelf: Registry
) -> None:
    client = office(overlap=2)
    queue(shelf)
    for expert in ("ann", "bob"):
        say(client, take(client, expert, limit=1)["items"][0]["assignment"], "card", expert, comment="hm")
    [correction] = shelf.feedback("banking")
    assert correction.maker == "person:ann, bob"
    undone = client.post(f"{ROUTE}/undo", {"expert": "bob"}).json()
    assert shelf.feedback("banking") == []
    assert undone["item"]["inputs"]["text"] == TEXTS[0]
    assert undone["item"]["draft"] == {"answers": {"intent": "card"}, "reason": "", "flag": False, "comment": "hm"}
    say(client, undone["item"]["assignment"], "card", "bob")
    assert [row.maker for row in shelf.feedback("banking")] == ["person:ann, bob"]
    client.post(f"{ROUTE}/undo", {"expert": "bob"})
    nothing = client.post(f"{ROUTE}/undo", {"expert": "bob"})
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "assignment_not_found")


def test_what_others_think_is_hidden_where_the_task_says_so(
    office: Callable[..., Client], shelf: Registry
) -> None:
    client = office(suggestions="hidden")
    queue(shelf)
    assert take(client)["items"][0]["fields"] == {"intent": {"kind": "choice"}}
    assert client.get(f"{ROUTE}?expert=ann").json()["items"][0]["fields"] == {"intent": {"kind": "choice"}}
    asked = client.post(f"{ROUTE}/next", {"label": "top_up"})
    assert (asked.status_code, asked.json()["error"]["param"]) == (400, "label"), "whoever may sort by it knows it"
    say(client, take(client)["items"][0]["assignment"])
    assert shelf.experts.ledger("banking")[0].suggestions == {}


def test_gold_items_look_like_all_others(office: Callable[..., Client], shelf: Registry) -> None:
    client = office(gold=0.5)
    queue(shelf)
    for item in take(client, limit=2)["items"]:
        say(client, item["assignment"], "card")
    shelf.experts.draw = lambda: 0.0
    items = take(client, "bob", limit=2)["items"]
    plain = take(client, "cy", limit=3)["items"]
    assert {each["inputs"]["text"] for each in items} <= set(TEXTS[:2])
    assert {tuple(each) for each in [*items, *plain]} == {tuple(items[0])}
    assert {tuple(each["fields"]["intent"]) for each in [*items, *plain]} == {tuple(items[0]["fields"]["intent"])}
    kept = say(client, items[0]["assignment"], "cash", "bob")
    assert set(kept) == {"assignment", "seconds", "repeated"}
    assert len(shelf.feedback("banking")) == 2, "gold becomes no correction"
    experts = {each["expert"]: each for each in client.get("/v1/tasks/banking/experts").json()["experts"]}
    assert (experts["bob"]["gold"]["value"], experts["bob"]["gold"]["n"]) == (0.0, 1)
    assert experts["bob"]["items"] == 1, "gold is paid"
    assert experts["ann"]["gold"] is None


def test_many_are_answered_at_once_and_what_cannot_be_is_named(
    office: Callable[..., Client], shelf: Registry
) -> None:
    client = office()
    queue(shelf)
    listed = client.get(f"{ROUTE}?expert=ann&limit=2&offset=1").json()
    assert (listed["total"], len(listed["items"])) == (5, 2)
    held = take(client, limit=1)["items"][0]
    rows = [
        {"assignment": held["assignment"], "answers": {"intent": "card"}},
        *({"example": each["example"], "answers": {"intent": "cash"}, "seconds": 1} for each in listed["items"]),
        {"example": "nobody", "skip": "never heard of it"},
        {"assignment": held["assignment"], "answers": {"mood": 7}},
    ]
    receipt = client.post(f"{ROUTE}?expert=ann", rows).json()
    assert [each["repeated"] for each in receipt["kept"]] == [False] * 3
    assert [(each["index"], each["code"]) for each in receipt["rejected"]] == [
        (3, "assignment_lapsed"),
        (4, "invalid_value"),
    ]
    again = client.post(f"{ROUTE}?expert=ann", rows).json()
    assert [each["repeated"] for each in again["kept"]] == [True] * 3
    assert len(shelf.feedback("banking")) == 3
    assert client.get(f"{ROUTE}?expert=ann").json()["total"] == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=CARD", 1),
        ("search=über", 1),
        ("search=nothing", 0),
        ("field=mood", 0),
        ("label=top_up", 5),
        ("label=card", 0),
    ],
)
def test_items_are_searched_and_filtered(
    office: Callable[..., Client], shelf: Registry, query: str, found: int
) -> None:
    client = office()
    queue(shelf)
    assert client.get(f"{ROUTE}?{query}").json()["total"] == found
    name, _, value = query.partition("=")
    assert len(take(client, **{name: value})["items"]) == found


def test_only_the_field_that_is_asked_for_is_handed_out(office: Callable[..., Client], shelf: Registry) -> None:
    client = office()
    queue(shelf, fields=("intent", "urgent"))
    item = take(client, limit=1, field="urgent")["items"][0]
    assert list(item["fields"]) == ["urgent"]
    kept = client.post(f"{ROUTE}/{item['assignment']}", {"answers": {"urgent": True}, "expert": "ann"})
    assert kept.status_code == 200
    assert len(shelf.reviews("banking")) == 9
    both = take(client, "bob", limit=2)["items"]
    assert [sorted(each["fields"]) for each in both] == [["intent"], ["intent", "urgent"]]


def test_with_a_key_the_expert_is_the_keys_name(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    queue(shelf)
    release(shelf, task)
    ann, bob = (shelf.make_key(name, scopes=["review"]).secret for name in ("Ann B.", "bob"))
    boss = shelf.make_key("boss", scopes=["admin"]).secret
    with Client(make_app(Served(task, shelf), panel=panel)) as client:

        def ask(secret: str, path: str, body: Any) -> Any:
            return client.post(path, body, headers={"authorization": f"Bearer {secret}"})

        item = ask(ann, f"{ROUTE}/next", {}).json()["items"][0]
        other = ask(ann, f"{ROUTE}/next", {"expert": "bob"})
        assert (other.status_code, other.json()["error"]["param"]) == (400, "expert")
        body = {"answers": {"intent": "lost_card"}}
        assert ask(bob, f"{ROUTE}/{item['assignment']}", body).json()["error"]["code"] == "assignment_not_found"
        assert ask(ann, f"{ROUTE}/{item['assignment']}", body).status_code == 200
        assert shelf.feedback("banking")[0].maker == "person:Ann B."
        seen = {
            secret: client.get("/v1/tasks/banking/experts", headers={"authorization": f"Bearer {secret}"}).json()
            for secret in (ann, bob, boss)
        }
        assert [each["expert"] for each in seen[ann]["experts"]] == ["Ann B."]
        assert "gold" not in seen[ann]["experts"][0]
        assert (seen[bob]["experts"], seen[ann]["agreement"]) == ([], None)
        assert "gold" in seen[boss]["experts"][0]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/next", [], ""),
        ("/next", {"limit": 0}, "limit"),
        ("/next", {"limit": True}, "limit"),
        ("/next", {"limt": 1}, "limt"),
        ("/next", {"field": "intend"}, "field"),
        ("/next", {"expert": "Ann"}, "expert"),
        ("/next", {"search": 5}, "search"),
        ("/undo", {"who": "ann"}, ""),
        ("/a", {}, ""),
        ("/a", {"answers": {}}, "answers"),
        ("/a", {"answers": {"intent": "a"}, "skip": "b"}, ""),
        ("/a", {"skip": "x" * 201}, "skip"),
        ("/a", {"skip": "", "seconds": -1}, "seconds"),
        ("/a", {"skip": "", "seconds": "long"}, "seconds"),
        ("/a", {"skip": "", "flag": 1}, "flag"),
        ("", {"skip": ""}, ""),
        ("", [{"skip": ""}], "[0]"),
        ("", [{"example": "a", "assignment": "b", "skip": ""}], "[0]"),
        ("", [{"example": "a", "skip": "", "comment": 1}], "[0].comment"),
    ],
)
def test_what_is_sent_wrongly_is_named(office: Callable[..., Client], path: str, body: Any, param: str) -> None:
    response = office().post(ROUTE + path, body)
    assert response.status_code == 400
    assert (response.json()["error"]["param"] or "") == param


def test_a_value_that_does_not_fit_changes_nothing(office: Callable[..., Client], shelf: Registry) -> None:
    client = office()
    queue(shelf, fields=("mood",))
    id = take(client)["items"][0]["assignment"]
    for answers in ({"mood": 9}, {"mood": "glad"}, {"intent": "card"}, {"tone": 1}):
        response = client.post(f"{ROUTE}/{id}", {"answers": answers, "expert": "ann"})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_value")
    assert shelf.experts.ledger("banking") == []


def test_time_is_capped_and_it_is_told(office: Callable[..., Client], shelf: Registry) -> None:
    client = office(rate=12, rate_per="hour")
    queue(shelf)
    kept = say(client, take(client)["items"][0]["assignment"], "card", seconds=5_000)
    assert kept["seconds"] == 600
    [account] = client.get("/v1/tasks/banking/experts").json()["experts"]
    assert account["owed"] == {"EUR": "2.00"}
