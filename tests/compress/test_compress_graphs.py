"""Graphs of every family: they give what torch gives, or are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tests.engine.families import FAMILIES, make_family
from tests.small import make_base

from freehold.compress.graphs import Form, export_encoder, quantise_encoder
from freehold.engine import (
    Encoder,
    Vectoriser,
    copy_encoder,
    encode_texts,
    find_base,
    load_encoder,
    load_tokenizer,
    read_texts,
    run_encoder,
)
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


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in FAMILIES]
)
def test_a_graph_gives_the_vectors_of_torch(name: str, tmp_path: Path) -> None:
    base = find_base(str(make_family(tmp_path / "base", name)), relative_to=tmp_path)
    encoder = load_encoder(base.folder)
    expected = encode_texts(TEXTS, base=base, cache=tmp_path, run=lambda: run_encoder(encoder))
    least: dict[Form, float] = {"int8": 0.7, "int8-weights": 0.99}
    copy_encoder(base.folder, tmp_path / "fp32")
    export_encoder(encoder, tmp_path / "fp32" / "model.onnx")
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
        assert likeness > {"fp32": 0.99999, "int8-weights": 0.99, "int8": 0.7}[form]
        for one, other in zip(found.tokens, expected.tokens, strict=True):
            np.testing.assert_array_equal(one.offsets, other.offsets)
        if form == "fp32":
            np.testing.assert_allclose(ours, wanted, atol=1e-4)
            np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-4)
            np.testing.assert_allclose(Vectoriser(folder, threads=1).vectors(TEXTS), expected.vectors, atol=1e-4)


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
