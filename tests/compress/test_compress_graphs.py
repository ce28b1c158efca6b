"""Graphs of every family: they give what torch gives, or are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tests.engine.families import FAMILIES, PACKING, make_family
from tests.small import make_base

from freehold.compress.graphs import export_encoder
from freehold.compress.quantise import Form, quantise_encoder
from freehold.engine import (
    PACKS,
    Encoder,
    Vectoriser,
    copy_encoder,
    encode_texts,
    find_base,
    load_encoder,
    load_tokenizer,
    read_texts,
    run_encoder,
    vectors,
)
from freehold.engine.tokens import Packed, pack
from freehold.errors import UserError

TEXTS = [
    "where is my parcel",
    "",
    "é ü 日本語",
    "please check the invoice " * 12,
    "hello",
    "I lost the card today",
]
FAST = ("modernbert",)


def _packs(path: Path) -> bool:
    return PACKS in {each.key for each in onnx.load(path).metadata_props}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in FAMILIES]
)
def test_a_graph_gives_the_vectors_of_torch(name: str, tmp_path: Path) -> None:
    base = find_base(str(make_family(tmp_path / "base", name)), relative_to=tmp_path)
    encoder = load_encoder(base.folder)
    expected = encode_texts(TEXTS, base=base, cache=tmp_path, run=lambda: run_encoder(encoder))
    least: dict[Form, float] = {"int8": 0.98, "int8-weights": 0.99}
    copy_encoder(base.folder, tmp_path / "fp32")
    assert not export_encoder(encoder, tmp_path / "fp32" / "model.onnx")
    assert _packs(tmp_path / "fp32" / "model.onnx") == (name in PACKING)
    np.testing.assert_allclose(Vectoriser(tmp_path / "fp32", threads=1).vectors(TEXTS), expected, atol=1e-4)
    for form, likeness in least.items():
        copy_encoder(base.folder, tmp_path / form)
        quantise_encoder(tmp_path / "fp32" / "model.onnx", tmp_path / form / "model.onnx", form=form)
        found = Vectoriser(tmp_path / form, threads=1).vectors(TEXTS)
        assert (found * expected).sum(1).min() > likeness


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in FAMILIES]
)
def test_a_graph_gives_a_second_layer_from_the_same_pass(name: str, tmp_path: Path) -> None:
    base = find_base(str(make_family(tmp_path / "base", name)), relative_to=tmp_path)
    encoder = load_encoder(base.folder)
    assert encoder.middle == (() if name == "albert" else (2,))
    tokenizer, run = load_tokenizer(base.folder), run_encoder(encoder)
    expected = read_texts(TEXTS, tokenizer=tokenizer, pooling=base.pooling, run=run, tokens="middle")
    forms: tuple[Form, ...] = ("fp32", "int8-weights", "int8")
    for form in forms:
        folder = tmp_path / form
        copy_encoder(base.folder, folder)
        if form == "fp32":
            export_encoder(encoder, folder / "model.onnx")
        else:
            quantise_encoder(tmp_path / "fp32" / "model.onnx", folder / "model.onnx", form=form)
        found = Vectoriser(folder, threads=1).read(TEXTS, tokens="middle")
        ours, wanted = (np.concatenate([each.vectors for each in read.tokens]) for read in (found, expected))
        likeness = (ours * wanted).sum() / np.linalg.norm(ours) / np.linalg.norm(wanted)
        assert likeness > {"fp32": 0.99999, "int8-weights": 0.99, "int8": 0.98}[form]
        for one, other in zip(found.tokens, expected.tokens, strict=True):
            np.testing.assert_array_equal(one.offsets, other.offsets)
        if form == "fp32":
            np.testing.assert_allclose(ours, wanted, atol=1e-4)
            np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-4)
            np.testing.assert_allclose(Vectoriser(folder, threads=1).vectors(TEXTS), expected.vectors, atol=1e-4)


@pytest.mark.parametrize("name", ["bert", pytest.param("roberta", marks=pytest.mark.slow), "modernbert"])
def test_texts_share_rows_where_the_family_allows_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = find_base(str(make_family(tmp_path / "base", name)), relative_to=tmp_path)
    copy_encoder(base.folder, tmp_path / "fp32")
    export_encoder(load_encoder(base.folder), tmp_path / "fp32" / "model.onnx")
    quantise_encoder(tmp_path / "fp32" / "model.onnx", tmp_path / "int8.onnx", form="int8")
    for path in (tmp_path / "fp32" / "model.onnx", tmp_path / "int8.onnx"):
        assert _packs(path) == (name in PACKING)
    vectoriser, packed = Vectoriser(tmp_path / "fp32", threads=1), list[int]()

    def spy(ids: np.ndarray, mask: np.ndarray) -> Packed:
        packed.append(len(ids))
        return pack(ids, mask)

    monkeypatch.setattr(vectors, "pack", spy)
    together = vectoriser.vectors(TEXTS)
    assert bool(packed) == (name in PACKING)
    np.testing.assert_allclose(together, np.concatenate([vectoriser.vectors([text]) for text in TEXTS]), atol=1e-4)
    # In a row of 64 places, which are more than the family has positions.
    both = vectoriser.vectors([TEXTS[3], TEXTS[5], TEXTS[0] * 3])
    alone = [vectoriser.vectors([text]) for text in (TEXTS[3], TEXTS[5], TEXTS[0] * 3)]
    np.testing.assert_allclose(both, np.concatenate(alone), atol=1e-4)


def _product(weights: np.ndarray, *, scale: np.ndarray | None = None) -> onnx.ModelProto:
    """Returns a graph of a look-up by `input_ids`, a normalisation and a product."""
    number, width = TensorProto.FLOAT, weights.shape[0]
    table = np.random.default_rng(1).normal(size=(40, width)).astype(np.float32)
    gain = np.ones(width, np.float32) if scale is None else scale
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["found"]),
        helper.make_node("LayerNormalization", ["found", "gain", "shift"], ["normal"]),
        helper.make_node("MatMul", ["normal", "weights"], ["tokens"]),
    ]
    shape: list[str | int] = ["windows", "tokens"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("tokens", number, [*shape, weights.shape[1]])]
    kept = {"table": table, "gain": gain, "shift": np.zeros(width, np.float32), "weights": weights}
    tensors = [numpy_helper.from_array(each, name) for name, each in kept.items()]
    graph = helper.make_graph(nodes, "product", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _both(model: onnx.ModelProto, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns what the graph gives in fp32 and in int8 for every id."""
    onnx.save(model, folder / "fp32.onnx")
    quantise_encoder(folder / "fp32.onnx", folder / "int8.onnx", form="int8")
    given = {"input_ids": np.arange(40)[None], "attention_mask": np.ones((1, 40), np.int64)}
    found = []
    for name in ("fp32", "int8"):
        session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        found.append(session.run(None, given)[0])
    return found[0], found[1]


def test_integer_products_never_overflow(tmp_path: Path) -> None:
    # All weights alike, all values as large as can be: sums of two that saturate in 16 bits would lose a half.
    model = _product(np.ones((64, 8), np.float32) * np.array([1, -3] * 4, np.float32))
    del model.graph.node[1]
    model.graph.node[1].input[0] = "found"
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((40, 64), 5, np.float32), "table"))
    wanted, found = _both(model, tmp_path)
    np.testing.assert_allclose(found, wanted, rtol=0.01)
    # Processors with VNNI add in 32 bits and would not show it: neighbours of a column fit into 16 on all.
    stored = {
        each.name: numpy_helper.to_array(each) for each in onnx.load(tmp_path / "int8.onnx").graph.initializer
    }
    weights = stored["weights_int8"].astype(int)
    assert np.abs(weights[0::2] + weights[1::2]).max() * 255 < 2**15


def test_an_outlying_channel_does_not_take_the_scale_from_the_others(tmp_path: Path) -> None:
    random, gain = np.random.default_rng(0), np.ones(64, np.float32)
    gain[7] = 200
    weights = random.normal(size=(64, 16)).astype(np.float32)
    weights[7] /= 200
    wanted, found = _both(_product(weights, scale=gain), tmp_path)
    assert np.abs(found - wanted).mean() < 0.03 * np.abs(wanted).mean()


def test_what_is_made_int8_does_not_depend_on_other_texts(tmp_path: Path) -> None:
    model = _product(np.random.default_rng(0).normal(size=(64, 16)).astype(np.float32))
    _, together = _both(model, tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / "int8.onnx"), providers=["CPUExecutionProvider"])
    alone = [
        session.run(None, {"input_ids": np.array([[n]]), "attention_mask": np.array([[1]])})[0][0, 0]
        for n in range(40)
    ]
    np.testing.assert_allclose(np.array(alone), together[0], atol=1e-5)


def test_a_graph_without_a_second_layer_gives_the_last_one_for_spans(tmp_path: Path) -> None:
    base = find_base(str(make_family(tmp_path / "base", "bert")), relative_to=tmp_path)
    encoder = Encoder(load_encoder(base.folder).body)
    copy_encoder(base.folder, tmp_path / "old")
    export_encoder(encoder, tmp_path / "old" / "model.onnx")
    vectoriser = Vectoriser(tmp_path / "old", threads=1)
    found = vectoriser.token_vectors(TEXTS, layer="middle")
    assert vectoriser.vectors(TEXTS).shape[1] == vectoriser.dimension == encoder.dimension
    run = run_encoder(encoder)
    tokenizer = load_tokenizer(base.folder)
    expected = read_texts(TEXTS, tokenizer=tokenizer, pooling=base.pooling, run=run, tokens="middle").tokens
    for ours, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.vectors, wanted.vectors, atol=1e-4)


def test_what_is_looked_up_and_multiplied_at_once_keeps_its_names_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    model = _product(random.normal(size=(64, 8)).astype(np.float32))
    del model.graph.node[1]
    model.graph.node[1].input[0] = "found"
    table = random.normal(size=(300, 64)).astype(np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(table, "table"))
    wanted, found = _both(model, tmp_path)
    np.testing.assert_allclose(found, wanted, atol=0.05 * np.abs(wanted).max())


class _Unpackable(Encoder):
    """An encoder whose texts cannot share rows, though its family's can."""

    def packed(self, input_ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no mask of this shape")


def test_a_graph_whose_texts_cannot_share_rows_says_why(tmp_path: Path) -> None:
    body = load_encoder(make_base(tmp_path / "base", width=128)).body
    assert "no mask of this shape" in export_encoder(_Unpackable(body), tmp_path / "model.onnx")
    assert not _packs(tmp_path / "model.onnx")


def test_what_layers_share_is_stored_once(tmp_path: Path) -> None:
    tensor, number = helper.make_tensor_value_info, TensorProto.FLOAT
    random = np.random.default_rng(0)
    weights = random.normal(size=(6, 6)).astype(np.float32)
    table = random.normal(size=(300, 6)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["first"]),
        helper.make_node("MatMul", ["first", "weights"], ["second"]),
        helper.make_node("MatMul", ["second", "weights"], ["third"]),
        helper.make_node("Gather", ["table", "ids"], ["again"]),
        helper.make_node("Add", ["third", "again"], ["tokens"]),
    ]
    inputs = [tensor("ids", TensorProto.INT64, ["n"])]
    kept = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(table, "table")]
    graph = helper.make_graph(nodes, "shared", inputs, [tensor("tokens", number, ["n", 6])], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "fp32.onnx")
    quantise_encoder(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", form="int8-weights")
    found = onnx.load(tmp_path / "int8.onnx").graph.initializer
    assert {t.name for t in found} == {"weights_int8", "weights_scale", "table_rows", "table_scale"}
    session = onnxruntime.InferenceSession(str(tmp_path / "int8.onnx"), providers=["CPUExecutionProvider"])
    ids = np.array([0, 299, 7])
    [answer] = session.run(None, {"ids": ids})
    np.testing.assert_allclose(answer, table[ids] @ weights @ weights + table[ids], atol=0.3)


def test_stored_weights_are_multiplied_in_fp32(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", width=128)
    export_encoder(load_encoder(base), tmp_path / "fp32.onnx")
    copy_encoder(base, tmp_path / "stored", weights=False)
    quantise_encoder(tmp_path / "fp32.onnx", tmp_path / "stored" / "model.onnx", form="int8-weights")
    copy_encoder(base, tmp_path / "plain", weights=False)
    model = onnx.load(tmp_path / "stored" / "model.onnx")
    _write_weights_out(model.graph)
    onnx.save(model, tmp_path / "plain" / "model.onnx")
    found, wanted = (Vectoriser(tmp_path / name).vectors(TEXTS) for name in ("stored", "plain"))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def _write_weights_out(graph: onnx.GraphProto) -> None:
    """Replaces stored weights by what they stand for."""
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    stored = [node for node in graph.node if node.op_type == "DequantizeLinear"]
    assert stored
    for node in stored:
        weights, scale, *_ = (tensors[name] for name in node.input)
        graph.initializer.append(numpy_helper.from_array(weights.astype(np.float32) * scale, node.output[0]))
        graph.node.remove(node)


class _Stubborn(torch.nn.Module):
    """Gives vectors that depend on a number that no graph can know."""

    config = type("Config", (), {"model_type": "stubborn", "max_position_embeddings": 64})

    def __init__(self, *, how: str) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(50, 4)
        self.how = how

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.table

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> object:
        tokens = self.table(input_ids) * attention_mask.unsqueeze(-1)
        if self.how == "raises" and float(tokens.sum()) > 100:
            tokens = tokens + 1
        if self.how == "differs" and not torch.compiler.is_compiling():
            tokens = tokens + 1
        return type("Output", (), {"last_hidden_state": tokens})


@pytest.mark.parametrize(("how", "message"), [("raises", "the exporter says"), ("differs", "are off by 1")])
def test_a_family_that_cannot_be_exported_is_refused_by_name(how: str, message: str, tmp_path: Path) -> None:
    encoder = Encoder(_Stubborn(how=how))
    with pytest.raises(UserError, match=f"type 'stubborn' cannot be made an ONNX graph: .*{message}"):
        export_encoder(encoder, tmp_path / "model.onnx")
