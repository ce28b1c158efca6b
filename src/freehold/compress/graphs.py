"""ONNX graphs: an encoder exported from torch, and its int8 forms.

The form `int8` has weights per output channel and activations quantised on the fly (ONNX Runtime's dynamic
quantisation); `int8-weights` has int8 weights that are scaled back when the graph is loaded. Embedding tables are
int8 with one scale a row, which keeps rare words exact enough.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from freehold.engine import MIDDLE
from freehold.errors import UserError
from freehold.task import digest

if TYPE_CHECKING:
    from freehold.engine import Encoder

__all__ = ["FORMS", "Form", "export_encoder", "quantise_encoder", "recipe"]

Form = Literal["int8", "int8-weights", "fp32"]
FORMS: tuple[Form, ...] = ("int8", "int8-weights", "fp32")
"""From fast to exact. `int8-weights` is as small as `int8`, and computes in fp32."""

_RECIPE = 5  # raised whenever the functions below would make another encoder graph of the same weights
_MAKERS = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
_OPSET = 18
_TABLE_ROWS = 256
_TOLERANCE = 1e-3


def recipe() -> str:
    """Returns a name for how encoder graphs are made: by which code, with which libraries."""
    return digest([_RECIPE, _OPSET, _TABLE_ROWS, *(version(name) for name in _MAKERS)])


def export_encoder(encoder: Encoder, path: Path) -> None:
    """Writes an encoder as an fp32 graph: `input_ids`, `attention_mask` to `tokens`, any windows and tokens.

    An encoder with layers in the middle has a second output, `middle`.

    Raises:
        UserError: An encoder of this family cannot be exported, or its graph gives other vectors.
    """
    try:
        model = _trace(encoder.eval())
    except Exception as error:  # the exporter lets anything through
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise _refusal(encoder, f"the exporter says {reason!r}") from error
    _forget_origin(model)
    onnx.save(model, path)
    difference = _difference(encoder, path)
    if not difference <= _TOLERANCE:
        raise _refusal(encoder, f"the graph's vectors are off by {difference:.1g}")


def _refusal(encoder: Encoder, reason: str) -> UserError:
    return UserError(
        f"An encoder of type {encoder.bare.config.model_type!r} cannot be made an ONNX graph: {reason}.",
        hint='Use `base = "minilm"`, or another family: BERT, RoBERTa, DeBERTa, ModernBERT, ...',
    )


def _trace(encoder: Encoder) -> onnx.ModelProto:
    import torch

    class Reading(torch.nn.Module):
        """All layers that are read, as outputs."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return encoder.read(input_ids, attention_mask)

    ids = torch.ones((2, 8), dtype=torch.long)
    shape = {0: torch.export.Dim("windows"), 1: torch.export.Dim("tokens")}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns about its own internals.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Reading(),
            (ids, torch.ones_like(ids)),
            input_names=["input_ids", "attention_mask"],
            output_names=_outputs(encoder),
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _outputs(encoder: Encoder) -> list[str]:
    return ["tokens", MIDDLE] if encoder.middle else ["tokens"]


def _difference(encoder: Encoder, path: Path) -> float:
    """Returns how far a graph's token vectors are from the encoder's, at shapes that it was not traced with."""
    import onnxruntime

    from freehold.engine import run_encoder

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    reference = run_encoder(encoder)
    random = np.random.default_rng(0)
    longest = int(getattr(encoder.bare.config, "max_position_embeddings", 64)) - 2
    worst = 0.0
    for windows, tokens in ((1, min(3, longest)), (3, min(37, longest))):
        ids = random.integers(0, encoder.vocabulary, (windows, tokens))
        mask = (np.arange(tokens) < random.integers(1, tokens + 1, (windows, 1))).astype(np.int64)
        found = session.run(_outputs(encoder), {"input_ids": ids, "attention_mask": mask})
        for ours, wanted in zip(found, [each for each in reference(ids, mask) if each is not None], strict=True):
            worst = max(worst, float(np.abs(ours - wanted)[mask == 1].max()))
    return worst


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drops stack traces and paths, so that the same weights give the same bytes everywhere."""
    del model.metadata_props[:]
    model.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]


def quantise_encoder(source: Path, target: Path, *, form: Form) -> None:
    """Writes one of the int8 forms of an fp32 encoder graph."""
    if form == "int8":
        _quantise_dynamically(source, target)
        model = onnx.load(target)
    else:
        model = onnx.load(source)
        _quantise_weights(model.graph)
    _quantise_tables(model.graph)
    onnx.save(model, target)


def _quantise_dynamically(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises a step for graphs that are not exported whole
    try:
        quantize_dynamic(
            str(source),
            str(target),
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
        )
    finally:
        logging.disable(logging.NOTSET)


def _quantise_weights(graph: onnx.GraphProto) -> None:
    """Stores the weights of every matrix product as int8 with one scale a column; products stay in fp32.

    Weights that several layers share are stored once.
    """
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    done: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in list(graph.node):
        weight = tensors.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and len(weight.dims) == 2:
            name = weight.name
            if name not in done:
                done.add(name)
                columns, scale = _to_int8(numpy_helper.to_array(weight).T)
                rows = np.ascontiguousarray(columns.T)
                graph.initializer.append(numpy_helper.from_array(rows, f"{name}_int8"))
                graph.initializer.append(numpy_helper.from_array(scale[:, 0], f"{name}_scale"))
                names = [f"{name}_int8", f"{name}_scale"]
                nodes.append(helper.make_node("DequantizeLinear", names, [f"{name}_float"], axis=1))
            node.input[1] = f"{name}_float"
        nodes.append(node)
    _replace_nodes(graph, nodes)


def _replace_nodes(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Gives a graph its new nodes, and takes away the tensors that none of them uses."""
    del graph.node[:]
    graph.node.extend(nodes)
    used = set(_inputs(nodes))
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _inputs(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    """Yields the names of all that nodes take, those in branches too."""
    for node in nodes:
        yield from node.input
        for part in node.attribute:
            yield from _inputs(part.g.node)


def _to_int8(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Returns symmetric int8 rows and their scales, shape (rows, 1)."""
    scale = (np.maximum(np.abs(table).max(1, keepdims=True), 1e-12) / 127).astype(np.float32)
    return np.clip(np.rint(table / scale), -127, 127).astype(np.int8), scale


def _quantise_tables(graph: onnx.GraphProto) -> None:
    """Replaces every look-up in a large fp32 table by one in int8 rows and one in their scales."""
    tensors = {tensor.name: tensor for tensor in graph.initializer if _is_table(tensor)}
    added: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in list(graph.node):
        table = tensors.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or any(part.name == "axis" and part.i for part in node.attribute):
            nodes.append(node)
            continue
        if table.name not in added:
            added.add(table.name)
            rows, scale = _to_int8(numpy_helper.to_array(table))
            graph.initializer.append(numpy_helper.from_array(rows, f"{table.name}_rows"))
            graph.initializer.append(numpy_helper.from_array(scale, f"{table.name}_scale"))
        nodes += _lookup(table.name, ids=node.input[1], out=node.output[0])
    _replace_nodes(graph, nodes)


def _is_table(tensor: TensorProto) -> bool:
    return tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2 and tensor.dims[0] >= _TABLE_ROWS


def _lookup(table: str, *, ids: str, out: str) -> list[onnx.NodeProto]:
    """Returns the nodes that look up int8 rows and scale them back."""
    return [
        helper.make_node("Gather", [f"{table}_rows", ids], [f"{out}_int8"]),
        helper.make_node("Cast", [f"{out}_int8"], [f"{out}_float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{table}_scale", ids], [f"{out}_factor"]),
        helper.make_node("Mul", [f"{out}_float", f"{out}_factor"], [out]),
    ]
