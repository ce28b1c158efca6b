from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.data.forest import Forest
from freehold.data.scale import Clusters, Scheme, find_near
from freehold.data.scale.bands import count_partitions
from freehold.data.scale.clusters import Collection
from freehold.data.scale.signing import sign_column
from freehold.data.scale.store import Store
from freehold.errors import StorageError

SCHEME = Scheme.derive(words=2)


def collection_of(seed: int, *, size: int = 150) -> list[str]:
    """Sentences of few words; some are copies with a word changed, some to the letter."""
    draw = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(200)]
    texts = [draw.choices(vocabulary, k=draw.randint(1, 40)) for _ in range(size)]
    for text in list(texts):
        changed = list(text)
        changed[draw.randrange(len(changed))] = draw.choice(vocabulary)
        texts.append(draw.choice([changed, text]))
    draw.shuffle(texts)
    return [" ".join(text) for text in texts]


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = text.split()
    return frozenset(tuple(words[i : i + 2]) for i in range(max(1, len(words) - 1)))


def joined(texts: list[str], bar: float) -> list[int]:
    """Every pair compared."""
    sets = [shingles(text) for text in texts]
    forest = Forest(len(texts))
    for i, j in combinations(range(len(texts)), 2):
        if len(sets[i] & sets[j]) >= bar * len(sets[i] | sets[j]):
            forest.join(i, j)
    return [int(root) for root in forest.roots()]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_clusters_are_those_that_comparing_all_would_find(seed: int) -> None:
    texts = collection_of(seed)
    found = find_near(texts, scheme=SCHEME)
    true = joined(texts, SCHEME.threshold)
    assert sum(a != b for a, b in zip(found.roots.tolist(), true, strict=True)) <= 2
    assert 0 < found.near <= found.compared
    assert found.same > 0


def gather(texts: list[str], store: Store, *, batch: int, memory: int, exact: bool = True) -> Clusters:
    collection = Collection(SCHEME, store=store, exact=exact)
    for start in range(0, len(texts), batch):
        made = sign_column(texts[start : start + batch], SCHEME)
        collection.add(made.signed, present=made.present)
    return collection.find(memory=memory)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("batch", "memory"), [(7, 1 << 30), (1000, 500), (64, 4000)])
def test_neither_batches_nor_memory_nor_the_disk_change_anything(
    tmp_path: Path, batch: int, memory: int, *, exact: bool
) -> None:
    texts = collection_of(1)
    here = gather(texts, Store(), batch=len(texts), memory=1 << 30, exact=exact)
    with Store(tmp_path) as store:
        there = gather(texts, store, batch=batch, memory=memory, exact=exact)
    assert here.roots.tolist() == there.roots.tolist()
    assert here.same == there.same


def test_without_comparing_whatever_meets_is_joined() -> None:
    texts = collection_of(2)
    exact, loose = find_near(texts, scheme=SCHEME), find_near(texts, scheme=SCHEME, exact=False)
    assert loose.compared == 0
    assert all(loose.roots[exact.roots] == loose.roots)
    assert len(set(loose.roots.tolist())) < len(set(exact.roots.tolist()))


def test_rows_without_a_text_are_alone() -> None:
    assert find_near([None, "", None, ""]).roots.tolist() == [0, 1, 2, 1]
    assert find_near([]).roots.tolist() == []


@pytest.mark.parametrize(("changing", "clusters"), [(1, 1), (3, 1_000)])
def test_thousands_from_one_template_are_compared_with_few(changing: int, clusters: int) -> None:
    base = ["your", "order", "has", "been", "sent", "to", "you", "at", "noon", "by", "bike", "or", "by", "van"]
    texts = [" ".join(base + [f"{number}x{each}" for each in range(changing)]) for number in range(1_000)]
    found = find_near(texts, scheme=Scheme.derive(words=1))
    assert len(set(found.roots.tolist())) == clusters
    assert found.compared < 64 * 20 * len(texts)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_many_pairs_are_joined_as_one_by_one(pairs: list[tuple[int, int]]) -> None:
    one_by_one, together = Forest(31), Forest(31)
    for pair in pairs:
        one_by_one.join(*pair)
    together.join_all(np.array([i for i, _ in pairs], int), np.array([j for _, j in pairs], int))
    assert one_by_one.roots().tolist() == together.roots().tolist()


@pytest.mark.parametrize(("rows", "memory", "parts"), [(0, 1, 1), (10, 400, 1), (11, 400, 2), (10**6, 10**6, 64)])
def test_keys_are_divided_until_they_fit(rows: int, memory: int, parts: int) -> None:
    assert count_partitions(rows, memory=memory) == parts


def test_a_full_disk_is_the_operators_business() -> None:
    store = Store(Path("/dev/full/not-a-folder"))
    with pytest.raises(StorageError, match="could not be written"):
        store.append("names", np.arange(3))
