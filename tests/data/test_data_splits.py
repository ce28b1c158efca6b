from __future__ import annotations

import string
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.splits import Assignment, Standing, assign
from freehold.task import Split, Told

TOLD: list[list[Told]] = [["auto"], ["train", "test"], ["auto", "train", "validation", "test"]]
NAMES = [a + b for a in string.ascii_lowercase for b in string.ascii_lowercase]


def split(
    rows: dict[str, Standing], clusters: dict[str, str], recorded: dict[str, Split] | None = None
) -> Assignment:
    declared = {row.told for row in rows.values()}
    whole = {name: clusters.get(name, name) for name in rows}
    return assign(rows, whole, recorded=recorded or {}, declared=declared, seed=0)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, Standing], dict[str, str], dict[str, Split]]:
    """Rows of all sorts in clusters, some of them recorded before."""
    told = st.sampled_from(draw(st.sampled_from(TOLD)))
    splits: list[Split | None] = [None, "train", "validation", "test"]
    rows, clusters, recorded = {}, {}, {}
    for name in NAMES[: draw(st.integers(1, 40))]:
        now: Split | None = draw(st.sampled_from(splits)) if draw(st.booleans()) else None
        where = draw(told)
        rows[name] = Standing(where, draw(st.integers(0, 9)) == 0 and where != "test" and now != "test")
        clusters[name] = draw(st.sampled_from(list(rows)))
        if now:
            recorded[name] = now
    roots = {name: min(n for n in clusters if clusters[n] == clusters[name]) for name in clusters}
    return rows, roots, recorded


@given(worlds())
def test_the_rules_hold(world: tuple[dict[str, Standing], dict[str, str], dict[str, Split]]) -> None:
    rows, clusters, recorded = world
    made = split(rows, clusters, recorded)
    assert set(made.splits) | set(made.apart) == set(rows)
    assert not set(made.splits) & set(made.apart)
    by_cluster = defaultdict(set)
    for name, where in made.splits.items():
        by_cluster[clusters[name]].add(where)
    assert all(len(found) == 1 for found in by_cluster.values()), "a cluster straddles splits"
    for name, row in rows.items():
        locked = row.told == "test" or recorded.get(name) == "test"
        assert not locked or made.splits[name] == "test"
        assert row.told == "auto" or locked or made.splits.get(name) != "test"
        assert recorded.get(name) not in ("train", "validation") or locked or made.splits.get(name) != "test"
        assert not row.corrected or made.splits.get(name, "train") == "train"
        assert name not in made.apart or made.apart[name].near in made.splits


@given(worlds())
def test_recording_and_assigning_again_changes_nothing(
    world: tuple[dict[str, Standing], dict[str, str], dict[str, Split]],
) -> None:
    rows, clusters, recorded = world
    made = split(rows, clusters, recorded)
    assert split(rows, clusters, {**recorded, **made.splits}) == made


@given(worlds(), worlds())
def test_growth_never_moves_a_test_row(
    world: tuple[dict[str, Standing], dict[str, str], dict[str, Split]],
    more: tuple[dict[str, Standing], dict[str, str], dict[str, Split]],
) -> None:
    rows, clusters, recorded = world
    made = split(rows, clusters, recorded)
    grown_rows = {**{f"z{name}": row for name, row in more[0].items()}, **rows}
    grown_clusters = {**{f"z{name}": f"z{cluster}" for name, cluster in more[1].items()}, **clusters}
    bridges = dict(zip(sorted(set(more[1].values())), sorted(set(clusters.values())), strict=False))
    for name, cluster in more[1].items():
        grown_clusters[f"z{name}"] = bridges.get(cluster, f"z{cluster}")
    after = split(grown_rows, grown_clusters, {**recorded, **made.splits})
    for name, where in made.splits.items():
        assert (after.splits.get(name) == "test") == (where == "test")


def test_new_rows_are_split_by_shares() -> None:
    made = split({str(i): Standing("auto") for i in range(10_000)}, {})
    counts = {name: list(made.splits.values()).count(name) for name in ("train", "validation", "test")}
    assert 6_850 < counts["train"] < 7_150
    assert 1_400 < counts["validation"] < 1_600
    assert 1_400 < counts["test"] < 1_600


@pytest.mark.parametrize(
    ("others", "absent"), [(["test"], {"test"}), (["test", "validation"], {"test", "validation"})]
)
def test_what_is_declared_takes_no_other_rows(others: list[Told], absent: set[str]) -> None:
    rows = {str(i): Standing("auto") for i in range(1_000)}
    rows |= {f"told {told}": Standing(told) for told in others}
    made = split(rows, {})
    assert not {made.splits[str(i)] for i in range(1_000)} & absent
    assert {made.splits[f"told {told}"] for told in others} == set(others)


def test_validation_is_carved_from_train_where_there_is_none() -> None:
    rows: dict[str, Standing] = {f"r{i}": Standing("train") for i in range(1_000)}
    rows |= {f"t{i}": Standing("test") for i in range(100)}
    made = split(rows, {})
    carved = [name for name, where in made.splits.items() if where == "validation"]
    assert 110 < len(carved) < 190
    assert all(name.startswith("r") for name in carved)


@pytest.mark.parametrize("count", range(1, 8))
def test_few_rows_still_fill_the_splits(count: int) -> None:
    for seed in range(30):
        rows = {str(i): Standing("auto") for i in range(count)}
        made = assign(rows, {name: name for name in rows}, recorded={}, declared={"auto"}, seed=seed)
        found = set(made.splits.values())
        assert "train" in found
        assert count < 3 or found == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("members", "recorded", "splits", "apart"),
    [
        ({"a": "test", "b": "train"}, {}, {"a": "test"}, {"b": "near a test row"}),
        ({"a": "auto", "b": "auto"}, {"a": "test"}, {"a": "test"}, {"b": "near a test row"}),
        ({"a": "train", "b": "auto"}, {"a": "test"}, {"a": "test"}, {"b": "near a test row"}),
        ({"a": "test", "b": "test"}, {}, {"a": "test", "b": "test"}, {}),
        ({"a": "test"}, {"a": "train"}, {"a": "test"}, {}),
        (
            {"a": "validation", "b": "train", "c": "auto"},
            {},
            {"a": "validation", "c": "validation"},
            {"b": "near a validation row"},
        ),
        (
            {"a": "correction", "b": "validation", "c": "auto", "d": "train"},
            {"c": "validation"},
            {"a": "train", "c": "train", "d": "train"},
            {"b": "near a correction"},
        ),
        ({"a": "correction", "b": "test"}, {}, {"b": "test"}, {"a": "near a test row"}),
        ({"a": "auto", "b": "auto"}, {"a": "validation", "b": "train"}, {"a": "train", "b": "train"}, {}),
        ({"a": "auto", "b": "auto"}, {"b": "validation"}, {"a": "validation", "b": "validation"}, {}),
    ],
)
def test_a_cluster_goes_where_its_strongest_row_goes(
    members: dict[str, str], recorded: dict[str, Split], splits: dict[str, str], apart: dict[str, str]
) -> None:
    rows = {
        name: Standing("train", True) if told == "correction" else Standing(told)  # type: ignore[arg-type]
        for name, told in members.items()
    }
    others: dict[str, Standing] = {f"o{i}": Standing("auto") for i in range(100)}
    made = split({**rows, **others}, dict.fromkeys(members, "a"), recorded)
    assert {name: where for name, where in made.splits.items() if name in members} == splits
    assert {name: why.reason for name, why in made.apart.items()} == apart
