"""Encoders of every family are tuned, kept and loaded again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.engine.families import FAMILIES, make_family
from tests.small import FIELDS, make_examples

from freehold.engine import find_base, load_encoder, load_tuned
from freehold.errors import UserError
from freehold.train.losses import Aim
from freehold.train.rows import to_rows
from freehold.train.tuned_model import Adaptation
from freehold.train.tuning import TuneSettings, fine_tune

ROWS = to_rows([e for e in make_examples(40) if e.split == "train"], FIELDS, inputs=["text"])
SETTINGS = TuneSettings(checks=0, epochs=1, batch=8, rate=1e-2)
METHODS = {"last": Adaptation("last", layers=1), "full": Adaptation("full"), "lora": Adaptation("lora", rank=2)}


def tune(folder: Path, out: Path, *, adaptation: Adaptation) -> None:
    fine_tune(
        find_base(str(folder), relative_to=folder),
        ROWS,
        ROWS,
        aims={"area": Aim("choice", 3)},
        settings=replace(SETTINGS, adaptation=adaptation),
        scratch=out / "scratch",
        out=out / "tuned",
        tell=lambda _done, _total, _note: None,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_tuned_and_loaded_again(
    tmp_path_factory: pytest.TempPathFactory, family: str, method: str
) -> None:
    folder = make_family(tmp_path_factory.mktemp("family"), family)
    out = tmp_path_factory.mktemp("out")
    if method == "last" and not load_encoder(folder).supports_cut:
        with pytest.raises(UserError, match="cannot be run apart"):
            tune(folder, out, adaptation=METHODS[method])
        return
    tune(folder, out, adaptation=METHODS[method])
    ids = torch.tensor([[0, 40, 41, 42, 2]])
    with torch.inference_mode():
        before, after = (
            encoder(ids, torch.ones_like(ids))
            for encoder in (load_encoder(folder), load_tuned(folder, tuned=out / "tuned"))
        )
    assert bool(after.isfinite().all())
    assert not torch.allclose(before, after, atol=1e-4)
