from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.train.plain_rows import DIMENSION, FIELDS, make_rows, make_vectors

from freehold.engine import RandomFeatures, Sketch, field_labels, softmax
from freehold.train.ledger import Ledger, Shape, forget_others
from freehold.train.moments import FeatureMap, Moments
from freehold.train.rows import Rows

MAP = FeatureMap(RandomFeatures.draw(DIMENSION, count=48), Sketch(64))
SHAPE: Shape = {field.name: (field.kind, field_labels(field)) for field in FIELDS}
ROWS = make_rows(80)


class Asked:
    """Makes vectors, and counts the texts that they were asked for."""

    def __init__(self) -> None:
        self.texts = 0

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return make_vectors(texts)


def ledger(home: Path | None, *, asked: Asked | None = None, shape: Shape = SHAPE) -> Ledger:
    return Ledger(MAP, shape, asked or Asked(), "encoder", home)


def take(*ranges: range) -> Rows:
    return ROWS.take([place for each in ranges for place in each])


def scores(moments: Moments, name: str) -> NDArray[np.float64]:
    solved = moments.solve(dense=48)[name].head
    features = MAP.apply(ROWS.texts, make_vectors(ROWS.texts))
    weights = np.vstack([solved.dense, solved.grams]).astype(np.float64)
    return np.asarray(features @ weights + solved.bias)


def assert_as_from_scratch(moments: Moments, rows: Rows) -> None:
    again = ledger(None).sums(rows)
    assert moments.rows == again.rows
    np.testing.assert_allclose(np.triu(moments.gram), np.triu(again.gram), atol=1e-9)
    for name in SHAPE:
        ours, theirs = moments.fields[name], again.fields[name]
        np.testing.assert_allclose(ours.products, theirs.products, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours.totals, theirs.totals, rtol=1e-9, atol=1e-9)
    # The solution in double precision, before it is stored in single.
    system = [np.triu(each.gram) + np.triu(each.gram, 1).T + 0.1 * np.eye(MAP.width) for each in (moments, again)]
    first, second = (
        np.linalg.solve(each, sums.fields["area"].products.T)
        for each, sums in zip(system, (moments, again), strict=True)
    )
    np.testing.assert_allclose(first, second, atol=1e-9)
    for name in ("area", "mood"):
        chances = [softmax(10 * scores(each, name).astype(np.float32)) for each in (moments, again)]
        np.testing.assert_allclose(chances[0], chances[1], atol=1e-5)


CHANGES = {
    "the same": take(range(70)),
    "one more": take(range(71)),
    "one less": take(range(69)),
    "some come, some go": take(range(3, 74)),
    "another order": take(range(40, 70), range(40)),
    "half of them": take(range(35)),
    "others": take(range(70, 80)),
    "twice the same": take(range(70), range(2)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_sums_are_those_from_scratch_whatever_changed(name: str, tmp_path: Path) -> None:
    kept = ledger(tmp_path)
    kept.sums(take(range(70)))
    changed = CHANGES[name]
    assert_as_from_scratch(kept.sums(changed), changed)
    assert_as_from_scratch(kept.sums(take(range(70))), take(range(70)))


def test_rows_that_are_alike_are_counted(tmp_path: Path) -> None:
    kept = ledger(tmp_path)
    for rows in (take(range(70), range(2)), take(range(70), range(1)), take(range(70), range(1), range(1))):
        assert_as_from_scratch(kept.sums(rows), rows)


def test_another_label_is_another_row(tmp_path: Path) -> None:
    kept, rows = ledger(tmp_path), take(range(70))
    kept.sums(rows)
    turned = rows.targets["area"].copy()
    turned[3] = (turned[3] + 1) % 3
    corrected = replace(rows, targets={**rows.targets, "area": turned})
    assert_as_from_scratch(kept.sums(corrected), corrected)


def test_identical_texts_with_contradictory_labels_are_all_counted(tmp_path: Path) -> None:
    rows = take(range(70), range(1))
    turned = rows.targets["area"].copy()
    turned[-1] = (turned[-1] + 1) % 3
    rows = replace(rows, targets={**rows.targets, "area": turned})
    kept = ledger(tmp_path)
    assert_as_from_scratch(kept.sums(rows), rows)
    assert_as_from_scratch(kept.sums(take(range(70))), take(range(70)))


def test_what_did_not_change_is_not_looked_at_again(tmp_path: Path) -> None:
    ledger(tmp_path).sums(take(range(70)))
    asked = Asked()
    ledger(tmp_path, asked=asked).sums(take(range(2, 72)))
    assert asked.texts == 4
    ledger(tmp_path, asked=asked).sums(take(range(2, 72)))
    assert asked.texts == 4


def test_a_few_new_rows_are_added_again_instead_of_written(tmp_path: Path) -> None:
    asked = Asked()
    kept = ledger(tmp_path, asked=asked)
    kept.sums(take(range(70)))
    before = {path: path.read_bytes() for path in folder_of(tmp_path).iterdir()}
    for stop in (71, 72):
        assert_as_from_scratch(kept.sums(take(range(stop))), take(range(stop)))
        assert {path: path.read_bytes() for path in folder_of(tmp_path).iterdir()} == before
    assert asked.texts == 70 + 1 + 2
    assert_as_from_scratch(kept.sums(take(range(75))), take(range(75)))
    assert asked.texts == 73 + 5
    kept.sums(take(range(75)))
    assert asked.texts == 78


def test_parts_are_kept_apart(tmp_path: Path) -> None:
    parts = {name: Ledger(MAP, SHAPE, make_vectors, "encoder", tmp_path, part=name) for name in ("one", "other")}
    parts["one"].sums(take(range(70)))
    parts["other"].sums(take(range(8, 80)))
    assert_as_from_scratch(parts["one"].sums(take(range(70))), take(range(70)))


def test_many_turns_lose_nothing(tmp_path: Path) -> None:
    kept = ledger(tmp_path)
    random = np.random.default_rng(0)
    for _ in range(12):
        rows = ROWS.take(sorted(random.choice(80, 76, replace=False).tolist()))
        moments = kept.sums(rows)
    assert_as_from_scratch(moments, rows)


def folder_of(home: Path) -> Path:
    [folder] = home.iterdir()
    return folder


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def put_a_list(path: Path) -> None:
    path.write_bytes(b"[]")


def put_a_number(path: Path) -> None:
    path.write_bytes(b"7")


def put_an_archive(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + b"\0" * 90)


@pytest.mark.parametrize("file", ["sums.npy", "seal.json", "rows.json"])
@pytest.mark.parametrize("damage", [cut, flip, empty, remove, put_a_list, put_a_number, put_an_archive])
def test_a_damaged_file_is_made_again(damage: Callable[[Path], None], file: str, tmp_path: Path) -> None:
    rows = take(range(70))
    ledger(tmp_path).sums(rows)
    whole = {path.name: path.read_bytes() for path in folder_of(tmp_path).iterdir()}
    damage(folder_of(tmp_path) / file)
    assert_as_from_scratch(ledger(tmp_path).sums(rows), rows)
    assert {path.name: path.read_bytes() for path in folder_of(tmp_path).iterdir()} == whole


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", range(6))
def test_a_turn_that_was_killed_while_writing_leaves_nothing_wrong(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ledger(tmp_path)
    kept.sums(take(range(70)))
    rename, left = Path.rename, [after]

    def stop(path: Path, target: Path) -> Path:
        if left[0] <= 0:
            raise KilledError
        left[0] -= 1
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        try:
            kept.sums(take(range(2, 71)))
            assert after >= 3
        except KilledError:
            assert after < 3
    for rows in (take(range(2, 71)), take(range(70))):
        assert_as_from_scratch(kept.sums(rows), rows)
    assert {path.name for path in folder_of(tmp_path).iterdir()} <= {
        "sums.npy",
        "seal.json",
        "rows.json",
        "new.npy",
    }


def test_texts_of_withdrawn_rows_leave_the_disk(tmp_path: Path) -> None:
    kept = ledger(tmp_path)
    kept.sums(take(range(70)))
    assert ROWS.texts[0] in everything_below(tmp_path)
    kept.sums(take(range(1, 70)))
    assert ROWS.texts[0] not in everything_below(tmp_path)
    assert ROWS.texts[1] in everything_below(tmp_path)


def test_sums_that_nobody_uses_any_more_leave_the_disk(tmp_path: Path) -> None:
    """Another label makes other sums: those before it still hold rows that have been withdrawn since."""
    ledger(tmp_path).sums(take(range(70)))
    renamed: Shape = {**SHAPE, "area": ("choice", ("x", "y", "z"))}
    now = ledger(tmp_path, shape=renamed)
    now.sums(take(range(1, 70)))
    assert ROWS.texts[0] in everything_below(tmp_path)
    forget_others(tmp_path, kept={now.folder(tmp_path)})
    assert ROWS.texts[0] not in everything_below(tmp_path)
    assert ROWS.texts[1] in everything_below(tmp_path)


def everything_below(folder: Path) -> str:
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


def test_nothing_to_forget_is_no_mistake(tmp_path: Path) -> None:
    forget_others(tmp_path / "nothing", kept=())
    assert not (tmp_path / "nothing").exists()


def test_more_columns_than_features_are_kept_too(tmp_path: Path) -> None:
    many: Shape = {"area": ("choice", [f"l{n}" for n in range(300)])}
    rows = take(range(70))
    first = ledger(tmp_path, shape=many).sums(rows)
    again = ledger(tmp_path, shape=many).sums(rows)
    np.testing.assert_array_equal(first.fields["area"].totals, again.fields["area"].totals)
    np.testing.assert_array_equal(first.fields["area"].products, again.fields["area"].products)
    np.testing.assert_array_equal(np.triu(first.gram), np.triu(again.gram))


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    Ledger(MAP, SHAPE, make_vectors, "encoder", tmp_path, lambda done, total: told.append((done, total))).sums(
        ROWS
    )
    assert told[-1] == (80, 80)
