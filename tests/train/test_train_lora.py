from __future__ import annotations

from pathlib import Path

import pytest
from tests.small import FIELDS, make_examples

from freehold.engine import Base, find_base
from freehold.task import folder_digest, folder_files
from freehold.train.adapters import Adapters
from freehold.train.lora import LoraSettings, fine_tune
from freehold.train.rows import Rows, to_rows

LABELS = {"area": 3, "tone": 2, "urgent": 2}
SETTINGS = LoraSettings(epochs=2, save_every=3, batch=16)


class KilledError(Exception):
    pass


def quiet(_done: int, _total: int, _note: str) -> None:
    pass


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


def test_a_kept_adapter_serves_much_the_same_rows(base: Base, split: tuple[Rows, Rows], tmp_path: Path) -> None:
    train, validation = split
    adapters = Adapters(tmp_path, base=base, labels=LABELS, seed=0)
    assert not adapters.obtain(train, validation, scratch=tmp_path, tell=quiet)
    few_less = Rows(train.ids[3:], train.texts[3:], {f: t[3:] for f, t in train.targets.items()})
    assert adapters.obtain(few_less, validation, scratch=tmp_path, tell=quiet)
    assert not adapters.lost_on_much_the_same(few_less)
    adapters.note_lost()
    assert adapters.lost_on_much_the_same(few_less)
    half = Rows(train.ids[::2], train.texts[::2], {f: t[::2] for f, t in train.targets.items()})
    assert not adapters.lost_on_much_the_same(half)
    assert not adapters.obtain(half, validation, scratch=tmp_path, tell=quiet)
