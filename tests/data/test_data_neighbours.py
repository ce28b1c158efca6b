from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.data import find_clusters, find_pairs, jaccard, shingles
from freehold.data.neighbours import HASHES, NEAR, sign


def cluster(*texts: str) -> list[set[str]]:
    found = find_clusters({str(i): {"text": text} for i, text in enumerate(texts)})
    groups: dict[str, set[str]] = {}
    for name, root in found.items():
        groups.setdefault(root, set()).add(texts[int(name)])
    return [group for group in groups.values() if len(group) > 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my card?", "where is my card"),
        ("My card is due to expire", "My card is due to expire soon."),
        ("How do I track the card you sent me?", "How do I track the card you sent to me?"),
        ("Ich möchte meine Karte sperren lassen, bitte", "Ich möchte meine Karte sperren lassen bitte!"),
    ],
)
def test_near_sentences_are_one_cluster(one: str, other: str) -> None:
    assert cluster(one, other, "something else entirely") == [{one, other}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What do I have to do to change my pin?", "What do I have to do to change my name?"),
        ("Same as a + b.", "Same as a * b."),
        ("card", "cart"),
        ("I like it \U0001f600", "I like it \U0001f621"),
        ("!!!", "???"),
        ("\u4f60\u597d", "\u518d\u89c1"),
    ],
)
def test_other_sentences_stay_apart(one: str, other: str) -> None:
    assert cluster(one, other) == []


def test_each_input_has_its_own_shingles() -> None:
    swapped = [{"title": "all about cards", "body": "none"}, {"title": "none", "body": "all about cards"}]
    assert jaccard(shingles(swapped[0]), shingles(swapped[1])) == 0
    assert list(find_pairs(swapped)) == []


def test_a_cluster_is_named_by_its_smallest_member() -> None:
    marks = dict(zip("dbca", "!?.;", strict=True))
    rows = {name: {"text": f"The very same long sentence, {mark}"} for name, mark in marks.items()}
    assert find_clusters(rows) == dict.fromkeys("abcd", "a")
    assert find_clusters({}) == {}


def _sentences(seed: int) -> list[str]:
    """Sentences from few words, some of them with one word changed."""
    words = random.Random(seed)
    vocabulary = ["".join(words.choices("abcdefghij", k=words.randint(2, 9))) for _ in range(60)]
    made = [words.choices(vocabulary, k=words.randint(3, 25)) for _ in range(300)]
    for sentence in list(made):
        changed = list(sentence)
        changed[words.randrange(len(changed))] = words.choice(vocabulary)
        made.append(changed)
    return [" ".join(sentence) for sentence in made]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_pairs_are_exactly_those_that_comparing_all_would_find(seed: int) -> None:
    texts = _sentences(seed)
    sets = [shingles({"text": text}) for text in texts]
    near = {(i, j) for j in range(len(texts)) for i in range(j) if jaccard(sets[i], sets[j]) >= NEAR}
    found = {(min(pair), max(pair)) for pair in find_pairs([{"text": text} for text in texts])}
    assert found <= near
    assert len(found) >= 0.995 * len(near)
    assert len(near) > 50


def test_thousands_from_one_template_are_one_cluster() -> None:
    ends = [f"{i:012b}".translate({48: "!", 49: "?"}) for i in range(3_000)]
    same = {f"{i:05}": {"text": f"Your order has been sent to you {end}"} for i, end in enumerate(ends)}
    assert Counter(find_clusters(same).values()) == {"00000": 3_000}


def test_signatures_are_the_same_in_every_process() -> None:
    code = (
        "from freehold.data.neighbours import shingles, sign;"
        "print(int(sign([shingles({'text': 'the same everywhere'})]).sum()))"
    )
    command = [sys.executable, "-c", code]
    one, other = (
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    )
    assert one.stdout == other.stdout
    assert sign([shingles({"text": "x"})] * 3).shape == (3, HASHES)
