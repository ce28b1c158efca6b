"""Encoder graphs in int8.

The form `int8` multiplies int8 weights, one scale a column, with activations that are made int8 on the fly, one
scale a token (Yao et al., "ZeroQuant", 2022), after outliers of the activations were moved into the weights (Xiao
et al., "SmoothQuant", 2023). `int8-weights` has int8 weights that are scaled back when the graph is loaded.
Embedding tables are int8 with one scale a row, which keeps rare words exact enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["FORMS", "Form", "quantise_encoder"]

Form = Literal["int8", "int8-weights", "fp32"]
FORMS: tuple[Form, ...] = ("int8", "int8-weights", "fp32")
"""From fast to exact. `int8-weights` is as small as `int8`, and computes in fp32."""

_TABLE_ROWS = 256
_PAIR = 128
"""What two neighbouring weights of a column may add up to: times 255, that is just what 16 bits hold."""
_WINDOWS, _TOKENS = 128, 16
"""Shape of the random ids on which outliers show; they lie in the same places whatever is read."""
_SHARE = 0.5
"""How much of an outlier goes into the weights; the paper's."""


def quantise_encoder(source: Path, target: Path, *, form: Form) -> None:
    """Writes one of the int8 forms of an fp32 encoder graph."""
    model = onnx.load(source)
    if form == "int8":
        _smooth(model)
        _quantise_products(model.graph)
    else:
        _quantise_weights(model.graph)
    _quantise_tables(model.graph)
    onnx.save(model, target)


def _smooth(model: onnx.ModelProto) -> None:
    """Divides what normalisations hand to products by channel, and multiplies the weights, against outliers.

    The sums stay the same; outliers no longer take the scale from the rest of their row. Weights that several
    layers share stay as they are.
    """
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    uses = Counter(_inputs(graph.node))
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        weight = tensors.get(node.input[1]) if node.op_type == "MatMul" else None
        maker = makers.get(node.input[0])
        own = weight is not None and len(weight.dims) == 2 and uses[weight.name] == 1
        if own and maker and maker.op_type == "LayerNormalization":
            readers.setdefault(node.input[0], []).append(node)
    sizes = _sizes(model, list(readers))
    nodes = {name: _divide(graph, readers[name], tensors=tensors, size=sizes[name]) for name in sizes}
    _replace_nodes(graph, [each for node in graph.node for each in (node, *_after(node, nodes))])


def _after(node: onnx.NodeProto, nodes: Mapping[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    return [nodes[name] for name in node.output if name in nodes]


def _divide(
    graph: onnx.GraphProto,
    readers: Sequence[onnx.NodeProto],
    *,
    tensors: Mapping[str, TensorProto],
    size: NDArray[np.float32],
) -> onnx.NodeProto:
    """Lets products read smoothed values from smoothed weights; returns the node that smoothes the values."""
    given, weights = readers[0].input[0], [numpy_helper.to_array(tensors[node.input[1]]) for node in readers]
    most = np.maximum(np.max([np.abs(weight).max(1) for weight in weights], axis=0), 1e-6)
    factor = np.maximum(size, 1e-6) ** _SHARE / most ** (1 - _SHARE)
    factor /= np.exp(np.log(factor).mean())
    for node, weight in zip(readers, weights, strict=True):
        name = f"{node.input[1]}_smooth"
        graph.initializer.append(numpy_helper.from_array((weight * factor[:, None]).astype(np.float32), name))
        node.input[:] = [f"{given}_smooth", name]
    graph.initializer.append(numpy_helper.from_array((1 / factor).astype(np.float32), f"{given}_factor"))
    return helper.make_node("Mul", [given, f"{given}_factor"], [f"{given}_smooth"])


def _sizes(model: onnx.ModelProto, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Returns the largest value of every channel of some tensors, over random ids; nothing without known ids."""
    import onnxruntime

    tables = {tensor.name: next(iter(tensor.dims), 0) for tensor in model.graph.initializer}
    known = [tables[n.input[0]] for n in model.graph.node if n.op_type == "Gather" and n.input[1] == "input_ids"]
    if not known or not names:
        return {}
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(0).integers(0, known[0], (_WINDOWS, _TOKENS))
    found = session.run(list(names), {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    return {name: np.abs(each).max((0, 1)) for name, each in zip(names, found, strict=True)}


def _quantise_products(graph: onnx.GraphProto) -> None:
    """Replaces every product with a weight by one of integers, scaled back by token and by column.

    Processors without VNNI add two products of neighbours in 16 bits, and saturate. No column has two weights that
    could make them, so that all processors compute the same sums.
    """
    stored, nodes, read = _Stored(graph, pairs=True), list[onnx.NodeProto](), set[str]()
    number = stored.constant
    zero, axes = number("int8_zero", np.uint8(128)), number("int8_axes", np.array([-1]))
    for node in list(graph.node):
        weight = stored.weight(node)
        if weight is None:
            nodes.append(node)
            continue
        given, out = node.input[0], node.output[0]
        if given not in read:
            read.add(given)
            nodes += _to_tokens(given, axes=axes, number=number)
        name, scale = weight
        nodes += [
            helper.make_node("MatMulInteger", [f"{given}_int8", name, zero], [f"{out}_sum"]),
            helper.make_node("Cast", [f"{out}_sum"], [f"{out}_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{out}_float", scale], [f"{out}_columns"]),
            helper.make_node("Mul", [f"{out}_columns", f"{given}_scale"], [out]),
        ]
    _replace_nodes(graph, nodes)


def _to_tokens(given: str, *, axes: str, number: Callable[[str, Any], str]) -> list[onnx.NodeProto]:
    """Returns the nodes that make `GIVEN_int8`, around 128, and `GIVEN_scale`, one a token."""
    least, share = number("int8_least", np.float32(1e-12)), number("int8_share", np.float32(1 / 127))
    middle = number("int8_middle", np.float32(128))
    return [
        helper.make_node("Abs", [given], [f"{given}_size"]),
        helper.make_node("ReduceMax", [f"{given}_size", axes], [f"{given}_most"], keepdims=1),
        helper.make_node("Max", [f"{given}_most", least], [f"{given}_range"]),
        helper.make_node("Mul", [f"{given}_range", share], [f"{given}_scale"]),
        helper.make_node("Div", [given, f"{given}_scale"], [f"{given}_steps"]),
        helper.make_node("Round", [f"{given}_steps"], [f"{given}_round"]),
        helper.make_node("Add", [f"{given}_round", middle], [f"{given}_shifted"]),
        helper.make_node("Cast", [f"{given}_shifted"], [f"{given}_int8"], to=TensorProto.UINT8),
    ]


def _quantise_weights(graph: onnx.GraphProto) -> None:
    """Stores the weights of every matrix product as int8 with one scale a column; products stay in fp32.

    Weights that several layers share are stored once.
    """
    stored, nodes, done = _Stored(graph), list[onnx.NodeProto](), set[str]()
    for node in list(graph.node):
        if weight := stored.weight(node):
            if weight[0] not in done:
                done.add(weight[0])
                nodes.append(helper.make_node("DequantizeLinear", [*weight], [f"{weight[0]}_float"], axis=1))
            node.input[1] = f"{weight[0]}_float"
        nodes.append(node)
    _replace_nodes(graph, nodes)


class _Stored:
    """Weights of a graph as int8, each stored once however many nodes share it.

    Args:
        pairs: Whether two neighbours of a column must not add up to more than `_PAIR`.
    """

    def __init__(self, graph: onnx.GraphProto, *, pairs: bool = False) -> None:
        self._graph, self._pairs = graph, pairs
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._done: set[str] = set()

    def weight(self, node: onnx.NodeProto) -> tuple[str, str] | None:
        """Returns the names of a product's weight and of its scales, one a column; None where it has none."""
        tensor = self._tensors.get(node.input[1]) if node.op_type == "MatMul" else None
        if tensor is None or len(tensor.dims) != 2:
            return None
        names = f"{tensor.name}_int8", f"{tensor.name}_scale"
        if names[0] not in self._done:
            table = numpy_helper.to_array(tensor).T
            columns, scale = _to_int8(table, least=_pair_scale(table) if self._pairs else 0.0)
            self.constant(names[0], np.ascontiguousarray(columns.T))
            self.constant(names[1], scale[:, 0])
        return names

    def constant(self, name: str, value: Any) -> str:
        """Stores a constant, once, and returns its name."""
        if name not in self._done:
            self._done.add(name)
            self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name


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


def _pair_scale(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the least scale of each row, shape (rows, 1), that keeps each pair within `_PAIR` when rounded."""
    even = table[:, : table.shape[1] // 2 * 2]
    sums = np.abs(even[:, 0::2] + even[:, 1::2]).max(1, keepdims=True, initial=0.0)
    return np.asarray(sums / (_PAIR - 1), np.float32)


def _to_int8(
    table: NDArray[np.float32], *, least: NDArray[np.float32] | float = 0.0
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Returns symmetric int8 rows and their scales, shape (rows, 1), none below `least`."""
    scale = (np.maximum(np.abs(table).max(1, keepdims=True), 1e-12) / 127).astype(np.float32)
    scale = np.maximum(scale, least)
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
        helper.make_node("Gather", [f"{table}_rows", ids], [f"{out}_row_int8"]),
        helper.make_node("Cast", [f"{out}_row_int8"], [f"{out}_row"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{table}_scale", ids], [f"{out}_row_scale"]),
        helper.make_node("Mul", [f"{out}_row", f"{out}_row_scale"], [out]),
    ]
