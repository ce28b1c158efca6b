from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from freehold.engine import (
    TUNED,
    Base,
    find_base,
    load_adapter,
    load_encoder,
    load_tuned,
    save_adapter,
    save_changed,
    tuned_identity,
)
from freehold.errors import IntegrityError

IDS = torch.tensor([[2, 9, 11, 3]])
WEIGHT = "encoder.layer.1.output.dense.weight"


@pytest.fixture
def base(tiny_base: Path) -> Base:
    return find_base(str(tiny_base), relative_to=tiny_base)


def encode(encoder: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = encoder(IDS, torch.ones_like(IDS))
    return found


def adapted(base: Base) -> torch.nn.Module:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["query", "value"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model: torch.nn.Module = get_peft_model(load_encoder(base.folder).bare, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    return model.eval()


def test_changed_tensors_are_put_into_the_base(base: Base, tmp_path: Path) -> None:
    encoder = load_encoder(base.folder)
    before = encode(encoder)
    with torch.no_grad():
        encoder.bare.get_parameter(WEIGHT).add_(0.5)
    save_changed(tmp_path / "tuned", {WEIGHT: encoder.bare.get_parameter(WEIGHT)}, base=base)
    loaded = load_tuned(base.folder, tuned=tmp_path / "tuned")
    assert torch.equal(encode(loaded), encode(encoder))
    assert not torch.equal(encode(loaded), before)


def test_an_adapter_is_merged_into_the_base(base: Base, tmp_path: Path) -> None:
    model = adapted(base)
    save_adapter(tmp_path / "tuned", model, base=base)
    with torch.inference_mode():
        wanted = model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).last_hidden_state
    found = encode(load_tuned(base.folder, tuned=tmp_path / "tuned"))
    assert torch.allclose(found, wanted, atol=1e-5)
    assert not torch.allclose(found, encode(load_encoder(base.folder)), atol=1e-3)


def test_an_adapter_of_pefts_own_making_is_read_too(base: Base, tmp_path: Path) -> None:
    save_adapter(tmp_path / "tuned", adapted(base), base=base)
    (tmp_path / "tuned" / TUNED).unlink()
    found = load_tuned(base.folder, tuned=tmp_path / "tuned")
    assert torch.equal(encode(found), encode(load_adapter(base.folder, adapter=tmp_path / "tuned")))


def test_the_identity_is_by_content(base: Base, tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        save_changed(tmp_path / name, {WEIGHT: torch.full((3,), value)}, base=base)
    one, same, other = (tuned_identity(base, tuned=tmp_path / name) for name in "abc")
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    "tensors",
    [{"encoder.layer.9.output.dense.weight": torch.zeros(2)}, {WEIGHT: torch.zeros(2, 2)}],
    ids=["no such weight", "another shape"],
)
def test_what_belongs_to_another_base_is_refused(
    base: Base, tmp_path: Path, tensors: dict[str, torch.Tensor]
) -> None:
    save_changed(tmp_path, tensors, base=base)
    with pytest.raises(IntegrityError, match="is no weight of the base"):
        load_tuned(base.folder, tuned=tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (TUNED, b"{"),
        (TUNED, b'{"form": "pickle"}'),
        (TUNED, b"[]"),
        ("changed.safetensors", b"cut short"),
    ],
)
def test_a_damaged_folder_is_named(base: Base, tmp_path: Path, name: str, content: bytes) -> None:
    save_changed(tmp_path, {WEIGHT: load_encoder(base.folder).bare.get_parameter(WEIGHT)}, base=base)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=name):
        load_tuned(base.folder, tuned=tmp_path)


def test_an_empty_folder_is_no_tuned_encoder(base: Base, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="cannot be read"):
        load_tuned(base.folder, tuned=tmp_path)


def test_a_folder_without_its_weights_is_named(base: Base, tmp_path: Path) -> None:
    save_changed(tmp_path, {}, base=base)
    save_file({}, tmp_path / "other.safetensors")
    (tmp_path / "changed.safetensors").unlink()
    with pytest.raises(IntegrityError, match=r"changed\.safetensors"):
        load_tuned(base.folder, tuned=tmp_path)
