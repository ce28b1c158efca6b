from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.small import AREAS, FIELDS, make_examples
from torch import Tensor, nn

from freehold.engine import (
    Base,
    Encoder,
    encode_texts,
    field_labels,
    find_base,
    load_encoder,
    load_tokenizer,
    load_tuned,
    run_encoder,
    split_words,
)
from freehold.errors import UserError
from freehold.task import folder_digest, folder_files
from freehold.train.lessons import Side, name_lessons
from freehold.train.losses import Aim, LossSettings, Tagged, Target
from freehold.train.rows import to_rows
from freehold.train.tuned_model import Adaptation, Model, class_means
from freehold.train.tuning import TuneSettings, Tuning, fine_tune

LAST, FULL, LORA = Adaptation("last", layers=1), Adaptation("full"), Adaptation("lora", rank=4)
QUICK = TuneSettings(epochs=2, batch=16, save_every=3, checks=2)


class KilledError(Exception):
    pass


@dataclass(frozen=True)
class Some:
    """Rows with targets of every kind."""

    ids: Sequence[str]
    texts: Sequence[str]
    targets: Mapping[str, Target]


class TagLoss(nn.Module):
    """A loss that learns: which tag is likely anyway."""

    def __init__(self) -> None:
        super().__init__()
        self.often = nn.Parameter(torch.zeros(3))

    def forward(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        plain = nn.functional.cross_entropy((scores + self.often).transpose(1, 2), tags, reduction="none")
        return (plain * mask).sum(1)


AIMS = {
    **{field.name: Aim("choice", len(field_labels(field))) for field in FIELDS},
    "kinds": Aim("choices", 3),
    "words": Aim("number", 1),
    "slots": Aim("spans", 3, tag_loss=TagLoss()),
}


def slots(text: str) -> Tagged:
    """Returns the words of a text: 1 for a subject, 2 for haste."""
    words = split_words(text)
    tags = [1 if word.text in AREAS else 2 if word.text in ("now", "today") else 0 for word in words]
    return Tagged(np.array([(word.start, word.end) for word in words]), np.array(tags))


def make(split: str) -> Some:
    rows = to_rows([e for e in make_examples(120) if e.split == split], FIELDS, inputs=["text"])
    several = np.stack([rows.targets["area"] == k for k in range(3)], axis=1).astype(np.int64)
    targets: dict[str, Target] = {
        **rows.targets,
        "kinds": several,
        "words": np.array([len(text.split()) for text in rows.texts], np.float32),
        "slots": [slots(text) for text in rows.texts],
    }
    return Some(rows.ids, rows.texts, targets)


TRAIN, HELD = make("train"), make("validation")


def without(rows: Some, *, missing: slice) -> Some:
    """Returns rows of which some have no target at all."""
    targets: dict[str, Target] = {}
    for name, target in rows.targets.items():
        if isinstance(target, np.ndarray):
            cut = target.copy()
            cut[missing] = np.nan if target.dtype == np.float32 else -1
            targets[name] = cut
        else:
            every = list(target)
            every[missing] = [None] * len(every[missing])
            targets[name] = every
    return Some(rows.ids, rows.texts, targets)


@pytest.fixture
def base(tiny_base: Path) -> Base:
    return find_base(str(tiny_base), relative_to=tiny_base)


def tune(
    base: Base,
    folder: Path,
    settings: TuneSettings,
    *,
    aims: Mapping[str, Aim] = AIMS,
    stop_after: int = 0,
    rows: tuple[Some, Some] = (TRAIN, HELD),
) -> Tuning:
    def tell(done: int, _total: int, note: str) -> None:
        if done == stop_after and not note.startswith("lower"):
            raise KilledError

    scratch, out = folder / "scratch", folder / "out"
    return fine_tune(base, *rows, aims=aims, settings=settings, scratch=scratch, out=out, tell=tell)


def content(folder: Path) -> str:
    return folder_digest(folder_files(folder / "out"))


WAYS = {
    "lora": replace(QUICK, adaptation=LORA),
    "lora on the last layer": replace(QUICK, adaptation=LORA._replace(layers=1)),
    "last": replace(QUICK, adaptation=LAST),
    "full": replace(QUICK, adaptation=FULL),
    "muon": replace(QUICK, adaptation=LAST, optimiser="muon"),
    "grokfast+soap": replace(QUICK, adaptation=FULL, optimiser="grokfast+soap"),
    "two passes": replace(QUICK, adaptation=LAST, loss=LossSettings(dropout=0.2, consistency=1.0)),
    "mixed": replace(QUICK, adaptation=LAST, loss=LossSettings(mixup=0.4, smoothing=0.1, balance=0.5)),
    "contrast": replace(QUICK, adaptation=FULL, loss=LossSettings(contrast=0.5)),
    "prototypes": replace(
        QUICK, adaptation=LAST, balanced=4, loss=LossSettings(prototypes=True, dropout=0.1), patience=9
    ),
    "no checks": replace(QUICK, adaptation=LAST, checks=0),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_ends_at_the_very_same_weights(base: Base, tmp_path: Path, way: str) -> None:
    undisturbed = tune(base, tmp_path / "a", WAYS[way])
    for stop in (1, 4, 7):
        with pytest.raises(KilledError):
            tune(base, tmp_path / "b", WAYS[way], stop_after=stop)
    assert (tmp_path / "b" / "scratch" / "last" / "state.json").is_file()
    again = tune(base, tmp_path / "b", WAYS[way])
    assert again == undisturbed
    assert content(tmp_path / "b") == content(tmp_path / "a")


@pytest.mark.parametrize("way", WAYS)
def test_what_was_learned_can_be_loaded_and_is_not_the_base(base: Base, tmp_path: Path, way: str) -> None:
    tune(base, tmp_path, WAYS[way])
    ids = torch.tensor([[2, 9, 11, 3]])
    with torch.inference_mode():
        found = load_tuned(base.folder, tuned=tmp_path / "out")(ids, torch.ones_like(ids))
        before = load_encoder(base.folder)(ids, torch.ones_like(ids))
    assert bool(found.isfinite().all())
    assert not torch.allclose(found, before, atol=1e-4)


@pytest.mark.parametrize(
    ("adaptation", "learns"),
    [(LAST, ("encoder.layer.1.",)), (FULL, ("encoder.layer.0.", "encoder.layer.1."))],
    ids=["last", "full"],
)
def test_only_what_may_learn_is_stored(
    base: Base, tmp_path: Path, adaptation: Adaptation, learns: tuple[str, ...]
) -> None:
    tune(base, tmp_path, replace(QUICK, adaptation=adaptation))
    stored = load_file(tmp_path / "out" / "changed.safetensors")
    names = {name for name, _ in load_encoder(base.folder).bare.named_parameters() if name.startswith(learns)}
    assert set(stored) == names


def test_adapters_on_the_last_layer_only_are_named_in_full(base: Base, tmp_path: Path) -> None:
    tune(base, tmp_path, WAYS["lora on the last layer"])
    stored = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert len(stored) == 4
    assert all(".layer.1." in name for name in stored)


@pytest.mark.parametrize(
    ("adaptation", "name"),
    [*((LAST, name) for name in AIMS), (FULL, "area"), (LORA, "area")],
    ids=[*(f"last, {name}" for name in AIMS), "full", "lora"],
)
def test_every_kind_of_field_is_learned(base: Base, tmp_path: Path, adaptation: Adaptation, name: str) -> None:
    settings = replace(QUICK, adaptation=adaptation, epochs=20, checks=2, rate=8e-3, head_rate=2e-2)
    seen = tune(base, tmp_path, settings, aims={name: AIMS[name]}, rows=(TRAIN, TRAIN)).seen
    assert seen[-1] > 0.8


@pytest.mark.parametrize("settings", [WAYS["two passes"], WAYS["mixed"], WAYS["prototypes"], WAYS["contrast"]])
def test_rows_without_targets_teach_nothing(base: Base, tmp_path: Path, settings: TuneSettings) -> None:
    few = without(TRAIN, missing=slice(5, None))
    assert tune(base, tmp_path, replace(settings, balanced=0), rows=(few, HELD)).steps > 0
    none = without(TRAIN, missing=slice(None))
    tune(base, tmp_path / "none", replace(settings, balanced=0), rows=(none, without(HELD, missing=slice(None))))
    assert (tmp_path / "none" / "out" / "tuned.json").is_file()


def test_without_checks_the_last_weights_are_kept(base: Base, tmp_path: Path) -> None:
    settings = replace(QUICK, adaptation=LAST, checks=0)
    assert tune(base, tmp_path / "a", settings).seen == []
    nobody = Some((), (), {**{name: TRAIN.targets[name][:0] for name in AIMS}})
    unwatched = tune(base, tmp_path / "b", replace(settings, checks=4), rows=(TRAIN, nobody))
    assert unwatched.seen == []
    assert unwatched.steps == 10
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_the_best_encoder_is_kept_and_training_stops_without_progress(base: Base, tmp_path: Path) -> None:
    settings = replace(QUICK, adaptation=LAST, epochs=20, checks=10, patience=1, rate=1e-9, head_rate=1e-9)
    found = tune(base, tmp_path, settings, aims={"area": AIMS["area"]})
    assert found.seen[0] == found.seen[1]
    assert (len(found.seen), found.steps) == (2, 20)


def test_lower_layers_are_computed_once(base: Base, tmp_path: Path) -> None:
    notes: list[str] = []

    def run(settings: TuneSettings) -> list[str]:
        notes.clear()
        fine_tune(
            base,
            TRAIN,
            HELD,
            aims=AIMS,
            settings=settings,
            scratch=tmp_path / "scratch",
            out=tmp_path / "out",
            tell=lambda _done, _total, note: notes.append(note),
        )
        return [note for note in notes if note.startswith("lower")]

    settings = replace(QUICK, adaptation=LAST)
    assert len(run(settings)) >= 2
    assert run(replace(settings, rate=1e-3)) == []
    assert "rows/s" in notes[-1]
    assert "left" in notes[-1]
    assert "validation" in notes[-1]


def test_kept_lower_layers_are_what_the_encoder_gives(base: Base, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(base.folder, max_tokens=12)
    texts = Some(HELD.ids[:4], [*HELD.texts[:3], " ".join(HELD.texts[3:9])], {})
    side = Side(texts, aims={}, like=texts, losses=LossSettings(), tokenizer=tokenizer, windows=9)
    encoder = load_encoder(base.folder)
    model = Model(encoder, {}, adaptation=LAST, pooling=("mean",), scale=1.0, dropout=0.0)
    before = side.read(model.eval(), [3, 1])[0].vectors
    side.keep_lower(model, [0, 1, 2, 3], folder=tmp_path, identity="", tell=lambda _d, _t: None)
    after = side.read(model, [3, 1])[0].vectors
    assert torch.allclose(before, after, atol=2e-3)
    assert not torch.equal(before, after)  # half precision: what was kept is what is read


def test_given_vectors_are_where_heads_begin(base: Base, tmp_path: Path) -> None:
    run = partial(run_encoder, Encoder(load_encoder(base.folder).body))
    vectors = encode_texts(TRAIN.texts, base=base, cache=tmp_path, run=run)
    settings = replace(QUICK, adaptation=LAST, checks=1, epochs=1, rate=1e-9, head_rate=1e-9)

    def begin(name: str, given: np.ndarray[tuple[int, int], np.dtype[np.float32]] | None) -> float:
        return fine_tune(
            base,
            TRAIN,
            HELD,
            aims={"area": AIMS["area"]},
            settings=settings,
            scratch=tmp_path / name,
            out=tmp_path / name / "out",
            tell=lambda _d, _t, _n: None,
            vectors=given,
        ).seen[0]

    target = TRAIN.targets["area"]
    assert isinstance(target, np.ndarray)
    means = class_means(torch.from_numpy(vectors), torch.from_numpy(target), columns=3).numpy()
    held = encode_texts(HELD.texts, base=base, cache=tmp_path, run=run)
    wanted = float(((held @ means.T).argmax(1) == HELD.targets["area"]).mean())
    assert begin("given", vectors) == pytest.approx(wanted)
    assert begin("turned", -vectors) < wanted


def test_other_targets_are_other_work(base: Base, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        tune(base, tmp_path, QUICK, stop_after=7)
    turned = Some(TRAIN.ids, TRAIN.texts, {**TRAIN.targets, "urgent": 1 - np.asarray(TRAIN.targets["urgent"])})
    assert name_lessons(turned) != name_lessons(TRAIN)
    tune(base, tmp_path, QUICK, rows=(turned, HELD))
    tune(base, tmp_path / "fresh", QUICK, rows=(turned, HELD))
    assert content(tmp_path) == content(tmp_path / "fresh")


def test_a_tag_loss_that_learns_begins_anew_in_every_run(base: Base, tmp_path: Path) -> None:
    aims = {"slots": AIMS["slots"]}
    tune(base, tmp_path / "a", QUICK, aims=aims)
    tune(base, tmp_path / "b", QUICK, aims=aims)
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"loss": LossSettings(consistency=1.0)}, "dropout"),
        ({"adaptation": Adaptation("last")}, "layers"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named):
        replace(QUICK, **change)  # type: ignore[arg-type]


def test_an_unknown_optimiser_is_refused(base: Base, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sgdx"):
        tune(base, tmp_path, replace(QUICK, optimiser="sgdx"))
