from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.small import FIELDS, make_desk, make_examples, make_labelled, make_task

from freehold.engine import Base, field_labels, find_base
from freehold.task import folder_digest, folder_files
from freehold.train import fit
from freehold.train.adapters import Adapters
from freehold.train.lora import LoraSettings, fine_tune
from freehold.train.rows import Rows, to_rows

NAMES = {field.name: field_labels(field) for field in FIELDS}
LABELS = {name: len(labels) for name, labels in NAMES.items()}
SETTINGS = LoraSettings(epochs=2, save_every=3, batch=16)


class KilledError(Exception):
    pass


def quiet(_done: int, _total: int, _note: str) -> None:
    pass


def part(rows: Rows, which: slice) -> Rows:
    return Rows(rows.ids[which], rows.texts[which], {f: t[which] for f, t in rows.targets.items()})


@pytest.fixture(scope="module")
def split() -> tuple[Rows, Rows]:
    examples = make_examples(120)
    train, validation = (
        to_rows([e for e in examples if e.split == name], FIELDS, inputs=["text"])
        for name in ("train", "validation")
    )
    return train, validation


@pytest.fixture
def base(tiny_base: Path) -> Base:
    return find_base(str(tiny_base), relative_to=tiny_base)


def tune(base: Base, split: tuple[Rows, Rows], folder: Path, *, stop_after: int = 0) -> str:
    def tell(done: int, _total: int, _note: str) -> None:
        if done == stop_after:
            raise KilledError

    fine_tune(
        base,
        *split,
        labels=LABELS,
        settings=SETTINGS,
        scratch=folder / "scratch",
        adapter=folder / "adapter",
        tell=tell,
    )
    return folder_digest(folder_files(folder / "adapter"))


def test_the_same_seed_gives_the_same_adapter_killed_or_not(
    base: Base, split: tuple[Rows, Rows], tmp_path: Path
) -> None:
    undisturbed = tune(base, split, tmp_path / "a")
    for stop in (1, 4, 7):
        with pytest.raises(KilledError):
            tune(base, split, tmp_path / "b", stop_after=stop)
    assert (tmp_path / "b" / "scratch" / "lora" / "last" / "state.json").is_file()
    assert tune(base, split, tmp_path / "b") == undisturbed


def test_an_adapter_is_free_of_paths(base: Base, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    tune(base, split, tmp_path)
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    config = (tmp_path / "adapter" / "adapter_config.json").read_text()
    assert '"target_modules":["query","value"]' in config


def test_a_checkpoint_is_whole_at_every_moment(base: Base, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    undisturbed = tune(base, split, tmp_path / "a")
    with pytest.raises(KilledError):
        tune(base, split, tmp_path / "b", stop_after=7)
    lora = tmp_path / "b" / "scratch" / "lora"
    (lora / "last").rename(lora / "gone")  # killed between the two renames, or while `next` was written
    (lora / "next").mkdir()
    (lora / "next" / "state.json").write_text("")
    assert tune(base, split, tmp_path / "b") == undisturbed
    assert sorted(path.name for path in lora.iterdir()) == ["best", "last"]


def test_a_kept_adapter_serves_much_the_same_rows(base: Base, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    train, validation = split
    few_less, half = part(train, slice(3, None)), part(train, slice(None, None, 2))
    adapters = Adapters(tmp_path, base=base, labels=NAMES, seed=0)
    assert not adapters.obtain(few_less, validation, scratch=tmp_path, tell=quiet)
    assert adapters.obtain(train, validation, scratch=tmp_path, tell=quiet)
    assert not adapters.lost_on_much_the_same(train)
    adapters.note_lost()
    assert adapters.lost_on_much_the_same(train)
    assert not adapters.lost_on_much_the_same(half)
    assert not adapters.obtain(half, validation, scratch=tmp_path, tell=quiet)


def test_a_kept_adapter_that_learned_from_a_row_that_left_is_made_again(
    base: Base, split: tuple[Rows, Rows], tmp_path: Path
) -> None:
    train, validation = split
    adapters = Adapters(tmp_path, base=base, labels=NAMES, seed=0)
    assert not adapters.obtain(train, validation, scratch=tmp_path, tell=quiet)
    assert not adapters.obtain(part(train, slice(1, None)), validation, scratch=tmp_path, tell=quiet)
    assert not adapters.obtain(train, part(validation, slice(1, None)), scratch=tmp_path, tell=quiet)


def test_other_labels_are_other_rows(base: Base, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    train, validation = split
    adapters = Adapters(tmp_path, base=base, labels=NAMES, seed=0)
    assert not adapters.obtain(train, validation, scratch=tmp_path, tell=quiet)
    adapters.note_lost()
    turned = {**train.targets, "urgent": 1 - train.targets["urgent"]}
    assert not adapters.lost_on_much_the_same(Rows(train.ids, train.texts, turned))
    shifted = {**train.targets, "area": train.targets["area"] + 1}
    more = Adapters(tmp_path, base=base, labels={**NAMES, "area": ("a", *NAMES["area"])}, seed=0)
    assert more.lost_on_much_the_same(Rows(train.ids, train.texts, shifted))


def test_whether_an_adapter_was_kept_is_no_part_of_the_model(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.train.climb.beats", lambda _upper, _lower: True)
    task = make_task(tmp_path, base=str(tiny_base))
    labelled = make_labelled(tmp_path / "labelled", make_examples())
    desk, again = make_desk(tmp_path / "a"), make_desk(tmp_path / "b")
    made = fit.function(desk, task, labelled)
    kept = fit.function(replace(again, cache=desk.cache), task, labelled)
    assert "kept" in str(kept.facts["rungs"])
    assert folder_digest(folder_files(kept.folder)) == folder_digest(folder_files(made.folder))
