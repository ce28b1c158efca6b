from __future__ import annotations

import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from tests.data.workplace import Outcome, Work

from freehold.data.groups import join_groups, name_group, rank_times
from freehold.task import DataRules, Example, Passport, Source

WORDS = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
)

PEOPLE = ("Ada", "Bob", "Cem", "Dag", "Eva", "Fin")
NAMES = st.sampled_from([f"{i:02}" for i in range(12)])


@given(st.dictionaries(NAMES, NAMES, min_size=1), st.data())
def test_blocks_hold_clusters_and_groups_whole(raw: dict[str, str], data: st.DataObject) -> None:
    clusters = {name: min(other for other in raw if raw[other] == raw[name]) for name in raw}
    groups = {name: data.draw(st.sampled_from(["", "a", "b", "c"])) for name in clusters}
    blocks = join_groups(clusters, groups)
    for name in clusters:
        for other in clusters:
            if clusters[name] == clusters[other] or (groups[name] and groups[name] == groups[other]):
                assert blocks[name] == blocks[other]
    assert all(block == min(clusters[n] for n in blocks if blocks[n] == block) for block in blocks.values())
    alone = join_groups(clusters, dict.fromkeys(clusters, ""))
    assert alone == clusters


def test_pieces_of_one_text_are_a_group() -> None:
    passport = Passport("in", "in/a.pdf:1#2")
    assert name_group(passport, DataRules()) == name_group(Passport("in", "in/a.pdf:1#7"), DataRules())
    assert name_group(Passport("in", "in/a.pdf:1"), DataRules()) == ""
    assert name_group(Passport("in", "notes#1.csv:12"), DataRules()) == "", "a mark in a file's name is none"
    assert name_group(passport, DataRules(group="source")) == "source in"
    assert name_group(Passport("in", "x", author="Ada"), DataRules(group="author")) == "author Ada"
    assert name_group(Passport("in", "x"), DataRules(group="author")) == ""


def put_mails(work: Work) -> None:
    """Writes 60 mails of six people, one a day."""
    chance = random.Random(3)
    for day in range(60):
        text = " ".join(chance.choices(WORDS, k=12))
        date = f"{1 + day % 28} {['Jan', 'Feb', 'Mar'][day // 28]} 2026 10:00:00 +0000"
        head = f"From: {PEOPLE[day % 6]} <x@example.org>\nDate: {date}\nSubject: s\n"
        work.put(f"mails/{'ab'[day % 2]}/{day}.eml", f"{head}\n{text} {day}\n")


def collect(work: Work, rules: DataRules) -> Outcome:
    return work.collect(Source("mails", {"text": "text", "intent": "label"}), rules=rules)


def test_what_one_author_wrote_stays_in_one_split(work: Work) -> None:
    put_mails(work)
    where: dict[str, set[str]] = defaultdict(set)
    made = collect(work, DataRules(group="author"))
    for example in made.examples:
        where[example.passport.author].add(example.split)
    assert len(where) == 6
    assert all(len(splits) == 1 for splits in where.values())
    assert {split for splits in where.values() for split in splits} == {"train", "validation", "test"}
    work.shelf.fixed.clear()
    mixed = defaultdict(set)
    for example in collect(work, DataRules()).examples:
        mixed[example.passport.author].add(example.split)
    assert any(len(splits) > 1 for splits in mixed.values())


def test_the_newest_rows_are_the_test_rows(work: Work) -> None:
    put_mails(work)
    made = collect(work, DataRules(group="time"))
    times: dict[str, list[str]] = defaultdict(list)
    for example in made.examples:
        times[example.split].append(example.passport.time)
    assert max(times["train"]) < min(times["validation"])
    assert max(times["validation"]) < min(times["test"])
    assert (len(times["test"]), len(times["validation"])) == (9, 9)


def test_rows_that_came_later_move_none_that_was_there(work: Work) -> None:
    put_mails(work)
    before = {row.id: row.split for row in collect(work, DataRules(group="time")).examples}
    for day in range(20):
        work.put(
            f"mails/a/new{day}.eml", f"From: Gil\nDate: {day + 1} Jun 2026 10:00:00 +0000\n\nnew {day * 7919}\n"
        )
    after = {row.id: row.split for row in collect(work, DataRules(group="time")).examples}
    assert {name: after[name] for name in before} == before


def test_rows_without_a_time_come_last() -> None:
    def row(name: str, time: str) -> Example:
        return Example(name, {}, {}, Passport("a", "b", time=time), "train")

    rows = {
        "a": row("a", "2026-01-02"),
        "b": row("b", ""),
        "c": row("c", "2026-01-03"),
        "d": row("d", "2026-01-01"),
    }
    places = rank_times(rows, {"a": "a", "b": "b", "c": "c", "d": "a"})
    assert places["c"] < places["a"] < places["b"] == 1
