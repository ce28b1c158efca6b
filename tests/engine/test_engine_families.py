"""Every family of encoders, small and random, made by transformers itself."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.engine.families import FAMILIES, LAYERS, PACKING, WIDTH, make_family
from torch import Tensor

from freehold.engine import (
    CUTTABLE,
    Encoder,
    encode_texts,
    find_base,
    load_adapter,
    load_encoder,
    load_tokenizer,
    lora_targets,
    pool,
    read_texts,
    run_encoder,
)
from freehold.engine.stacks import _STACKS
from freehold.errors import DataError, UserError

TEXTS = ["where is my parcel", "", "é ü 日本語", "please check the invoice " * 12, "hello"]
CUT = [name for name in FAMILIES if name != "albert"]
TARGETS = {
    "deberta": ["in_proj"],
    "deberta-v2": ["query_proj", "value_proj"],
    "deberta-v2-conv": ["query_proj", "value_proj"],
    "distilbert": ["q_lin", "v_lin"],
    "modernbert": ["Wqkv"],
    "mpnet": ["q", "v"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make_family(tmp_path_factory.mktemp(name), name) for name in FAMILIES}


@pytest.fixture(params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Returns ids and mask of three rows, one of them padded."""
    ids = torch.randint(5, 200, (3, 17), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    ids[1, 9:], mask[1, 9:] = 1, 0
    return ids, mask


def test_a_vector_does_not_depend_on_the_batch(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    base = find_base(str(folders[name]), relative_to=tmp_path)
    encoder = load_encoder(base.folder)
    together = encode_texts(TEXTS, base=base, cache=tmp_path, run=lambda: run_encoder(encoder))
    tokenizer, run = load_tokenizer(base.folder), run_encoder(encoder)
    for text, vector in zip(TEXTS, together, strict=True):
        alone = read_texts([text], tokenizer=tokenizer, pooling=base.pooling, run=run)
        np.testing.assert_allclose(alone.vectors[0], vector, atol=1e-5)
    assert together.shape == (len(TEXTS), 2 * WIDTH if encoder.middle else WIDTH)
    assert encoder.dimension == WIDTH


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("layers", range(LAYERS + 1))
def test_lower_and_upper_layers_are_the_whole(name: str, layers: int, folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders[name])
    ids, mask = batch()
    with torch.inference_mode():
        whole = encoder(ids, mask)
        lower = encoder.lower(ids, mask, layers=layers)
        joined = encoder.upper(lower, mask, from_layer=layers)
    assert encoder.supports_cut
    assert encoder.depth == LAYERS
    torch.testing.assert_close(joined[mask == 1], whole[mask == 1], atol=1e-6, rtol=0)
    assert layers == LAYERS or (lower - whole)[mask == 1].abs().max() > 1e-3


@pytest.mark.parametrize("name", CUT)
def test_one_pass_gives_the_last_layer_and_one_in_the_middle(name: str, folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders[name])
    ids, mask = batch()
    assert encoder.middle == (2,)
    with torch.inference_mode():
        last, middle = encoder.read(ids, mask)
        torch.testing.assert_close(last, encoder(ids, mask), atol=0, rtol=0)
        if name != "deberta-v2-conv":  # its convolution comes after the first layer
            lower = encoder.lower(ids, mask, layers=2)
            torch.testing.assert_close(middle[mask == 1], lower[mask == 1], atol=1e-6, rtol=0)
    assert (last - middle)[mask == 1].abs().max() > 1e-3


def test_texts_that_share_a_row_are_read_as_if_each_were_alone(name: str, folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders[name])
    assert encoder.packs == (name in PACKING)
    if not encoder.packs:
        return
    ids = torch.randint(5, 200, (2, 30), generator=torch.Generator().manual_seed(0))
    ids[0, 3] = ids[1, 0] = 1  # the padding token's text may stand in a text
    # More places than the family has positions: padding has none of its own.
    packed, segments = torch.ones((2, 64), dtype=torch.long), torch.zeros((2, 64), dtype=torch.long)
    packed[0, :30], packed[0, 30:42] = ids[0], ids[1, :12]
    segments[0, :30], segments[0, 30:42] = 1, 2
    packed[1, :4], segments[1, :4] = ids[1, :4], 3
    with torch.inference_mode():
        found = encoder.packed(packed, segments)
        first, second = (encoder(each, torch.ones_like(each))[0] for each in (ids[:1], ids[1:, :12]))
        third = encoder(ids[1:, :4], torch.ones((1, 4), dtype=torch.long))[0]
    for ours, alone in ((found[0, :30], first), (found[0, 30:42], second), (found[1, :4], third)):
        torch.testing.assert_close(ours, alone, atol=1e-5, rtol=0)


def test_several_layers_give_their_mean(folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders["modernbert"])
    ids, mask = batch()

    def middle(*layers: int) -> Tensor:
        return Encoder(encoder.body, middle=layers).read(ids, mask)[1]

    with torch.inference_mode():
        both, alone = middle(1, 2), [middle(1), middle(2)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2, atol=1e-6, rtol=0)
    assert (both - alone[1]).abs().max() > 1e-3


def test_the_families_with_a_middle_are_those_that_can_be_cut() -> None:
    assert set(_STACKS) == CUTTABLE


def test_there_is_no_middle_where_layers_share_their_weights(folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders["albert"])
    assert encoder.middle == ()
    assert len(encoder.read(*batch())) == 1


def test_what_is_trained_through_a_cut_is_trained_in_the_model(folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders["modernbert"])
    ids, mask = batch()
    hidden = encoder.lower(ids, mask, layers=2).detach()
    pool(encoder.upper(hidden, mask, from_layer=2), mask).square()[:, 0].sum().backward()  # type: ignore[no-untyped-call]
    layers = encoder.bare.layers
    learned = [any(p.grad is not None for p in layer.parameters()) for layer in layers]
    assert learned == [False, False, True]


def test_layers_that_share_their_weights_cannot_be_cut(folders: dict[str, Path]) -> None:
    encoder = load_encoder(folders["albert"])
    assert not encoder.supports_cut
    with pytest.raises(UserError, match="'albert' cannot be run apart"):
        encoder.lower(*batch(), layers=1)


def test_a_cut_lies_within_the_layers(folders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="between 0 and 3 layers, not at 4"):
        load_encoder(folders["bert"]).lower(*batch(), layers=4)


def test_an_adapter_finds_its_layers_and_merges(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    body = load_encoder(folders[name]).body
    targets = lora_targets(body)
    assert targets == TARGETS.get(name, ["query", "value"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        adapted = Encoder(get_peft_model(body, LoraConfig(r=2, target_modules=targets, init_lora_weights=False)))
        adapted.body.save_pretrained(str(tmp_path))  # type: ignore[operator]
    ids, mask = batch()
    with torch.inference_mode():
        expected = adapted.eval()(ids, mask)
        found = load_adapter(folders[name], adapter=tmp_path)(ids, mask)
        before = load_encoder(folders[name])(ids, mask)
    torch.testing.assert_close(found[mask == 1], expected[mask == 1], atol=1e-5, rtol=0)
    assert (expected - before).abs().max() > 1e-3
    assert adapted.supports_cut == (name != "albert")
    if adapted.supports_cut:
        with torch.inference_mode():
            joined = adapted.upper(adapted.lower(ids, mask, layers=1), mask, from_layer=1)
        torch.testing.assert_close(joined[mask == 1], expected[mask == 1], atol=1e-6, rtol=0)


def test_layers_without_known_names_are_those_of_the_attention() -> None:
    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Linear(2, 2)

    block = torch.nn.ModuleDict({"attention": Attention(), "other": torch.nn.Linear(2, 2)})
    assert lora_targets(block) == ["attention.first"]
    assert lora_targets(torch.nn.ModuleDict({"other": torch.nn.Linear(2, 2)})) == ["other"]


@pytest.mark.parametrize("pooling", [("mean",), ("cls",), ("max",), ("cls", "mean_sqrt_len_tokens")])
def test_pooling_with_gradients_is_pooling(pooling: tuple[str, ...], folders: dict[str, Path]) -> None:
    encoder, tokenizer = load_encoder(folders["bert"]), load_tokenizer(folders["bert"])
    for text in TEXTS[:3]:
        ids = torch.tensor([tokenizer.library.encode(text).ids])
        with torch.inference_mode():
            vector = pool(encoder(ids, torch.ones_like(ids)), torch.ones_like(ids), pooling=pooling)  # type: ignore[arg-type]
        found = read_texts([text], tokenizer=tokenizer, pooling=pooling, run=run_encoder(Encoder(encoder.body)))  # type: ignore[arg-type]
        np.testing.assert_allclose(found.vectors, vector.numpy(), atol=1e-6)


def test_weights_that_are_missing_are_not_made_up(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = make_family(tmp_path, "bert")
    tensors = load_file(base / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "layer.2.attention.self.query" not in name}
    save_file(kept, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"lacks 2 weights of the encoder, 'encoder\.layer\.2"):
        load_encoder(base)


def test_a_pooler_that_is_missing_is_the_same_each_time(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = make_family(tmp_path, "bert")
    tensors = load_file(base / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    save_file(kept, base / "model.safetensors", metadata={"format": "pt"})
    assert all(not p.any() for p in load_encoder(base).bare.pooler.parameters())


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = make_family(tmp_path / "base", "bert")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["post_processor"]["special_tokens"]["<s>"]["ids"] = [99_999]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    base = find_base(str(folder), relative_to=tmp_path)
    with pytest.raises(DataError, match="tokenizer gives the id 99999, and the weights know"):
        encode_texts(TEXTS, base=base, cache=tmp_path, run=lambda: run_encoder(load_encoder(folder)))
